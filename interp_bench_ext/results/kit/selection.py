"""Which part of a result is shown, and in what order: the same in text, HTML and charts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

_TEXTS_SHOWN, _TEXTS_CHARACTERS = 32, 8000


@dataclass(frozen=True, kw_only=True)
class Limits:
    """How much of a result a chart shows."""

    bars: int
    prompts: int
    tokens: int
    rows: int
    heads: int


FULL = Limits(bars=20, prompts=6, tokens=40, rows=80, heads=12)
SMALL = Limits(bars=12, prompts=2, tokens=12, rows=20, heads=4)
"""For the picture that a cell's output carries: a notebook of many cells stays small."""


def evenly(indices: Sequence[int], limit: int) -> list[int]:
    """At most ``limit`` of ``indices`` with equal gaps up to the last; the first is always among them."""
    if len(indices) <= limit:
        return list(indices)
    stride = -(-(len(indices) - 1) // max(1, limit - 1))
    picked = list(indices[::-1][::stride])[::-1]
    return picked if picked[0] == indices[0] else [indices[0], *picked[-(limit - 1) :]]


def last(count: int, limit: int) -> list[int]:
    """The last ``limit`` of ``count`` indices: what a model says next is read at the end of a text."""
    return list(range(count))[-limit:]


def part(shown: int, count: int, what: str) -> str:
    """How much of it is shown: tokens from the end, of other things a selection."""
    if shown == count:
        return f"{count} {what}"
    return f"{'last ' if what == 'tokens' else ''}{shown} of {count} {what}"


def text_limit(n_texts: int) -> int:
    """How many characters of each of ``n_texts`` texts are shown in plain text."""
    return max(160, min(1500, _TEXTS_CHARACTERS // max(1, min(n_texts, _TEXTS_SHOWN))))
