"""How many rows go into one pass, from the memory that a row takes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import takewhile

import torch

from interp_bench_ext.host.parts import Parts

_MOST_ROWS = 128


@dataclass(frozen=True)
class Sizes:
    """Bytes, from the model's shape; rough, on the high side."""

    vocabulary: int
    """Float32 logits of one position."""
    residuals: int
    """The residual stream of one position after every block."""
    key_values: int
    """The cache of one position, twice, because growing it copies it."""
    activations: int
    """One position on its way through a block."""

    @classmethod
    def of(cls, parts: Parts, dtype: torch.dtype) -> Sizes:
        """Sizes of a model with these parts in this number format."""
        layers, width = len(parts.blocks), int(parts.config.hidden_size)
        inner = int(getattr(parts.config, "intermediate_size", None) or 4 * width)
        return cls(
            vocabulary=4 * int(parts.config.vocab_size),
            residuals=2 * (layers + 1) * width * dtype.itemsize,
            key_values=2 * 2 * layers * parts.n_key_value_heads * parts.head_size * dtype.itemsize,
            activations=(4 * inner + 8 * width) * dtype.itemsize,
        )

    def per_forward_token(self, *, logits: bool, residuals: bool) -> int:
        """One position of a forward pass; logits exist in the model's format and in float32."""
        kept = (2 * self.vocabulary if logits else 0) + (self.residuals if residuals else 0)
        return self.key_values + self.activations + kept

    def per_generated_row(self, prompt: int, new: int) -> int:
        """One row of a generation; drawing needs a handful of vectors over the vocabulary."""
        return (prompt + new) * self.key_values + prompt * self.activations + 6 * self.vocabulary


def contiguous_batches(lengths: Sequence[int], per_token: int, budget: int) -> list[range]:
    """Consecutive rows per batch, padded to the longest among them."""
    batches: list[range] = []
    start = longest = 0
    for row, length in enumerate(lengths):
        longest = max(longest, length)
        rows = row - start + 1
        if rows > 1 and (rows > _MOST_ROWS or rows * longest * per_token > budget):
            batches.append(range(start, row))
            start, longest = row, length
    return [*batches, range(start, len(lengths))] if lengths else []


def generation_batches(
    lengths: Sequence[int], new: int, sizes: Sizes, budget: int, *, equal_lengths: bool
) -> list[list[int]]:
    """Row indices per batch, rows of like length together; with ``equal_lengths`` no batch needs padding."""
    batches: list[list[int]] = []
    for row in sorted(range(len(lengths)), key=lambda row: lengths[row]):
        batch = batches[-1] if batches else []
        fits = (len(batch) + 1) * sizes.per_generated_row(lengths[row], new) <= budget and len(batch) < _MOST_ROWS
        alike = bool(batch) and (not equal_lengths or lengths[batch[0]] == lengths[row])
        if fits and alike:
            batch.append(row)
        else:
            batches.append([row])
    return batches


def common_prefix(ids: Sequence[tuple[int, ...]]) -> int:
    """How many tokens all rows begin with, leaving every row at least one of its own."""
    columns = zip(*(row[:-1] for row in ids), strict=False)
    return sum(1 for _ in takewhile(lambda column: all(token == column[0] for token in column), columns))
