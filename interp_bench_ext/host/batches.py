"""Which rows go into one pass: those of a kind, as many as fit in memory."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from itertools import takewhile

from interp_bench_ext.host.memory import Sizes


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


def generation_batches(
    lengths: Sequence[int], kinds: Sequence[Hashable], new: int, sizes: Sizes, budget: int
) -> list[list[int]]:
    """Row indices per batch, of one kind, rows of like length together."""
    assert len(lengths) == len(kinds)
    batches: list[list[int]] = []
    open_batches: dict[Hashable, list[int]] = {}
    for row in sorted(range(len(lengths)), key=lambda row: lengths[row]):
        batch = open_batches.get(kinds[row], [])
        fits = (len(batch) + 1) * sizes.per_generated_row(lengths[row], new) <= budget
        if batch and fits:
            batch.append(row)
        else:
            open_batches[kinds[row]] = [row]
            batches.append(open_batches[kinds[row]])
    return batches


def common_prefix(ids: Sequence[tuple[int, ...]]) -> int:
    """How many tokens all rows begin with, leaving every row at least one of its own."""
    columns = zip(*(row[:-1] for row in ids), strict=False)
    return sum(1 for _ in takewhile(lambda column: all(token == column[0] for token in column), columns))
