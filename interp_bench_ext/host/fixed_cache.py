"""A batch's keys and values in memory that is neither moved nor grown while steps are recorded on it.

Shapes: B rows, C columns of the buffers, D numbers of a head.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch

Size = tuple[int, int]
"""Rows and columns."""


class _FixedLayer:
    """Keys and values ``[B, heads, C, D]``, as a layer of transformers' caches; a pass writes into one column."""

    is_initialized, is_sliding, is_compileable = True, False, True

    def __init__(self, keys: torch.Tensor, values: torch.Tensor, column: torch.Tensor) -> None:
        self.keys, self.values, self._column = keys, values, column

    def update(self, keys: torch.Tensor, values: torch.Tensor, *_: Any, **__: Any) -> tuple[torch.Tensor, torch.Tensor]:
        """Take in ``[B, heads, 1, D]``; what there is to attend to."""
        self.keys.index_copy_(2, self._column, keys)
        self.values.index_copy_(2, self._column, values)
        return self.keys, self.values

    def get_mask_sizes(self, _query_length: int) -> tuple[int, int]:
        """All columns are there from the beginning."""
        return self.keys.shape[2], 0

    def get_seq_length(self) -> int:
        """Of no use, as positions and masks are given."""
        return self.keys.shape[2] - 1

    def get_max_length(self) -> int:
        """C."""
        return self.keys.shape[2]


@dataclass(frozen=True)
class Given:
    """The cache that a model is given, and the column ``[1]`` that its next pass writes into."""

    whole: Any
    column: torch.Tensor


class FixedCache:
    """Memory for the largest buffers so far; smaller ones are its beginning."""

    def __init__(self) -> None:
        self._flat: list[tuple[torch.Tensor, torch.Tensor]] = []
        self._shapes: list[tuple[Size, Size]] = []
        self._layers: list[tuple[torch.Tensor, torch.Tensor]] = []
        self._places = 0
        self._column = torch.zeros(0)
        self._given: torch.Tensor | None = None
        """The first layer's keys that a batch was given as a view; it has them still if they are the same object."""
        self.size: Size = (0, 0)

    def resize(self, like: Any, rows: int, columns: int) -> bool:
        """Have room for so many rows and columns. Whether the memory is another, so that no recording fits it."""
        if self.size != (rows, columns):
            self.size, self._layers = (rows, columns), []
        shapes = [(_size(layer.keys), _size(layer.values)) for layer in like.layers]
        if rows * columns <= self._places and shapes == self._shapes:
            return False
        self._flat, self._layers = [], []
        self._places, self._shapes = rows * columns, shapes
        self._flat = [(_flat(layer.keys, self._places), _flat(layer.values, self._places)) for layer in like.layers]
        self._column = torch.zeros(1, dtype=torch.long, device=like.layers[0].keys.device)
        return True

    @property
    def _buffers(self) -> list[tuple[torch.Tensor, torch.Tensor]]:
        """Each layer's keys and values, of this size."""
        if not self._layers:
            self._layers = [
                (_shaped(keys, self.size, of_keys), _shaped(values, self.size, of_values))
                for (keys, values), (of_keys, of_values) in zip(self._flat, self._shapes, strict=True)
            ]
        return self._layers

    def given(self) -> Given:
        """That of the size at hand, as a model takes it."""
        from transformers import Cache

        layers: Any = [_FixedLayer(keys, values, self._column) for keys, values in self._buffers]
        return Given(Cache(layers=layers), self._column)

    def load(self, cache: Any) -> None:
        """Copy a batch's keys and values in."""
        for buffers, layer in zip(self._buffers, cache.layers, strict=True):
            for mine, its in zip(buffers, (layer.keys, layer.values), strict=True):
                mine[: its.shape[0], :, : its.shape[2]] = its

    def views(self, rows: int, columns: int) -> list[tuple[torch.Tensor, torch.Tensor]]:
        """The first rows and columns of each layer's keys and values: the batch's until something else comes in."""
        views = [(keys[:rows, :, :columns], values[:rows, :, :columns]) for keys, values in self._buffers]
        self._given = views[0][0]
        return views

    def holds(self, cache: Any) -> bool:
        """Whether the batch's keys and values are those views."""
        return self._given is not None and cache.layers[0].keys is self._given

    def take_out(self, cache: Any) -> None:
        """Give the batch its keys and values in memory of its own."""
        for layer in cache.layers:
            layer.keys, layer.values = layer.keys.clone(), layer.values.clone()
        self._given = None


def _size(each: torch.Tensor) -> Size:
    """Heads and D."""
    return each.shape[1], each.shape[3]


def _flat(like: torch.Tensor, places: int) -> torch.Tensor:
    return torch.zeros(places * like.shape[1] * like.shape[3], dtype=like.dtype, device=like.device)


def _shaped(flat: torch.Tensor, places: Size, size: Size) -> torch.Tensor:
    (rows, columns), (heads, width) = places, size
    return flat[: rows * heads * columns * width].view(rows, heads, columns, width)
