from __future__ import annotations

import importlib
import sys
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
    technique("chat")  # makes the folder's package
    package = next(module for module in sys.modules if module.startswith("_interp_bench_techniques_"))
    return importlib.import_module(f"{package}.{name}")
