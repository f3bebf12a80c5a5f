"""Root mean square norms by one kernel of torch's, where it gives the numbers that a module's own operations give.

transformers writes such a norm (Zhang and Sennrich 2019) as eight operations or more. On a GPU a small batch waits for
Python to launch them, and a recorded step for each of them to begin. On a processor few numbers are one thread's work.

Shapes: W the stream's width.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from types import MethodType
from typing import Any

import torch
from torch.nn.functional import rms_norm

from interp_bench_ext.host.threads import alone

_Way = Callable[[Any, torch.Tensor], torch.Tensor]
_EPSILONS = ("variance_epsilon", "eps", "epsilon", "norm_eps")
_ULPS = 2
"""Of the dtype, that a number may differ by: sums are made in another order."""
_FEW = 1 << 19
"""Numbers for which one thread of a processor is enough."""


def fuse(model: torch.nn.Module) -> int:
    """Have the model's norms done so, for all passes from now on; how many could be.

    Modules keep their weights, hooks and names.
    """
    return sum(_fused(module) for module in model.modules())


@torch.no_grad()
def _fused(module: Any) -> bool:
    weight = module._parameters.get("weight")
    # One that has a forward of its own already is accelerate's, which moves what it is given between devices.
    if not _is_gain(weight) or len(module._parameters) > 1 or module._modules or "forward" in vars(module):
        return False
    takes_one = len(inspect.signature(module.forward).parameters) == 1  # not a gate as well
    if not takes_one or _epsilon(module) is None:
        return False
    probe = _probe(weight)
    try:
        wanted = module(probe)
        way = next((way for way in _WAYS if _same(way(module, probe), wanted)), None)
    except Exception:  # noqa: BLE001 - whatever is no norm raises at the probe
        return False
    if way is not None:
        module.forward = MethodType(way if weight.device.type != "cpu" else _on_one_thread(way), module)
    return way is not None


def _on_one_thread(way: _Way) -> _Way:
    def forward(module: Any, given: torch.Tensor) -> torch.Tensor:
        return alone(way, module, given) if given.numel() <= _FEW else way(module, given)

    return forward


def _is_gain(weight: Any) -> bool:
    return isinstance(weight, torch.Tensor) and weight.dim() == 1 and weight.is_floating_point()


def _epsilon(module: Any) -> float | None:
    return next((value for name in _EPSILONS if isinstance(value := getattr(module, name, None), float)), None)


def _probe(weight: torch.Tensor) -> torch.Tensor:
    """``[2, 3, W]``: numbers of several sizes, of which the smallest show the epsilon."""
    numbers = torch.Generator().manual_seed(0)
    probe = torch.randn((2, 3, len(weight)), generator=numbers) + 0.1
    return (probe * torch.tensor([1e-3, 1.0, 30.0])[:, None]).to(weight.device, weight.dtype)


def _same(ours: Any, wanted: Any) -> bool:
    if type(wanted) is not torch.Tensor or ours.dtype != wanted.dtype or ours.shape != wanted.shape:
        return False
    return torch.allclose(ours, wanted, rtol=_ULPS * torch.finfo(wanted.dtype).eps, atol=0.0)


def _rounded(module: Any, given: torch.Tensor) -> torch.Tensor:
    """The weight times what is rounded to the stream's dtype, as in Llama."""
    normed: torch.Tensor = module.weight * rms_norm(given, given.shape[-1:], None, _epsilon(module))
    return normed


def _whole(module: Any, given: torch.Tensor) -> torch.Tensor:
    """Rounded at the end alone, as in OLMo 2."""
    return rms_norm(given, given.shape[-1:], module.weight, _epsilon(module))


def _shifted(module: Any, given: torch.Tensor) -> torch.Tensor:
    """The weight is what the gain is more than 1, as in Gemma."""
    gain = 1.0 + module.weight.float()
    return rms_norm(given.float(), given.shape[-1:], gain, _epsilon(module)).to(given.dtype)


_WAYS: tuple[_Way, ...] = (_rounded, _whole, _shifted)
