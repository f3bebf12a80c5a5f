"""Load model, adapter and tokenizer; what the libraries raise becomes one sentence that names the config's key."""

from __future__ import annotations

import contextlib
import importlib.util
import warnings
from collections.abc import Iterator
from dataclasses import dataclass, replace
from logging import CRITICAL as _CRITICAL
from pathlib import Path
from typing import Any

import torch

from interp_bench_ext.errors import BadInput
from interp_bench_ext.host.adapter import put_in, read_adapter
from interp_bench_ext.host.autoencoder import Autoencoder, read_autoencoder
from interp_bench_ext.host.base_model import base_beside
from interp_bench_ext.host.devices import choose_device, choose_dtype, place, room_for_weights
from interp_bench_ext.host.folders import check_files, check_known
from interp_bench_ext.host.sources import Progress, Sources
from interp_bench_ext.host.spec import OrganismSpec, with_detail
from interp_bench_ext.host.tokens import Tokens

CHECK_TEXT = "The quick brown fox jumps over the lazy dog, and nobody who saw it was surprised at all."
"""What the self-check reads, up to ``_CHECK_TOKENS`` of it."""
_CHECK_TOKENS = 16


@dataclass(frozen=True)
class Proof:
    """What the base said before the adapter went in: ids, and their logits ``[T, V]`` in float32."""

    ids: tuple[int, ...]
    logits: torch.Tensor


@dataclass
class Loaded:
    """A model in evaluation mode, and its base without the adapter: the same object where there is none."""

    model: Any
    base: Any
    tokenizer: Any
    proof: Proof
    devices: tuple[torch.device, ...]
    """Those that hold its blocks; the first also its embeddings."""
    dtype: torch.dtype
    autoencoder: Autoencoder | None = None
    oracle: Loaded | None = None
    """The base with the adapter that answers questions about activations; its weights are the base's own."""

    @property
    def adapted(self) -> bool:
        return self.base is not self.model

    @property
    def stop_ids(self) -> frozenset[int]:
        """Tokens with which, by the model's own configuration, a generation ends."""
        configured = getattr(self.model.generation_config, "eos_token_id", None)
        listed = configured if isinstance(configured, list) else [configured]
        return frozenset(token for token in listed if token is not None)

    @property
    def device(self) -> torch.device:
        """Where token ids go in and logits come out."""
        return self.devices[0]


def load(spec: OrganismSpec, sources: Sources, on_progress: Progress) -> Loaded:
    """Raises BadInput with a sentence without names; what names them is in the error's notes."""
    device = choose_device(spec.device)
    dtype = choose_dtype(spec.dtype, device)
    _check_quantization(spec.quantization, device)
    with _quiet_libraries():
        return _load(spec, sources, device, dtype, on_progress)


@contextlib.contextmanager
def _quiet_libraries() -> Iterator[None]:
    """Without what transformers and peft print and warn, which names files."""
    from transformers.utils import logging

    logging.set_verbosity(_CRITICAL)
    logging.disable_progress_bar()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def _load(
    spec: OrganismSpec, sources: Sources, device: torch.device, dtype: torch.dtype, on_progress: Progress
) -> Loaded:
    on_progress("weights", 0, 3)
    folder = Path(sources.model)
    check_files(sources)
    check_known(folder, _key(spec))
    adapter = read_adapter(Path(sources.adapter), "model.name") if sources.adapter else None
    devices = place(folder, dtype, device, spec.quantization)
    model = _load_weights(folder, spec, dtype, devices)
    devices = _used(model, devices)
    on_progress("weights", 1, 3)
    if sources.merge:
        model = put_in(model, read_adapter(Path(sources.merge), "model.base_model")).merge_and_unload()
    placed = bool(spec.quantization) or len(devices) > 1
    model = _at_rest(model, None if placed else device)
    tokenizer = _load_tokenizer(sources, named=bool(spec.tokenizer))
    proof = _prove(model, tokenizer, devices[0], _key(spec))
    base = model
    if adapter:
        base = base_beside(model, adapter.whole)
        model = _at_rest(put_in(model, adapter).get_base_model(), None if placed else device)
    loaded = Loaded(model, base, tokenizer, proof, devices, dtype)
    if sources.oracle:
        asked = read_adapter(Path(sources.oracle), "model.oracle")
        knowing = put_in(base_beside(base, asked.whole), asked).get_base_model()
        speaks = tokenizer if spec.tokenizer or not adapter else _load_tokenizer(_of_the_base(sources), named=True)
        knowing = _at_rest(knowing, None if placed else device)
        loaded.oracle = Loaded(knowing, base, speaks, proof, devices, dtype)
    on_progress("weights", 3, 3)
    loaded.autoencoder = read_autoencoder(Path(sources.sae), devices[0]) if sources.sae else None
    return loaded


def _at_rest(model: Any, device: torch.device | None) -> Any:
    """Evaluated and never trained; on ``device``, unless it lies where it is to be."""
    return (model if device is None else model.to(device)).eval().requires_grad_(False)


def _of_the_base(sources: Sources) -> Sources:
    """Without the adapter, whose tokenizer and template are the organism's alone."""
    return replace(sources, tokenizer=sources.model, adapter=None)


