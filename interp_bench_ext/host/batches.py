"""Which rows go into one pass: those of a kind, as many as fit in memory."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import takewhile

import numpy as np

from interp_bench_ext.host.memory import Sizes

_MOST_ROWS = 1024
"""Of a batch that is chosen by what it costs."""
_ALIKE, _ALIKE_FROM = 2, 32
"""A row of up to so many times the tokens of the shortest, and so many more, is read with it."""


def contiguous_batches(lengths: Sequence[int], kinds: Sequence[Hashable], per_token: int, budget: int) -> list[range]:
    """Consecutive rows of one kind per batch, padded to the longest among them."""
    assert len(lengths) == len(kinds)
    batches: list[range] = []
    start = longest = 0
    for row, length in enumerate(lengths):
        longest = max(longest, length)
        rows = row - start + 1
        full = rows * longest * per_token > budget
        if rows > 1 and (full or kinds[row] != kinds[start]):
            batches.append(range(start, row))
            start, longest = row, length
    return [*batches, range(start, len(lengths))] if lengths else []


@dataclass(frozen=True)
class Start:
    """The first block and the first column of a row that its pass computes, and the row's length."""

    layer: int
    column: int
    length: int


@dataclass(frozen=True)
class Work:
    """What a pass costs: columns times blocks, the embedding counted as one."""

    layers: int
    overhead: int
    """What a block costs beside what it computes of columns, in columns."""

    def cost(self, batch: Sequence[Start]) -> int:
        """Of one pass over rows that begin there, each at its block, all at the first column of any."""
        columns = max(start.length for start in batch) - min(start.column for start in batch)
        layers = [self.layers + 1 - start.layer for start in batch]
        return columns * sum(layers) + self.overhead * max(layers)

    def of_whole(self, lengths: Sequence[int], batches: Sequence[range]) -> int:
        """Of passes that begin with the first block and column."""
        return sum(self.cost([Start(0, 0, lengths[row]) for row in batch]) for batch in batches)


def cheapest_batches(starts: Sequence[Start], work: Work, most: int) -> list[range]:
    """Consecutive rows in batches of the least cost together, none of more than ``most`` columns if it can be.

    By dynamic programming over the row with which the last batch begins.
    """
    layer, column, length = np.array([(start.layer, start.column, start.length) for start in starts]).T
    layers = work.layers + 1 - layer
    best, begins = np.zeros(len(starts) + 1), [0] * (len(starts) + 1)
    for end in range(1, len(starts) + 1):
        back = slice(end - 1, end - _MOST_ROWS - 1 if end > _MOST_ROWS else None, -1)
        columns = np.maximum.accumulate(length[back]) - np.minimum.accumulate(column[back])
        costs = columns * layers[back].cumsum() + work.overhead * np.maximum.accumulate(layers[back]) + best[back]
        costs[1:][(columns * np.arange(1, len(columns) + 1))[1:] > most] = np.inf
        chosen = int(costs.argmin())
        best[end], begins[end] = costs[chosen], end - 1 - chosen
    batches: list[range] = []
    end = len(starts)
    while end:
        batches.append(range(begins[end], end))
        end = begins[end]
    return batches[::-1]


class Room:
    """What of a budget of bytes rows that generate have left: they are padded to the longest.

    Args:
        hidden: Tokens that come before every row.
    """

    def __init__(self, sizes: Sizes, budget: int, hidden: int) -> None:
        self._sizes, self._budget, self._hidden = sizes, budget, hidden
        self._rows = self._longest = self._most_new = 0

    def has(self, length: int, new: int) -> bool:
        """Whether a row of this length that gets so many tokens more fits in."""
        longest, most_new = max(self._longest, length), max(self._most_new, new)
        return (self._rows + 1) * self._sizes.per_generated_row(longest, most_new + self._hidden) <= self._budget

    def take(self, rows: Iterable[tuple[int, int]]) -> None:
        """Put rows in, each a length and how many tokens more it may get."""
        for length, new in rows:
            self._rows += 1
            self._longest, self._most_new = max(self._longest, length), max(self._most_new, new)


def groups(kinds: Sequence[Hashable], sizes: Sequence[tuple[int, int]], columns: int) -> Iterator[list[int]]:
    """Row indices of those that are read together: of one kind, and of like length, as padding is work too.

    Args:
        sizes: Of each row its length, and how many tokens more it may get.
        columns: How many a group's longest row and its tokens may take together where there is padding.
    """
    assert len(kinds) == len(sizes)
    first = {kind: place for place, kind in reversed(list(enumerate(kinds)))}
    group: list[int] = []
    shortest = most_new = 0
    for row in sorted(range(len(kinds)), key=lambda row: (first[kinds[row]], sizes[row][0])):
        length, new = sizes[row]
        alike = bool(group) and kinds[row] == kinds[group[0]] and length <= _ALIKE * shortest + _ALIKE_FROM
        if group and (not alike or (length > shortest and length + max(new, most_new) > columns)):
            yield group
            group = []
        shortest, most_new = (shortest, max(new, most_new)) if group else (length, new)
        group.append(row)
    if group:
        yield group


def common_prefix(ids: Sequence[tuple[int, ...]]) -> int:
    """How many tokens all rows begin with, leaving every row at least one of its own."""
    columns = zip(*(row[:-1] for row in ids), strict=False)
    return sum(1 for _ in takewhile(lambda column: all(token == column[0] for token in column), columns))
