"""Keys and values on the CPU, in memory with room for the columns that come next.

transformers' own layer copies all that it has for each token more, which for many rows is a seventh of a step.

Shapes: B rows, C columns, D numbers of a head.
"""

from __future__ import annotations

from typing import Any

import torch
from transformers import DynamicCache
from transformers.cache_utils import DynamicLayer

_ROOM = 16
"""Columns that are free after a copy."""


def growing(cache: DynamicCache) -> DynamicCache:
    """The empty cache, with such layers where plain ones are."""
    cache.layers = [GrowingLayer() if type(layer) is DynamicLayer else layer for layer in cache.layers]
    return cache


class GrowingLayer(DynamicLayer):
    """Keys and values ``[B, heads, C, D]``; whatever puts others in their place has them copied once."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._keys, self._values = _Memory(), _Memory()

    def update(self, key_states: torch.Tensor, value_states: torch.Tensor, *args: Any, **kwargs: Any) -> Any:
        """Take in more columns; all that there are."""
        keys, values = self.keys, self.values
        if keys is None or values is None or not keys.numel() or torch.is_grad_enabled():
            return super().update(key_states, value_states, *args, **kwargs)
        self.keys = self._keys.with_more(keys, key_states)
        self.values = self._values.with_more(values, value_states)
        return self.keys, self.values


class _Memory:
    """The last tensor that it gave, and the memory that this is the beginning of."""

    def __init__(self) -> None:
        self._whole = self._given = torch.zeros(0)

    def with_more(self, held: torch.Tensor, more: torch.Tensor) -> torch.Tensor:
        """``held`` with columns behind it; it is in place if ``held`` is what was given last, and there is room."""
        before, columns = held.shape[-2], held.shape[-2] + more.shape[-2]
        if held is not self._given or columns > self._whole.shape[-2]:
            self._whole = held.new_empty((*held.shape[:-2], columns + _ROOM, held.shape[-1]))
            self._whole[..., :before, :] = held
        self._whole[..., before:columns, :] = more
        self._given = self._whole[..., :columns, :]
        return self._given
