"""A batch in the middle of its generation. Shapes: B rows."""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch.nn.functional import pad

from interp_bench_ext.contracts import Row
from interp_bench_ext.host.arms import Arm
from interp_bench_ext.host.edits import Columns
from interp_bench_ext.host.interventions import Interventions


@dataclass
class State:
    """Its cache, ``[B, columns]`` mask, ``[B]`` next positions.

    ``arm`` is the model that it runs in; ``hooks`` are those of the rows' edits, None where there are none; ``seen``
    ``[B]`` is how many visible tokens each row has had.
    """

    rows: list[Row]
    arm: Arm
    cache: Any
    mask: torch.Tensor
    positions: torch.Tensor
    seen: Columns
    hooks: Interventions | None = None

    @property
    def base(self) -> list[bool]:
        return [row.arm == "base" for row in self.rows]

    @property
    def columns(self) -> int:
        """Of the cache, those included in which some rows have padding."""
        return self.mask.shape[1]

    @property
    def joinable(self) -> bool:
        """Whether rows can be put beside its own, and columns taken off: the cache is keys and values alone."""
        return all(_is_plain(layer) for layer in self.cache.layers)

    def keep(self, indices: list[int]) -> None:
        """Go on with these rows, one of which may be taken several times."""
        picked = torch.tensor(indices)  # on the CPU it picks from layers on any device
        self.rows = [self.rows[index] for index in indices]
        if self.hooks:
            self.hooks.keep(indices)
        pick_rows(self.cache, picked)
        self.mask, self.positions, self.seen = self.mask[picked], self.positions[picked], self.seen[indices]

    def advance(self, steps: int) -> None:
        """Have seen so many tokens more of every row."""
        self.mask = torch.cat([self.mask, torch.ones_like(self.mask[:, :1]).expand(-1, steps)], 1)
        self.positions, self.seen = self.positions + steps, self.seen + steps

    def grow(self, steps: int, views: Sequence[tuple[torch.Tensor, torch.Tensor]]) -> None:
        """The same, where their keys and values are in ``views`` with those before."""
        self.advance(steps)
        for layer, (keys, values) in zip(self.cache.layers, views, strict=True):
            layer.keys, layer.values = keys, values
            if layer.is_sliding:
                layer.cumulative_length = keys.shape[2]

    def trim(self) -> None:
        """Take off the columns in front in which no row has a token."""
        if not self.joinable:
            return
        unused = int(self.mask.any(0).to(torch.uint8).argmax())
        if unused:
            self.mask = self.mask[:, unused:]
            for layer in self.cache.layers:
                _widen(layer, self.columns + unused, self.columns)

    def join(self, other: State, arm: Arm, hooks: Interventions | None) -> None:
        """Put the other's rows behind its own, padded in front to as many columns, and go on in ``arm``."""
        wide = max(self.columns, other.columns)
        for mine, its in zip(self.cache.layers, other.cache.layers, strict=True):
            _widen(mine, self.columns, wide)
            _widen(its, other.columns, wide)
            if mine.is_initialized:
                mine.keys, mine.values = torch.cat([mine.keys, its.keys]), torch.cat([mine.values, its.values])
        masks = [pad(state.mask, (wide - state.columns, 0)) for state in (self, other)]
        self.mask, self.positions = torch.cat(masks), torch.cat([self.positions, other.positions])
        self.rows, self.seen = [*self.rows, *other.rows], np.concatenate([self.seen, other.seen])
        self.arm, self.hooks = arm, hooks


def pick_rows(cache: Any, picked: torch.Tensor) -> None:
    """Rows of a cache of any kind, in place; layers with recurrent states have only the method for beams."""
    if all(hasattr(layer, "batch_select_indices") for layer in cache.layers):
        cache.batch_select_indices(picked)
    else:
        cache.reorder_cache(picked)


def repeated(cache: Any, rows: int) -> Any:
    """One row's cache for so many rows, which leaves that row's as it is; keys and values are shared, not copied."""
    if not all(_is_plain(layer) for layer in cache.layers):
        own = copy.deepcopy(cache)
        pick_rows(own, torch.zeros(rows, dtype=torch.long))
        return own
    return _changed(cache, lambda each: each.expand(rows, -1, -1, -1))


def branched(cache: Any, picked: torch.Tensor, columns: int) -> Any:
    """Rows of a cache of keys and values, up to so many columns, beside the cache itself."""
    own = _changed(cache, lambda each: each[picked, :, :columns])
    for layer in own.layers:
        if layer.is_sliding:
            layer.cumulative_length = columns
    return own


def fewer_rows(cache: Any, rows: Sequence[int]) -> None:
    """Of each layer the first so many, in place; where these are none, one that is never looked at.

    A layer without rows is taken to have had no columns.
    """
    for layer, own in zip(cache.layers, rows, strict=True):
        if layer.is_initialized:
            layer.keys, layer.values = layer.keys[: max(own, 1)], layer.values[: max(own, 1)]


def _changed(cache: Any, change: Callable[[torch.Tensor], torch.Tensor]) -> Any:
    """Another cache with keys and values ``[B, heads, columns, width]`` made of the cache's; a pass adds to neither."""
    own = copy.copy(cache)
    own.layers = [copy.copy(layer) for layer in cache.layers]
    for layer in own.layers:
        if layer.is_initialized:  # a pass puts what it adds into new tensors
            layer.keys, layer.values = change(layer.keys), change(layer.values)
    return own


def _is_plain(layer: Any) -> bool:
    from transformers.cache_utils import DynamicLayer, DynamicSlidingWindowLayer

    return type(layer) in (DynamicLayer, DynamicSlidingWindowLayer)


def _widen(layer: Any, columns: int, wide: int) -> None:
    """Columns in front of those of a layer that has had ``columns``, until it has had ``wide``, or fewer of them.

    A layer with a window has kept the last of them only.
    """
    if not layer.is_initialized or columns == wide:
        return
    kept = wide if not layer.is_sliding else min(wide, layer.sliding_window - 1)
    more = kept - layer.keys.shape[-2]
    layer.keys, layer.values = (pad(each, (0, 0, more, 0)) for each in (layer.keys, layer.values))
    if layer.is_sliding:
        layer.cumulative_length = wide
