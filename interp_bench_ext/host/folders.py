"""What is wrong with a folder of a model or an adapter, read from its files without loading them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from interp_bench_ext.errors import BadInput
from interp_bench_ext.host.sources import Sources
from interp_bench_ext.host.spec import with_detail

_LFS = b"version https://git-lfs"
_POINTER = "is a Git LFS pointer, not the file itself: run git lfs pull there"
_WEIGHTS = ("*.safetensors", "pytorch_model*.bin", "adapter_model.bin")
_TOKENIZERS = ("tokenizer*", "vocab*", "spiece*", "*.model", "*.tiktoken", "tekken.json")
"""Any of these may hold a tokenizer."""
_INDEX = "model.safetensors.index.json"
_LARGEST_JSON_BYTES = 64 << 20
_LARGEST_HEADER_BYTES = 100_000_000
"""The format's own limit."""


def weight_files(folder: Path) -> list[Path]:
    """Files that hold a model's or an adapter's weights."""
    return sorted({file for pattern in _WEIGHTS for file in folder.glob(pattern)})


def broken_weights(folder: Path) -> str | None:
    """The first fault of the weight files in words that name nothing but the file, or None."""
    files = weight_files(folder)
    if not files:
        return "the folder holds no weights (no .safetensors file)"
    if missing := _missing_shards(folder):
        return f"{len(missing)} of its weight files are missing, {missing[0]} first"
    return next((f"{file.name} {fault}" for file in files if (fault := _fault(file))), None)


def check_files(sources: Sources) -> None:
    """Look whether all files are whole, which takes no library that loads them.

    Raises BadInput with a sentence that names nothing but files; the folder is in its notes.
    """
    folder, key = Path(sources.model), "model.base_model" if sources.adapter else "model.name"
    if not (folder / "config.json").is_file():
        is_adapter = (folder / "adapter_config.json").is_file()
        hint = "it is a PEFT adapter: set model.is_peft to true" if is_adapter else "it has no config.json"
        raise _refused(f"{key}: the folder does not hold a model; {hint}.", folder)
    config = json_object(folder / "config.json")
    if reason := "its config.json is no JSON; fetch it again" if config is None else broken_weights(folder):
        raise _refused(f"{key}: the folder's model cannot be loaded: {reason}.", folder)
    adapters = ((sources.adapter, "model.name"), (sources.merge, "model.base_model"), (sources.oracle, "model.oracle"))
    for place, key in adapters:
        if place is not None:
            _check_adapter(Path(place), key)
    _check_tokenizer(Path(sources.tokenizer))


def _check_adapter(folder: Path, key: str) -> None:
    adapter_config(folder, key)
    if reason := broken_weights(folder):
        raise _refused(f"{key}: the adapter is not whole: {reason}.", folder)


def _check_tokenizer(folder: Path) -> None:
    if not any(file for pattern in _TOKENIZERS for file in folder.glob(pattern)):
        raise _refused("model.tokenizer: the folder holds no tokenizer; name a folder or hub id that has one.", folder)
    file = folder / "tokenizer.json"
    if file.is_file() and (fault := _fault_of_json(file)):
        raise _refused(f"model.tokenizer: tokenizer.json {fault}.", folder)


def _fault_of_json(file: Path) -> str | None:
    """By its ends: a vocabulary is too large to be read twice."""
    with file.open("rb") as opened:
        head = opened.read(len(_LFS))
        opened.seek(max(0, file.stat().st_size - len(_LFS)))
        tail = opened.read()
    if head == _LFS:
        return _POINTER
    whole = head.lstrip().startswith(b"{") and tail.rstrip().endswith(b"}")
    return None if whole else "is cut off or no JSON: fetch it again"


def adapter_config(folder: Path, key: str) -> dict[str, Any]:
    """An adapter's configuration. Raises BadInput for a file that holds none."""
    found = json_object(folder / "adapter_config.json")
    if found is None:
        raise _refused(
            f"{key}: the adapter's adapter_config.json is missing or no JSON object; fetch the adapter again.", folder
        )
    return found


def check_known(folder: Path, key: str) -> None:
    """Raises BadInput for a model, whole as it is, that the installed libraries cannot run."""
    if reason := _foreign(json_object(folder / "config.json") or {}):
        raise _refused(f"{key}: the folder's model cannot be loaded: {reason}.", folder)


def json_object(file: Path) -> dict[str, Any] | None:
    """The JSON object in ``file``; None where there is none, or more than a description takes."""
    try:
        found = json.loads(file.read_text("utf-8")) if file.stat().st_size < _LARGEST_JSON_BYTES else None
    except (OSError, ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None


def _refused(sentence: str, folder: Path) -> BadInput:
    return with_detail(BadInput(sentence), f"Looked in {folder}.")


def _foreign(config: dict[str, Any]) -> str | None:
    """What of a readable configuration the installed libraries cannot run."""
    from transformers import CONFIG_MAPPING, MODEL_FOR_CAUSAL_LM_MAPPING

    if "auto_map" in config and config.get("model_type") not in CONFIG_MAPPING:
        return "it needs code of its own (auto_map), and code that comes with a model is never run here"
    if config.get("model_type") not in CONFIG_MAPPING:
        return "the installed transformers knows no architecture of its model_type; a newer version may"
    if CONFIG_MAPPING[config["model_type"]] not in MODEL_FOR_CAUSAL_LM_MAPPING:
        return "it is no causal language model, which continues a text, but of another kind"
    return None


def _missing_shards(folder: Path) -> list[str]:
    named = (json_object(folder / _INDEX) or {}).get("weight_map")
    names = named.values() if isinstance(named, dict) else ()
    return sorted({name for name in names if isinstance(name, str) and not (folder / name).is_file()})


def _fault(file: Path) -> str | None:
    if not file.is_file():
        return "is a link to nothing: fetch it again"
    size = file.stat().st_size
    with file.open("rb") as opened:
        head = opened.read(len(_LFS))
        if head == _LFS:
            return _POINTER
        if file.suffix != ".safetensors":
            return None
        length = int.from_bytes(head[:8], "little")
        if size < 8 + length:
            return "is cut off or no safetensors file: fetch it again"
        opened.seek(8)
        end = _end_of_tensors(opened.read(min(length, _LARGEST_HEADER_BYTES + 1)))
    if end is None:
        return "is no safetensors file: fetch it again"
    return "is cut off: fetch it again" if size < 8 + length + end else None


def _end_of_tensors(header: bytes) -> int | None:
    """In bytes after the header; None where it is none."""
    if len(header) > _LARGEST_HEADER_BYTES:
        return None
    try:
        entries: dict[str, Any] = json.loads(header)
        return max(
            (int(entry["data_offsets"][1]) for name, entry in entries.items() if name != "__metadata__"), default=0
        )
    except (ValueError, KeyError, IndexError, TypeError, AttributeError, RecursionError):
        return None
