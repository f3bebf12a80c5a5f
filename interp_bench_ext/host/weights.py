"""Weights by the base model's names: as the organism multiplies by them, as its base does, and what an adapter adds."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn

from interp_bench_ext.errors import BadInput
from interp_bench_ext.host.adapter_rows import MaskedLora, is_adapter_layer
from interp_bench_ext.wrong_input import nearest


def weight_shapes(base: nn.Module) -> dict[str, tuple[int, ...]]:
    """Every weight's name and shape."""
    return {name: tuple(parameter.shape) for name, parameter in base.named_parameters()}


def weight_of(model: nn.Module, base: nn.Module, name: str) -> torch.Tensor:
    """A copy of one weight of ``model``, with what an adapter adds to it.

    Raises BadInput for a name that there is not, and for an adapter of a kind that is no matrix beside the weight.
    """
    known = dict(base.named_parameters())
    if name not in known:
        raise BadInput(f"There is no weight {name!r}{nearest(name, known)}")
    path, _, own = name.rpartition(".")
    module = model.get_submodule(path)
    if isinstance(module, MaskedLora) and own == "weight":
        return module.merged.clone()
    if is_adapter_layer(module):
        return _merged(module, own, name)
    found: torch.Tensor = getattr(module, own)
    return found.detach().clone()


def _merged(module: Any, own: str, name: str) -> torch.Tensor:
    kept: torch.Tensor = getattr(module.base_layer, own).detach().clone()
    if own != "weight":
        return kept
    try:
        added: torch.Tensor = module.get_delta_weight("default").detach()
        return kept + added.to(kept.dtype)
    except (AttributeError, KeyError, NotImplementedError, TypeError):
        raise BadInput(f"The weight {name!r} is changed by an adapter of a kind that is no sum with it.") from None


def adapter_factors(model: nn.Module) -> dict[str, tuple[torch.Tensor, torch.Tensor]]:
    """Of each weight that a plain LoRA adapter changes: ``down`` ``[r, in]`` and ``up`` ``[out, r]``, in float32.

    ``up @ down`` is what is added to the weight (Hu et al. 2021).
    """
    return {
        f"{name}.weight": module.factors for name, module in model.named_modules() if isinstance(module, MaskedLora)
    }
