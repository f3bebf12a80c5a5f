"""Texts, folders and models that a config names, looked for from the config file's folder."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, cast

from pydantic import AfterValidator, Field, ValidationInfo


def folder_of(info: ValidationInfo) -> Path:
    """The config file's folder, where relative paths start."""
    return cast("Path", (info.context or {})["folder"])


def _readable(value: str, info: ValidationInfo) -> str:
    source = folder_of(info) / Path(value).expanduser()
    try:
        source.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        raise ValueError(f"{source} cannot be read; give the path of a text file") from None
    return value


def _source(value: str, info: ValidationInfo) -> str:
    """A model's source with a path made absolute: a folder beside the config wins over a hub id of that spelling."""
    if value.startswith("bundled:"):
        return value
    path = (folder_of(info) / Path(value).expanduser()).resolve()
    if path.is_dir():
        return str(path)
    if value.startswith((".", "/", "~")) or value.count("/") > 1:
        raise ValueError(f"there is no folder {path}; give a model's folder, a hub id, or bundled:<name>")
    return value


def _found_folder(value: str, info: ValidationInfo) -> str:
    path = (folder_of(info) / Path(value).expanduser()).resolve()
    if not path.is_dir():
        raise ValueError(f"there is no folder {path}")
    return str(path)


TextFile = Annotated[str, AfterValidator(_readable)]
Folder = Annotated[str, AfterValidator(_found_folder)]
ModelSource = Annotated[str, Field(min_length=1), AfterValidator(_source)]
