"""Which device and number format a model runs in, and whether it fits, decided before anything is loaded."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import psutil
import torch

from interp_bench_ext.errors import BadInput

_GIB = 1 << 30
_DTYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16, "float16": torch.float16}
_OVERHEAD_BYTES = 256 << 20
"""Interpreter, libraries and the activations of one short call."""
_ROOMY = 0.85
"""Of the free memory: weights that take more leave little for a batch."""
_BATCH_SHARE = {"cuda": 0.5}
_SMALL_SHARE = 0.25
_BATCH_CAP_BYTES = {"cpu": 2 * _GIB, "mps": 16 * _GIB}
_CGROUP_LIMITS = (
    ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory.current"),
    ("/sys/fs/cgroup/memory/memory.limit_in_bytes", "/sys/fs/cgroup/memory/memory.usage_in_bytes"),
)


def is_out_of_memory(error: Exception) -> bool:
    """Whether it was raised because there is not as much memory as was asked for."""
    if isinstance(error, (torch.OutOfMemoryError, MemoryError)):
        return True
    return isinstance(error, RuntimeError) and any(
        word in str(error).lower() for word in ("out of memory", "can't allocate")
    )


def choose_device(wanted: str) -> torch.device:
    """The device that ``model.device`` asks for; ``auto`` takes CUDA, then MPS, then CPU.

    Raises BadInput for an unknown name and for an accelerator that is not there.
    """
    cuda, mps = torch.cuda.is_available(), torch.backends.mps.is_available()
    if wanted == "auto":
        return torch.device("cuda" if cuda else "mps" if mps else "cpu")
    if wanted not in ("cpu", "cuda", "mps"):
        raise BadInput(f"model.device is {wanted!r}; choose auto, cuda, mps or cpu.")
    if (wanted == "cuda" and not cuda) or (wanted == "mps" and not mps):
        raise BadInput(
            f"model.device is {wanted!r}, but this machine has no {wanted.upper()} device that torch can use; "
            "choose auto or cpu."
        )
    return torch.device(wanted)


def choose_dtype(wanted: str, device: torch.device) -> torch.dtype:
    """``auto`` is float32 on CPU, where bfloat16 is several times slower, else bfloat16 or, without it, float16."""
    if wanted == "auto":
        if device.type == "cpu":
            return torch.float32
        return torch.bfloat16 if device.type == "cuda" and torch.cuda.is_bf16_supported() else torch.float16
    if wanted not in _DTYPES:
        raise BadInput(f"model.dtype is {wanted!r}; choose auto, {', '.join(_DTYPES)}.")
    return _DTYPES[wanted]


def free_bytes(device: torch.device) -> int:
    """Memory that can still be used on ``device``, a container's own limit included."""
    if device.type == "cuda":
        held = torch.cuda.memory_reserved(device) - torch.cuda.memory_allocated(device)  # by torch, for what comes
        return int(torch.cuda.mem_get_info(device)[0]) + held
    free = psutil.virtual_memory().available
    for limit_file, used_file in _CGROUP_LIMITS:
        try:
            limit, used = Path(limit_file).read_text("ascii").strip(), Path(used_file).read_text("ascii").strip()
        except OSError:
            continue
        if limit.isdigit() and used.isdigit():
            free = min(free, max(int(limit) - int(used), 0))
    return int(free)


def batch_bytes(devices: Sequence[torch.device]) -> int:
    """How much memory one batch may take on the fullest of a model's ``devices``."""
    free = min(free_bytes(device) for device in devices)
    kind = devices[0].type
    return min(int(free * _BATCH_SHARE.get(kind, _SMALL_SHARE)), _BATCH_CAP_BYTES.get(kind, free))


def place(folder: Path, dtype: torch.dtype, device: torch.device, quantization: str | None) -> tuple[torch.device, ...]:
    """The devices for the weights in ``folder``: the fewest GPUs that have room for batches too, or all that there are.

    Weights that cannot be sized go to ``device`` alone. Raises BadInput when they do not fit on all together.
    """
    per_parameter = {"8bit": 1.0, "4bit": 0.6}.get(quantization or "", float(dtype.itemsize))
    weights = int(count_parameters(folder) * per_parameter)
    for devices in _choices(device):
        needed, free = weights + len(devices) * _OVERHEAD_BYTES, sum(free_bytes(each) for each in devices)
        if not weights or needed <= _ROOMY * free:
            break
    if weights and needed > free:
        where = f" on {len(devices)} GPUs together" if len(devices) > 1 else ""
        raise BadInput(
            f"The model needs about {needed / _GIB:.1f} GiB of {device.type} memory and {free / _GIB:.1f} GiB are "
            f"free{where}: choose a smaller model, model.dtype bfloat16, or model.quantization."
        )
    return devices


def _choices(device: torch.device) -> Iterator[tuple[torch.device, ...]]:
    """``device`` alone, then ever more GPUs."""
    yield (device,)
    gpus = torch.cuda.device_count() if device.type == "cuda" else 0
    for count in range(2, gpus + 1):
        yield tuple(torch.device("cuda", index) for index in range(count))


def room_for_weights(devices: Sequence[torch.device]) -> dict[int, int]:
    """Bytes by GPU number, as accelerate's placement takes them."""
    return {device.index: max(free_bytes(device) - _OVERHEAD_BYTES, 0) for device in devices}


def count_parameters(folder: Path) -> int:
    """Parameters in the safetensors files of ``folder``, read from their headers; of other files by size; 0 if none."""
    files = sorted(folder.glob("*.safetensors"))
    if files:
        return sum(_parameters_in(file) for file in files)
    return sum(file.stat().st_size for file in folder.glob("pytorch_model*.bin")) // 2


def _parameters_in(file: Path) -> int:
    with file.open("rb") as opened:
        length = int.from_bytes(opened.read(8), "little")
        header: dict[str, Any] = json.loads(opened.read(length))
    total = 0
    for name, entry in header.items():
        size = 1
        for extent in entry["shape"] if name != "__metadata__" else (0,):
            size *= extent
        total += size
    return total
