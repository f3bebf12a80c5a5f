"""The one table of result types: each file of this folder that defines one."""

from __future__ import annotations

import functools
import importlib
import pkgutil
from pathlib import Path

from .kit.result import Result


@functools.cache
def result_types() -> dict[str, type[Result]]:
    """Every result type by its name."""
    package = __name__.rpartition(".")[0]
    types: dict[str, type[Result]] = {}
    for entry in pkgutil.iter_modules([str(Path(__file__).parent)], f"{package}."):
        for kind in vars(importlib.import_module(entry.name)).values():
            if isinstance(kind, type) and issubclass(kind, Result) and kind.__module__ == entry.name:
                types[kind.__name__] = kind
    return types
