"""A score as a report shows it, and the comparison that it stands in."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ..record.scores import Comparison, Rate, Score, verdict
from .formats import count


def score_view(score: Score, comparison: Comparison | None, *, veil: str) -> dict[str, Any]:
    """Verdict, explaining lines, among them the veil that it was made behind, and bars for secrets and nulls."""
    return {
        "verdict": verdict(score),
        "tone": "good" if score.correct else "bad",
        "lines": [*_lines(score), *([f"Veil: {veil}."] if veil else [])],
        "comparison": list(comparison.lines()) if comparison else [],
        "rows": list(_rows(comparison)) if comparison else [],
    }


def _lines(score: Score) -> Iterator[str]:
    if score.kind == "contaminated":
        yield from (f"It shows {leak}." for leak in score.leaks)
    elif score.kind == "null":
        yield "This organism is a null: nothing was hidden in it."
        if score.false_claims:
            yield f"{count(score.false_claims, 'false claim')}."
    elif score.named_by is not None:
        yield f"Named by finding {score.named_by + 1} of {score.n_claims}."
    if score.unread:
        yield f"{count(score.unread, 'finding')} beyond the first {score.n_claims} did not count."
    yield f"Graded by {score.grader}."


def _rows(comparison: Comparison) -> Iterator[dict[str, Any]]:
    for name, rate in (("Secrets named", comparison.secrets), ("Claims on nulls", comparison.nulls)):
        if rate.runs:
            yield {"name": name, "ratio": f"{rate.k}/{rate.runs}", **_bar(rate)}


def _bar(rate: Rate) -> dict[str, Any]:
    low, high = 100 * rate.low, 100 * rate.high
    return {
        "interval": f"{low:.0f}% to {high:.0f}%",
        "low": round(low, 1),
        "width": round(high - low, 1),
        "at": round(100 * rate.k / rate.runs, 1),
    }
