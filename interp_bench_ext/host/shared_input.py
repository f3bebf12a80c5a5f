"""LoRA layers that are given the same tensor, as queries, keys and values are: their first factors are one product.

Shapes: B rows, T tokens, r the rank of one layer, R those of all together.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, Protocol

import torch
from torch import nn


class Layer(Protocol):
    """What a layer of a group has."""

    down: nn.Module
    """Its ``weight`` is ``[r, in]``."""
    shared: SharedInput | None


class SharedInput:
    """One matrix ``[R, in]`` of several layers' first factors, which become views of it."""

    def __init__(self, layers: Sequence[Layer]) -> None:
        weights = [_weight(layer) for layer in layers]
        self._ranks = [len(weight) for weight in weights]
        self._weight = torch.cat([weight.data for weight in weights])
        self._layers = layers
        self._given: torch.Tensor | None = None
        self._left: dict[int, torch.Tensor] = {}
        """What was made of it for layers that have not asked yet."""
        for layer, weight, own in zip(layers, weights, torch.split(self._weight, self._ranks), strict=True):
            weight.data = own
            layer.shared = self

    def product(
        self, layer: Layer, given: torch.Tensor, of: Callable[[torch.Tensor, torch.Tensor], torch.Tensor]
    ) -> torch.Tensor:
        """``[B, T, r]``: the layer's part of ``of(given, weight)`` ``[B, T, R]``, which is made once for all."""
        if given is not self._given or id(layer) not in self._left:
            parts = torch.split(of(given, self._weight), self._ranks, -1)
            self._given = given
            self._left = {id(each): part for each, part in zip(self._layers, parts, strict=True)}
        found = self._left.pop(id(layer))
        if not self._left:
            self._given = None
        return found


def share(model: Any, ids: torch.Tensor, layers: Sequence[Any]) -> None:
    """Group those of the model's layers that a pass over ``ids`` ``[1, T]`` gives one tensor."""
    given: dict[int, list[torch.Tensor]] = {id(layer): [] for layer in layers}
    hooks = [layer.register_forward_pre_hook(lambda own, args: given[id(own)].append(args[0])) for layer in layers]
    try:
        model(input_ids=ids, use_cache=False)
    finally:
        for hook in hooks:
            hook.remove()
    # An expert, or a layer that stands at several depths, is given more than one.
    once = [layer for layer in layers if len(given[id(layer)]) == 1 and not hasattr(layer, "_hf_hook")]
    for group in _groups(once, given):
        SharedInput(group)


def _groups(layers: Sequence[Any], given: dict[int, list[torch.Tensor]]) -> Iterator[list[Any]]:
    """Those of one input and one kind of weight, two and more."""
    groups: dict[tuple[int, torch.dtype, torch.device], list[Any]] = {}
    for layer in layers:
        weight = _weight(layer)
        groups.setdefault((id(given[id(layer)][0]), weight.dtype, weight.device), []).append(layer)
    return (group for group in groups.values() if len(group) > 1)


def _weight(layer: Layer) -> torch.Tensor:
    weight = layer.down.weight
    assert isinstance(weight, torch.Tensor)
    return weight
