"""The base model beside the organism: modules of its own, and every tensor shared that the adapter leaves alone."""

from __future__ import annotations

import copy
from collections.abc import Collection
from typing import Any

from torch import nn


def base_beside(model: Any, replaced: Collection[str]) -> Any:
    """The same model, made before an adapter goes into ``model``, for rows of the base.

    An adapter replaces modules, gives parameters other weights (PiSSA), or writes into them in place (biases, saved
    embeddings). So modules are copied and parameters are new ones over the same memory; those called ``replaced``,
    which the adapter's file holds whole, have memory of their own.
    """
    written = {id(tensor) for name, tensor in model.named_parameters(remove_duplicate=False) if name in replaced}
    shared: dict[int, Any] = {}
    for module in model.modules():
        for tensor in [*module._parameters.values(), *module._buffers.values()]:
            if tensor is not None:
                shared[id(tensor)] = _beside(tensor, own=id(tensor) in written)
    return copy.deepcopy(model, shared)


def _beside(tensor: Any, *, own: bool) -> Any:
    if type(tensor) is not nn.Parameter:  # a buffer, or a kind of quantized weight that no adapter writes into
        return tensor
    return nn.Parameter(tensor.data.clone() if own else tensor.data, requires_grad=False)
