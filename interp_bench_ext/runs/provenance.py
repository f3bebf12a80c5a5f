"""What a run about to start is made of: digests of its config, organism, techniques and instructions."""

from __future__ import annotations

from importlib import metadata
from pathlib import Path
from typing import Any

from ..agent.prompt import agent_md
from ..config import Experiment, PublicConfig, SealedConfig
from ..installed import experiment_techniques
from ..record.provenance import RECKONING, Provenance, digest, keyed_digest

_OF_THE_ORGANISM = {
    "name",
    "is_peft",
    "base_model",
    "tokenizer",
    "dtype",
    "revision",
    "base_revision",
    "quantization",
    "reference",
    "sae",
    "oracle",
    "oracle_revision",
}


def provenance_of(experiment: Experiment, *, key: bytes) -> Provenance:
    """Of a run of ``experiment``, whose agent has been chosen.

    Args:
        experiment: The config with this run's overrides.
        key: The journal's secret, without which the sealed half's digests tell nothing.
    """
    public = experiment.public
    techniques = digest(_technique_files(experiment))
    instructions = digest([public.task, agent_md() if public.prompt is None else public.prompt, public.tips])
    return Provenance(
        package=metadata.version("interp_bench_ext"),
        config=keyed_digest(key, _config_files(experiment)),
        organism=keyed_digest(key, _identity(experiment.sealed)),
        techniques=techniques,
        instructions=instructions,
        condition=_condition(public, techniques, instructions),
    )


def _condition(public: PublicConfig, techniques: str, instructions: str) -> str:
    agent = public.agent.model_dump(mode="json")
    return digest(
        [RECKONING, metadata.version("interp_bench_ext"), agent, str(public.access), techniques, instructions]
    )


def _identity(sealed: SealedConfig) -> list[Any]:
    model = sealed.model.model_dump(mode="json", include=_OF_THE_ORGANISM)
    for beside in ("reference", "sae", "oracle", "oracle_revision"):
        if model[beside] is None:
            del model[beside]
    for beside in ("sae", "oracle"):
        if beside in model:
            model[beside] = _place(model[beside], sealed.folder)
    for section in (model, *([model["reference"]] if "reference" in model else [])):
        for field in ("name", "base_model", "tokenizer"):
            section[field] = _place(section[field], sealed.folder)
    return [model, sealed.hidden_system_prompt, *([sealed.reference_prompt] if sealed.reference_prompt else [])]


def _place(source: str | None, folder: Path) -> str | None:
    """A folder beside the config by its path from there: a checkout may lie anywhere."""
    if source is None or not Path(source).is_relative_to(folder):
        return source
    return Path(source).relative_to(folder).as_posix()


def _config_files(experiment: Experiment) -> list[str]:
    evaluation = experiment.sealed.evaluation
    truth = evaluation.ground_truth_file if evaluation else None
    return [_text(experiment.path), _text(experiment.folder / Path(truth).expanduser()) if truth else ""]


def _technique_files(experiment: Experiment) -> dict[str, str]:
    """The techniques by name, and the helpers that lie beside them."""
    files = experiment_techniques(experiment.folder)
    found = {name: files[name] for name in experiment.public.techniques}
    helpers = {helper.stem: helper for file in found.values() for helper in file.parent.glob("_*.py")}
    return {name: _text(file) for name, file in {**helpers, **found}.items()}


def _text(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
