from __future__ import annotations

import importlib
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

from interp_bench_ext.host.technique_files import load_techniques

FOLDER = Path(__file__).resolve().parents[2] / "techniques"


def technique(name: str) -> Callable[..., Any]:
    """The shipped technique's function, loaded as the host loads it."""
    return load_techniques([FOLDER / f"{name}.py"])[name].function


def helper(name: str) -> ModuleType:
    """A module that techniques share."""
    package = technique("chat").__module__.rpartition(".")[0]
    return importlib.import_module(f"{package}.{name}")
