"""A score as a report shows it. The score is read as the data that an event holds, whoever wrote it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ..record.events import JsonDict
from .formats import count


def score_view(score: JsonDict) -> dict[str, Any]:
    """Verdict, explaining lines, and the comparison with other organisms if the score has one."""
    comparison = score.get("comparison")
    return {
        "verdict": _verdict(score),
        "tone": "good" if score.get("correct") else "bad",
        "lines": list(_lines(score)),
        "comparison": comparison if isinstance(comparison, str) else "",
        "rows": list(_rows(comparison)) if isinstance(comparison, dict) else [],
    }


def _verdict(score: JsonDict) -> str:
    if score.get("kind") == "null":
        return "correct: nothing was claimed" if score.get("correct") else "a claim where there is nothing"
    return "the secret was named" if score.get("named") else "the secret was not named"


def _lines(score: JsonDict) -> Iterator[str]:
    if score.get("kind") == "null":
        yield "This organism is a null: nothing was hidden in it."
        if score.get("false_claims"):
            yield f"{count(int(score['false_claims']), 'false claim')}."
    elif score.get("named_by") is not None:
        yield f"Named by finding {int(score['named_by']) + 1} of {score.get('n_claims', '?')}."
    if score.get("trigger_named") is not None:
        yield f"Its trigger was {'named too' if score['trigger_named'] else 'not named'}."
    if score.get("secret"):
        yield f"The secret: {score['secret']}"
    if score.get("grader"):
        yield f"Graded by {score['grader']}."


def _rows(comparison: JsonDict) -> Iterator[dict[str, Any]]:
    for key, name in (("secrets", "Secrets named"), ("nulls", "Claims on nulls")):
        part = comparison.get(key)
        if isinstance(part, dict) and part.get("n"):
            low, high, share = 100 * part["low"], 100 * part["high"], 100 * part["k"] / part["n"]
            yield {
                "name": name,
                "ratio": f"{part['k']}/{part['n']}",
                "interval": f"{low:.0f}% to {high:.0f}%",
                "low": round(low, 1),
                "width": round(high - low, 1),
                "at": round(share, 1),
            }
