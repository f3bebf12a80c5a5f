"""Modal's GPUs: how much memory each has and what it costs.

The table beside this file follows Modal's list prices (modal.com/pricing, September 2026). A user's own
``gpus.json`` in the application's configuration folder adds types to it or replaces them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field

from interp_bench_ext.places import GPU_TYPES
from interp_bench_ext.user_tables import load_table

_CORE_USD_PER_S, _GIB_USD_PER_S = 0.0000131, 0.00000222
_HOST_USD_PER_S = 2 * _CORE_USD_PER_S + 8 * _GIB_USD_PER_S
"""Processor and memory beside the GPU, as an organism uses them on average."""
_BROAD_REGION, _NARROW_REGION = 1.5, 1.75
"""What naming a region multiplies the price by (modal.com/docs/guide/region-selection)."""


class Gpu(BaseModel):
    """One type."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    memory_gb: float = Field(gt=0)
    """Of 10^9 bytes, for one of them."""
    usd_per_second: float = Field(ge=0)


@dataclass(frozen=True, kw_only=True)
class Hardware:
    """What one container has."""

    gpu_type: str
    """As Modal spells it, with its count: ``A100-80GB:2``."""
    gpus: int
    memory_bytes: int
    """Of all its GPUs."""
    usd_per_s: float
    """GPUs, processor and memory."""


def load_gpus(user_file: Path | None = None) -> dict[str, Gpu]:
    """The shipped table with the user's own entries over it.

    Args:
        user_file: A JSON file of the same shape; the one in the configuration folder by default.

    Raises:
        BadInput: The user's file is not such a table.
    """
    return load_table(
        Gpu,
        package=__package__,
        file="gpus.json",
        what="GPUs",
        form='each type is given as {"memory_gb": 80, "usd_per_second": 0.001097}',
        user_file=user_file,
    )


def hardware(gpu_type: str, gpus: Mapping[str, Gpu], *, region: str | None = None) -> Hardware:
    """What ``model.gpu_type`` stands for, priced for ``model.modal.region``."""
    name, _, digits = gpu_type.partition(":")
    count = int(digits or 1)
    factor = 1.0 if region is None else _NARROW_REGION if "-" in region else _BROAD_REGION
    return Hardware(
        gpu_type=gpu_type,
        gpus=count,
        memory_bytes=count * int(gpus[name].memory_gb * 1e9),
        usd_per_s=(gpus[name].usd_per_second * count + _HOST_USD_PER_S) * factor,
    )


def every_hardware(gpus: Mapping[str, Gpu], *, region: str | None = None) -> list[Hardware]:
    """Every container that Modal offers: those with fewer GPUs first, then the cheapest.

    Several GPUs hold a larger model, but they work on a pass one after the other: one large GPU is faster.
    """
    counts = ((name, count) for name, most in GPU_TYPES.items() for count in range(1, most + 1))
    offers = [hardware(name if count == 1 else f"{name}:{count}", gpus, region=region) for name, count in counts]
    return sorted(offers, key=lambda offer: (offer.gpus, offer.usd_per_s))
