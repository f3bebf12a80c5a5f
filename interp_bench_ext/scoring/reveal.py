"""The ground truth beside the claims, for a person to look at once a run has been scored."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from ..api import Passage, Reveal
from ..record.events import Finding
from ..record.scores import Score
from .ground_truth import GroundTruth
from .words import occurrences


def reveal(findings: Sequence[Finding], truth: GroundTruth, score: Score) -> Reveal:
    """``truth`` beside the claims of ``findings``; the words are marked by which a claim is recognised."""
    claims = [finding.claim for finding in findings]
    names = [*truth.aliases, *truth.trigger_aliases]
    shared = [name for name in names if any(occurrences(claim, [name]) for claim in claims)]
    return Reveal(
        secret=_passages(truth.secret, shared),
        trigger=_passages(truth.trigger, shared),
        claims=[list(_cut(claim, shared)) for claim in claims],
        named_by=score.named_by,
        aliases=truth.aliases,
    )


def _passages(text: str | None, names: Sequence[str]) -> list[Passage] | None:
    return None if text is None else list(_cut(text, names))


def _cut(text: str, names: Sequence[str]) -> Iterator[Passage]:
    done = 0
    for start, end in occurrences(text, names):
        if start > done:
            yield Passage(text=text[done:start])
        yield Passage(text=text[start:end], matched=True)
        done = end
    if done < len(text):
        yield Passage(text=text[done:])
