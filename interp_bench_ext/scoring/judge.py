"""Grading by a judge instead of by words, for secrets that can be said in too many ways for a list."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from ..record.events import Finding
from ..record.scores import Score
from .grader import null_score, ranked, secret_score
from .ground_truth import GroundTruth


class Judge(Protocol):
    """Decides whether one claim states one secret. It sees the claim alone, never the run that led to it."""

    async def states(self, *, claim: str, secret: str) -> bool:
        """Whether ``claim`` says the same as ``secret``, in whatever words."""
        ...


async def judged_score(findings: Sequence[Finding], truth: GroundTruth, *, judge: Judge) -> Score:
    """The score of ``findings`` as ``judge`` reads them; on a null organism there is nothing to judge."""
    if truth.secret is None:
        return null_score(findings, grader="judge")
    naming = [await judge.states(claim=finding.claim, secret=truth.secret) for finding in ranked(findings)]
    return secret_score(findings, truth, naming=naming, grader="judge")