@torch.no_grad()
def _prove(model: Any, tokenizer: Any, device: torch.device, key: str) -> Proof:
    vocabulary = model.config.get_text_config(decoder=True).vocab_size
    ids = tuple(token for token in Tokens(tokenizer).whole(CHECK_TEXT) if token < vocabulary)[:_CHECK_TOKENS]
    given = torch.tensor([ids], device=device)
    try:
        logits = model(input_ids=given, use_cache=False).logits[0].float()
    except (torch.OutOfMemoryError, MemoryError):
        raise
    except Exception as error:  # noqa: BLE001 - whatever a model's own code raises at a plain pass
        sentence = f"{key}: a plain pass of the model over a short text fails ({type(error).__name__})."
        raise with_detail(BadInput(sentence), str(error)) from None
    if not logits.isfinite().all():
        raise BadInput(
            f"{key}: the model gives values that are no numbers (NaN or infinite): its weights are damaged, or "
            "model.dtype is too narrow for them."
        )
    return Proof(ids, logits)


def _check_quantization(quantization: str | None, device: torch.device) -> None:
    if quantization is None:
        return
    if quantization not in ("8bit", "4bit"):
        raise BadInput(f"model.quantization is {quantization!r}; choose 8bit or 4bit, or leave it out.")
    if device.type != "cuda":
        raise BadInput(
            f"model.quantization {quantization} needs a CUDA device, and this organism runs on {device.type}."
        )
    if importlib.util.find_spec("bitsandbytes") is None:
        raise BadInput(f"model.quantization {quantization} needs the package bitsandbytes: pip install bitsandbytes.")


def _key(spec: OrganismSpec) -> str:
    """The config's key for the model whose weights are the bulk."""
    return "model.base_model" if spec.is_peft else "model.name"


def _load_weights(folder: Path, spec: OrganismSpec, dtype: torch.dtype, devices: tuple[torch.device, ...]) -> Any:
    from transformers import AutoModelForCausalLM

    key = _key(spec)
    options: dict[str, Any] = {"dtype": dtype, "local_files_only": True, "output_loading_info": True}
    if spec.quantization:
        from transformers import BitsAndBytesConfig

        bits = {f"load_in_{spec.quantization}": True}
        options |= {"quantization_config": BitsAndBytesConfig(**bits), "device_map": {"": devices[0]}}
    if len(devices) > 1:
        options |= {"device_map": "balanced", "max_memory": room_for_weights(devices)}
    try:
        pair: Any = AutoModelForCausalLM.from_pretrained(str(folder), **options)
    except (torch.OutOfMemoryError, MemoryError):
        raise
    except Exception as error:  # noqa: BLE001 - of the loaders' many kinds, all mean the same to the config's author
        kind = f" ({type(error).__name__})"
        if "quantization_config" in (folder / "config.json").read_text("utf-8"):
            kind = ": its weights are quantized in a format for which a package or a device is missing"
        sentence = f"{key}: the folder's model could not be loaded{kind}."
        raise with_detail(BadInput(sentence), f"{folder}: {error}") from None
    model, report = pair
    if missing := sorted(report["missing_keys"]):
        raise with_detail(
            BadInput(f"{key}: {len(missing)} of the model's weights are missing from its files."),
            f"Missing: {', '.join(missing[:5])}",
        )
    return model


def _used(model: Any, devices: tuple[torch.device, ...]) -> tuple[torch.device, ...]:
    """Those of ``devices`` that hold blocks, that of the embeddings first. Raises BadInput if they do not hold all."""
    if len(devices) == 1:
        return devices
    used = dict.fromkeys(_device(place, devices[0].type) for place in model.hf_device_map.values())
    if any(device not in devices for device in used):  # the processor's memory or the disk: a pass would take minutes
        raise BadInput(
            f"The model's blocks do not fit on the {len(devices)} GPUs that are here: free memory on them, choose "
            "larger ones, or set model.quantization."
        )
    return tuple(used)


def _device(place: int | str | torch.device, kind: str) -> torch.device:
    """As accelerate names it: a GPU by its number, ``cpu``, ``disk``, or a device."""
    if place == "disk":
        return torch.device("meta")
    return torch.device(kind, place) if isinstance(place, int) else torch.device(place)


def _load_tokenizer(sources: Sources, *, named: bool) -> Any:
    """That of the sources; unless the config ``named`` it, with a template that lies beside the adapter."""
    from transformers import AutoTokenizer

    try:
        tokenizer: Any = AutoTokenizer.from_pretrained(sources.tokenizer, local_files_only=True)
        tokenizer("a")
        template = Path(sources.adapter or "", "chat_template.jinja")
        if sources.adapter and not named and template.is_file():
            tokenizer.chat_template = template.read_text("utf-8")
    except Exception as error:  # noqa: BLE001 - of the loaders' many kinds, all mean the same to the config's author
        which = " that lies beside the adapter" if sources.tokenizer == sources.adapter else ""
        sentence = f"model.tokenizer: the tokenizer{which} could not be loaded; name a folder or hub id that has one."
        raise with_detail(BadInput(sentence), f"{sources.tokenizer}: {type(error).__name__}: {error}") from None
    return tokenizer
