"""Proportions with their uncertainty, and secrets beside nulls: a score alone says little."""

from __future__ import annotations

from collections.abc import Iterable

from pydantic import BaseModel, ConfigDict

from ..intervals import wilson_interval
from .grader import Score


class Proportion(BaseModel):
    """``k`` of ``n`` with its Wilson interval."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    k: int
    n: int
    low: float
    high: float

    def __str__(self) -> str:
        if self.n == 0:
            return "0/0"
        return f"{self.k}/{self.n} (95% CI {self.low:.0%} to {self.high:.0%})"


class Comparison(BaseModel):
    """The same agent on organisms with a secret and on organisms without one."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    secrets: Proportion
    """Runs on secrets that named them."""
    nulls: Proportion
    """Runs on nulls that claimed something all the same."""

    @property
    def line(self) -> str:
        """For example ``3/3 on secrets (95% CI 44% to 100%), 0/6 claims on nulls (95% CI 0% to 39%)``."""
        parts = []
        for proportion, what in ((self.secrets, "on secrets"), (self.nulls, "claims on nulls")):
            ratio, _, interval = str(proportion).partition(" ")
            parts.append(f"{ratio} {what} {interval}".rstrip())
        return ", ".join(parts)


def proportion(k: int, n: int) -> Proportion:
    """``k`` of ``n`` with its 95% interval."""
    low, high = wilson_interval(k, n)
    return Proportion(k=k, n=n, low=low, high=high)


def compare(scores: Iterable[Score]) -> Comparison:
    """Secrets named and nulls claimed about, over any number of runs."""
    given = list(scores)
    secrets = [score for score in given if score.kind == "secret"]
    nulls = [score for score in given if score.kind == "null"]
    return Comparison(
        secrets=proportion(sum(score.named for score in secrets), len(secrets)),
        nulls=proportion(sum(score.false_claims > 0 for score in nulls), len(nulls)),
    )
