"""What an organism takes on Modal, before anything is deployed: GPU memory, time to load, dollars.

It is arithmetic over the model's ``config.json``: from the model's folder, from the table of published models, or from
the hub's cache. For a model of which none of them knows, there is no estimate.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from interp_bench_ext.config import Experiment, ModelSection
from interp_bench_ext.errors import BadInput
from interp_bench_ext.host.memory import Sizes
from interp_bench_ext.organisms.places.modal.hardware import Gpu, Hardware, every_hardware, hardware, load_gpus
from interp_bench_ext.organisms.places.modal.shape import Shape, published_config, shape_of

PULL_BYTES_PER_S = 200_000_000
"""From the model hub into the volume, once per model."""
LOAD_BYTES_PER_S = 1_000_000_000
"""From the volume into the GPU, at every start of a container."""
BOOT_S = 30.0
"""A container's own start, with the libraries."""
REFERENCE_TOKENS = 512
"""Length of the passes that must fit beside the weights."""
_BYTES = {"auto": 2.0, "bfloat16": 2.0, "float16": 2.0, "float32": 4.0}
_QUANTIZED_BYTES = {"8bit": 1.0, "4bit": 0.6}
_USUAL_RANK = 128
"""Of an adapter whose own configuration is not at hand: the largest among the published ones."""
_CONTEXT_BYTES = 600_000_000
"""CUDA's own, on each GPU."""
_USABLE = 0.95
"""The rest is lost to fragments."""


@dataclass(frozen=True, kw_only=True)
class Estimate:
    """Bytes, seconds and dollars; ``most_usd`` is None where nothing limits the run's time."""

    hardware: Hardware
    n_parameters: int
    weights_bytes: int
    adapter_bytes: int
    working_bytes: int
    """Key-value cache, activations and logits of a pass over ``REFERENCE_TOKENS``."""
    context_bytes: int
    """CUDA's own on each GPU, and what stays empty on all but one, as no block is divided."""
    pull_s: float
    """The first time; 0 for weights that are sent with the app or bundled."""
    load_s: float
    most_s: float | None
    """A whole run with its start and the wait at its end."""

    @property
    def needed_bytes(self) -> int:
        return self.weights_bytes + self.adapter_bytes + self.working_bytes + self.context_bytes

    @property
    def fits(self) -> bool:
        return self.needed_bytes <= _USABLE * self.hardware.memory_bytes

    @property
    def usd_per_hour(self) -> float:
        return 3600 * self.hardware.usd_per_s

    @property
    def most_usd(self) -> float | None:
        """Of one run, if it uses all of its time."""
        return None if self.most_s is None else self.most_s * self.hardware.usd_per_s

    def described(self) -> str:
        """One line for a person."""
        line = (
            f"{self.hardware.gpu_type}: {_gb(self.needed_bytes)} of {_gb(self.hardware.memory_bytes)} GPU memory, "
            f"{self.load_s:.0f} s to load, ${self.usd_per_hour:.2f} an hour"
        )
        return line if self.most_usd is None else f"{line}, at most ${self.most_usd:.2f} a run"


def estimate(experiment: Experiment, gpus: Mapping[str, Gpu] | None = None) -> Estimate | None:
    """For an experiment that runs on Modal; None where the model's shape is not known. Raises BadInput for a table."""
    model, agent = experiment.sealed.model, experiment.public.agent
    shape = find_shape(model)
    if shape is None:
        return None
    table = load_gpus() if gpus is None else gpus
    place = hardware(model.gpu_type, table, region=model.modal.region)
    weights, adapter = weights_bytes(shape, model), _adapter_bytes(shape, model)
    load_s = BOOT_S + (weights + adapter) / LOAD_BYTES_PER_S
    minutes = agent.max_minutes
    return Estimate(
        hardware=place,
        n_parameters=shape.n_parameters,
        weights_bytes=weights,
        adapter_bytes=adapter,
        working_bytes=working_bytes(shape, model),
        context_bytes=place.gpus * _CONTEXT_BYTES + (place.gpus - 1) * _largest_part(shape, model),
        pull_s=(weights + adapter) / PULL_BYTES_PER_S if _from_hub(model) else 0.0,
        load_s=load_s,
        most_s=None if minutes is None else load_s + 60 * minutes + model.modal.scaledown_window_s,
    )


