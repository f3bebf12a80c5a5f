"""A machine with several accelerators, for models that are spread over them: real numbers that say where they lie.

Their device is "xla", which torch knows by name and does not start. As on a GPU, an operation refuses tensors of two
devices; only indices may come from the CPU.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import nn
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_map, tree_map_only

DEVICES = (torch.device("xla", 0), torch.device("xla", 1))
_CPU = torch.device("cpu")


class Placed(torch.Tensor):
    """``held``, a CPU tensor, that says to lie on ``device``."""

    held: torch.Tensor
    place: torch.device

    @staticmethod
    def __new__(cls, held: torch.Tensor, device: torch.device) -> Placed:
        made: Placed = torch.Tensor._make_wrapper_subclass(
            cls,
            held.size(),
            strides=held.stride(),
            storage_offset=held.storage_offset(),
            dtype=held.dtype,
        )
        made.held, made.place = held, device
        return made

    @property
    def device(self) -> torch.device:
        return self.place

    def tolist(self) -> Any:
        return self.held.tolist()

    def cpu(self, *_args: Any, **_kwargs: Any) -> torch.Tensor:
        return self.held.clone()

    def to(self, *args: Any, **kwargs: Any) -> torch.Tensor:
        wanted = args[0] if args else kwargs.pop("device", None)
        if not isinstance(wanted, (torch.device, str)):
            return super().to(*args, **kwargs)
        held = self.held.to(_CPU, *args[1:], **kwargs)
        return held if wanted in ("cpu", _CPU) else Placed(held, torch.device(wanted))

    @classmethod
    def __torch_dispatch__(cls, operation: Any, _types: Any, args: Any = (), kwargs: Any = None) -> Any:
        return _run(operation, args, kwargs or {})


class _Accelerators(TorchDispatchMode):
    def __torch_dispatch__(self, operation: Any, _types: Any, args: Any = (), kwargs: Any = None) -> Any:
        return _run(operation, args, kwargs or {})


class _Factory(TorchFunctionMode):
    """For what comes before any dispatch: `torch.tensor` makes its result, a module that is moved keeps its tensors."""

    def __torch_function__(self, function: Any, _types: Any, args: Any = (), kwargs: Any = None) -> Any:
        wanted = (kwargs or {}).get("device")
        if function is torch._has_compatible_shallow_copy_type:
            return False
        if function is torch.tensor and wanted is not None and torch.device(wanted) in DEVICES:
            return Placed(torch.tensor(*args, **(kwargs | {"device": _CPU})), torch.device(wanted))
        return function(*args, **(kwargs or {}))


def _run(operation: Any, args: Any, kwargs: dict[str, Any]) -> Any:
    met: set[torch.device] = set()

    def held(value: Any) -> Any:
        if isinstance(value, Placed):
            met.add(value.device)
            return value.held
        if isinstance(value, torch.Tensor) and value.dim() and "index" not in str(operation):
            met.add(_CPU)
        return value

    args, kwargs = tree_map(held, args), tree_map(held, kwargs)
    wanted = kwargs.get("device")
    if wanted is None and len(met) > 1 and "copy_" not in str(operation):
        raise RuntimeError(f"{operation} was given tensors on {sorted(map(str, met))}")
    device = torch.device(wanted) if wanted is not None else next(iter(met), _CPU)
    if wanted is not None:
        kwargs["device"] = _CPU
    found = operation(*args, **kwargs)
    return found if device == _CPU else tree_map_only(torch.Tensor, lambda tensor: Placed(tensor, device), found)


@contextmanager
def accelerators() -> Iterator[None]:
    """Inside, tensors can be made on and moved to ``DEVICES``."""
    with torch.no_grad(), _Factory(), _Accelerators():
        yield


def spread(model: Any) -> None:
    """As accelerate's placement leaves it: the first block and the embeddings on one device, the rest on the other."""
    from accelerate import dispatch_model

    decoder = model.get_decoder()
    name = next(name for name, module in model.named_modules() if module is decoder)
    blocks = next(child for child, module in decoder.named_children() if isinstance(module, nn.ModuleList))
    places: dict[str, torch.device] = {}
    for child, module in decoder.named_children():
        if child == blocks:
            places |= {f"{name}.{child}.{i}": DEVICES[i > 0] for i in range(len(module))}
        else:
            places[f"{name}.{child}"] = DEVICES[isinstance(module, nn.LayerNorm) or "norm" in child]
    places["lm_head"] = DEVICES[1]
    for module_name, device in places.items():
        _move(model.get_submodule(module_name), device)
    dispatch_model(model, places, force_hooks=True, skip_keys=model._skip_keys_device_placement)


def _move(module: nn.Module, device: torch.device) -> None:
    for part in module.modules():
        for name, parameter in part._parameters.items():
            if parameter is not None:
                part._parameters[name] = nn.Parameter(Placed(parameter.detach(), device), requires_grad=False)
        for name, buffer in part._buffers.items():
            if buffer is not None:
                part._buffers[name] = Placed(buffer, device)
