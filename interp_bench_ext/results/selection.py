"""Which part of a result is shown, and in what order: the same in text, HTML and charts."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Sequence

import numpy as np

from .types import AttentionGrid, EffectGrid, Generations, LensGrid, WordScores

WORDS_UP, WORDS_DOWN = 20, 6


def runs_of_rows(result: Generations) -> Iterable[tuple[tuple[str, str], list[int]]]:
    """Consecutive rows that share prompt and prefill."""
    rows = range(len(result.texts))
    for key, group in itertools.groupby(rows, key=lambda row: (result.prompts[row], result.prefills[row])):
        yield key, list(group)


def word_rows(result: WordScores, up: int = WORDS_UP, down: int = WORDS_DOWN) -> list[int]:
    """The rows with the highest and, where negative, the lowest z."""
    n = len(result.words)
    if n <= up + down:
        return list(range(n))
    return [*range(up), *(row for row in range(n - down, n) if result.z[row] < 0)]


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


def has_target(result: LensGrid) -> bool:
    return bool(result.target) and bool(result.target_probs.size)


def target_first_ranked(result: LensGrid, column: int) -> str:
    """From which layer on the target stays the most likely token at this position."""
    ranks = result.target_ranks[:, column]
    behind = np.flatnonzero(ranks != 1)
    if behind.size and behind[-1] == len(ranks) - 1:
        return f"best rank {ranks.min():,} at layer {result.layers[int(ranks.argmin())]}"
    return f"rank 1 from layer {result.layers[int(behind[-1]) + 1 if behind.size else 0]} on"


def effect_rows(result: EffectGrid, limit: int) -> list[int]:
    """The sites with the largest effects, from the embedding upwards."""
    if len(result.sites) <= limit:
        return list(range(len(result.sites)))
    strongest = np.nan_to_num(np.abs(result.effects)).max(axis=1, initial=0)
    return sorted(np.argsort(-strongest, kind="stable")[:limit].tolist())


def largest_effects(result: EffectGrid, limit: int) -> list[tuple[int, int]]:
    """Site and token of the largest effects of either sign, the largest first."""
    order = np.argsort(-np.nan_to_num(np.abs(result.effects)), axis=None, kind="stable")[:limit]
    sites, tokens = np.unravel_index(order, result.effects.shape)
    return list(zip(sites.tolist(), tokens.tolist(), strict=True))


def strongest_keys(result: AttentionGrid, head: int, query: int, limit: int) -> list[int]:
    """The tokens that a query attends to most, the most attended first."""
    weights = np.nan_to_num(result.weights[head, query])
    return [int(key) for key in np.argsort(-weights, kind="stable")[:limit] if weights[key] > 0]
