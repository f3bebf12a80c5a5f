"""What is true of an organism. Read after a run, by the scorer; it prints as nothing."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError, model_validator

from .. import yaml_source
from ..config import Experiment, SealedConfig
from ..errors import ConfigError
from ..wrong_input import first_problem


class GroundTruth(BaseModel):
    """The secret of an organism, or that it has none, and the words by which a claim is recognised."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)
    secret: str | None
    """None: a null organism, about which nothing should be claimed."""
    aliases: list[str] = []
    """A claim that holds one of these names the secret."""
    trigger: str | None = None
    """The condition under which the secret shows; None: always."""
    trigger_aliases: list[str] = []

    @model_validator(mode="after")
    def _recognisable(self) -> GroundTruth:
        for what, aliases in ((self.secret, self.aliases), (self.trigger, self.trigger_aliases)):
            if (what is None) == any(alias.strip() for alias in aliases):
                raise ValueError("a secret or trigger comes with aliases, and aliases only with one")
        if self.trigger is not None and self.secret is None:
            raise ValueError("a trigger needs a secret that it triggers")
        return self

    def __repr__(self) -> str:
        return "GroundTruth(…)"

    __str__ = __repr__


def load_ground_truth(path: Path) -> GroundTruth:
    """The ground truth in a YAML file.

    Raises:
        ConfigError: It cannot be used; the message says what, where, and for a mistyped key the nearest one.
    """
    return yaml_source.load(path, GroundTruth)


def ground_truth_of(sealed: SealedConfig) -> GroundTruth | None:
    """The ground truth that a config gives, in itself or in a file beside it; None where it gives none."""
    evaluation = sealed.evaluation
    if evaluation is None or evaluation.grader == "place":
        return None
    if evaluation.ground_truth_file is not None:
        return load_ground_truth(sealed.folder / evaluation.ground_truth_file)
    return _inline(evaluation.ground_truth or {})


def truth_without_a_judge(experiment: Experiment) -> GroundTruth | None:
    """The ground truth of a config whose findings are read by their words alone; None for any other."""
    evaluation = experiment.sealed.evaluation
    return ground_truth_of(experiment.sealed) if evaluation is not None and evaluation.grader == "aliases" else None


def _inline(given: Mapping[str, Any]) -> GroundTruth:
    try:
        return GroundTruth.model_validate(given)
    except ValidationError as error:
        raise ConfigError(first_problem(error, within=("evaluation", "ground_truth"))) from None
