"""This package as a sandbox shows it: to a kernel what kernels import, and no module beyond that."""

from __future__ import annotations

import site
import sysconfig
from pathlib import Path

from .mounts import Mount, read_only

PACKAGE = Path(__file__).resolve().parents[1]
PACKAGE_PATH = Path("/interp_bench")
"""Is on ``sys.path`` in there."""

KERNEL_PARTS = (
    "__init__.py",
    "contracts.py",
    "conversations.py",
    "errors.py",
    "intervals.py",
    "kernel",
    "results",
    "word_breaks.py",
    "wrong_input.py",
)


METHOD_PARTS = (*(part for part in KERNEL_PARTS if part != "kernel"), "methods")


def method_package() -> list[Mount]:
    """What the process of a custom method imports."""
    return [_shown(part) for part in METHOD_PARTS]


def kernel_package() -> list[Mount]:
    """What kernels import. The product's own tables of models, prices and scores are no part of it."""
    return [_shown(part) for part in KERNEL_PARTS]


def whole_package() -> list[Mount]:
    """All modules, for a process that is ours."""
    return [_shown("")]


def package_path() -> Path | None:
    """Folder that must be on ``sys.path`` outside of a sandbox, None where Python finds this package by itself."""
    installed = Path(sysconfig.get_path("purelib")).resolve(), Path(site.getusersitepackages()).resolve()
    return None if PACKAGE.parent in installed else PACKAGE.parent


def _shown(part: str) -> Mount:
    return read_only(PACKAGE / part, PACKAGE_PATH / PACKAGE.name / part)
