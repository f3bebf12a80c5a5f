"""Products with a model's matrices by oneDNN, with each matrix laid out once as its kernels read it.

As torch lays a matrix out, each product first copies it into such a layout, block by block, which for the few rows of a
decode step takes as long as the arithmetic. The copy that is kept takes as much memory as the weights.

Shapes: M rows of a product.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from types import MethodType
from typing import Any, TypeGuard

import torch
from torch import nn
from torch.nn.functional import linear

from interp_bench_ext.host.devices import free_bytes
from interp_bench_ext.host.threads import together

_CPU = torch.device("cpu")
_FREE_SHARE = 0.25
"""Of the free memory, the most that the copies may take."""
_ROWS = 64
"""The M that the layout is chosen for; every other is right too."""
_LEAST_ROWS = 2
"""One row's product reads the matrix once either way, and torch's own begins sooner."""
_WORTH_ROWS = 256
"""Fewer are multiplied sooner than the matrix is laid out for them."""
_APART = 1e-5
"""Of the largest number of a product, how far it may lie from torch's own: sums are made in another order."""


def pack(models: Sequence[nn.Module]) -> float:
    """Have the models' float32 linear layers multiply so wherever no gradient is asked for.

    Modules keep their weights, hooks and names. None does where the copies would take too much of the memory.

    Returns:
        The share of the models' matrices, by their numbers, that is multiplied so; tables of tokens are no matrices.
    """
    layers = list(dict.fromkeys(module for model in models for module in model.modules() if _is_plain(module)))
    weights = {id(layer.weight): layer.weight for layer in layers}  # some have the same, as a model and its base
    needed = sum(weight.numel() * weight.itemsize for weight in weights.values())
    if needed > _FREE_SHARE * free_bytes(_CPU):
        return 0.0
    copies = {key: copy for key, weight in weights.items() if (copy := _Copy.of(weight)) is not None}
    for layer in layers:
        if id(layer.weight) in copies:
            _take(layer, copies[id(layer.weight)])
    tables = {id(each.weight) for model in models for each in model.modules() if isinstance(each, nn.Embedding)}
    sizes = {id(each): each.numel() for model in models for each in model.parameters() if each.dim() > 1}
    rest = sum(size for key, size in sizes.items() if key not in tables and key not in copies)
    packed = sum(weights[key].numel() for key in copies)
    return packed / (packed + rest) if packed else 0.0


def product_with(weight: torch.Tensor, bias: torch.Tensor | None, rows: int) -> Callable[[torch.Tensor], torch.Tensor]:
    """``[n, in]`` to ``[n, out]``, for a matrix that will be multiplied with so many rows in all, soon."""
    copy = _Copy.of(weight) if rows >= _WORTH_ROWS and _is_plain_matrix(weight) else None
    return partial(linear, weight=weight, bias=bias) if copy is None else partial(copy.product, bias=bias)


def _is_plain(module: nn.Module) -> TypeGuard[nn.Linear]:
    return type(module) is nn.Linear and "forward" not in vars(module) and _is_plain_matrix(module.weight)


def _is_plain_matrix(weight: torch.Tensor) -> bool:
    return weight.dtype == torch.float32 and weight.device == _CPU


@dataclass(frozen=True)
class _Copy:
    """A matrix as it was, laid out anew."""

    whole: torch.Tensor
    weight: torch.Tensor
    version: int

    @classmethod
    @torch.no_grad()
    def of(cls, weight: torch.Tensor) -> _Copy | None:
        """None where this build of torch has no such kernels, or they give other numbers."""
        if not torch._C._has_mkldnn:
            return None
        try:
            whole = torch.ops.mkldnn._reorder_linear_weight(weight.detach(), _ROWS)
        except (RuntimeError, AttributeError):
            return None
        copy = cls(whole, weight, weight._version)
        numbers = torch.randn((3, weight.shape[1]), generator=torch.Generator().manual_seed(0))
        wanted = linear(numbers, weight)
        apart = (copy.product(numbers, None) - wanted).abs().max()
        return copy if float(apart) <= _APART * float(wanted.abs().max()) else None

    def is_of(self, weight: torch.Tensor) -> bool:
        """Whether that is the matrix, and nobody has written into it since."""
        return weight is self.weight and weight._version == self.version

    def product(self, given: torch.Tensor, bias: torch.Tensor | None) -> torch.Tensor:
        """``[..., in]`` to ``[..., out]``."""
        product: torch.Tensor = torch.ops.mkldnn._linear_pointwise(given, self.whole, bias, "none", [], "")
        return product


def _take(layer: Any, copy: _Copy) -> None:
    def forward(own: Any, given: torch.Tensor) -> torch.Tensor:
        weight, bias = own._parameters["weight"], own._parameters["bias"]
        few = given.numel() < _LEAST_ROWS * given.shape[-1]
        if few or torch.is_grad_enabled() or given.dtype != torch.float32 or not copy.is_of(weight):
            return together(linear, given, weight, bias)
        return together(copy.product, given, bias)

    layer.forward = MethodType(forward, layer)
