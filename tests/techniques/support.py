from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from interp_bench_ext.host.technique_files import load_techniques

FOLDER = Path(__file__).resolve().parents[2] / "techniques"


def technique(name: str) -> Callable[..., Any]:
    """The shipped technique's function, loaded as the host loads it."""
    return load_techniques([FOLDER / f"{name}.py"])[name].function
