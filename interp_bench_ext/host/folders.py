"""What is wrong with a folder of a model or an adapter, read from its files without loading them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

_LFS = b"version https://git-lfs"
_WEIGHTS = ("*.safetensors", "pytorch_model*.bin", "adapter_model.bin")
_INDEX = "model.safetensors.index.json"


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


def broken_model(folder: Path) -> str | None:
    """Why a model's folder cannot be loaded, in words that name nothing but files, or None."""
    try:
        config = json.loads((folder / "config.json").read_text("utf-8"))
    except ValueError:
        return "its config.json is no JSON; fetch it again"
    return broken_weights(folder) or _foreign(config if isinstance(config, dict) else {})


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
    try:
        index: dict[str, Any] = json.loads((folder / _INDEX).read_text("utf-8"))
        return sorted({name for name in index["weight_map"].values() if not (folder / name).is_file()})
    except (OSError, ValueError, KeyError, AttributeError, TypeError):
        return []


def _fault(file: Path) -> str | None:
    size = file.stat().st_size
    with file.open("rb") as opened:
        head = opened.read(len(_LFS))
        if head == _LFS:
            return "is a Git LFS pointer, not the weights themselves: run git lfs pull there"
        if file.suffix != ".safetensors":
            return None
        length = int.from_bytes(head[:8], "little")
        if size < 8 + length:
            return "is cut off or no safetensors file: fetch it again"
        opened.seek(8)
        try:
            header: dict[str, Any] = json.loads(opened.read(length))
        except ValueError:
            return "is no safetensors file: fetch it again"
    end = max((entry["data_offsets"][1] for name, entry in header.items() if name != "__metadata__"), default=0)
    return "is cut off: fetch it again" if size < 8 + length + end else None