def check_fits(experiment: Experiment) -> Estimate | None:
    """The estimate. Raises BadInput, with the GPU that would do, where the model is too large for ``gpu_type``."""
    gpus = load_gpus()
    found = estimate(experiment, gpus)
    if found is None or found.fits:
        return found
    asked, has = found.hardware.gpu_type, _gb(found.hardware.memory_bytes)
    raise BadInput(
        f"{experiment.path}: the model needs about {_gb(found.needed_bytes)} of GPU memory, and "
        f"`model.gpu_type: {asked}` has {has}; {_way_out(experiment, gpus)}"
    )


def weights_bytes(shape: Shape, model: ModelSection) -> int:
    """The base model's weights as they lie in GPU memory."""
    each = _BYTES[model.dtype]
    matrices = _QUANTIZED_BYTES.get(model.quantization or "", each)
    return int(shape.matrices * matrices + shape.others * each)


def _largest_part(shape: Shape, model: ModelSection) -> int:
    """A block or an embedding: what is on one GPU whole."""
    each = _BYTES[model.dtype]
    block = shape.matrices / shape.layers * _QUANTIZED_BYTES.get(model.quantization or "", each)
    return int(max(block, shape.vocabulary * shape.width * each))


def working_bytes(shape: Shape, model: ModelSection) -> int:
    """What one pass takes if every residual and every logit is kept, as the organism's engine reckons it."""
    sizes = Sizes.of(shape, itemsize=_BYTES[model.dtype])
    return REFERENCE_TOKENS * sizes.per_forward_token(logits=True, sites=shape.layers + 1)


def base_name(model: ModelSection) -> str:
    """The model whose weights are the bulk: an adapter's base, or the model itself."""
    return (model.base_model if model.is_peft else model.name) or ""


def find_shape(model: ModelSection) -> Shape | None:
    """The base model's shape, as far as it can be known without asking the network."""
    name = base_name(model)
    config = _local_json(name, "config.json") or published_config(name)
    return shape_of(config) if config else None


def is_gated(model: ModelSection) -> bool:
    """Whether the base model's licence must be accepted on the hub, as far as that is known here."""
    config = published_config(base_name(model))
    return bool(config and config.get("gated"))


def _adapter_bytes(shape: Shape, model: ModelSection) -> int:
    if not model.is_peft:
        return 0
    config = _local_json(model.name, "adapter_config.json") or {}
    return int(shape.adapter_parameters(int(config.get("r") or _USUAL_RANK)) * _BYTES[model.dtype])


def _local_json(name: str, file: str) -> Mapping[str, Any] | None:
    """``file`` of a model's folder or of the hub's cache on this machine; None where it is not there."""
    path = Path(name) / file if Path(name).is_absolute() else _cached(name, file)
    if path is None:
        return None
    try:
        found: Mapping[str, Any] = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError):
        return None
    return found


def _cached(name: str, file: str) -> Path | None:
    try:
        from huggingface_hub import try_to_load_from_cache
        from huggingface_hub.errors import HFValidationError
    except ImportError:
        return None
    try:
        found = try_to_load_from_cache(name, file)
    except HFValidationError:
        return None
    return Path(found) if isinstance(found, str) else None


def _from_hub(model: ModelSection) -> bool:
    return not base_name(model).startswith("bundled:") and not Path(base_name(model)).is_absolute()


def _way_out(experiment: Experiment, gpus: Mapping[str, Gpu]) -> str:
    model = experiment.sealed.model
    for offer in every_hardware(gpus, region=model.modal.region):
        section = model.model_copy(update={"gpu_type": offer.gpu_type})
        found = estimate(replace(experiment, sealed=replace(experiment.sealed, model=section)), gpus)
        if found is not None and found.fits:
            price = f"${found.usd_per_hour:.2f} an hour"
            return f"set `model.gpu_type: {offer.gpu_type}`, which has {_gb(offer.memory_bytes)} ({price})"
    return "no GPU of Modal's does, so take a smaller model or model.quantization: 4bit"


def _gb(size: float) -> str:
    return f"{size / 1e9:.1f} GB"
