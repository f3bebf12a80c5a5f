"""Autonomous interpretability investigations of model organisms, in a notebook.

Kernels import this package: nothing here imports a server, torch or pandas.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

    from .kernel.client import RemoteOrganism

__all__ = ["connect", "load_ipython_extension"]


def connect(*, deadline_s: float = 600.0) -> RemoteOrganism:
    """The organism of this notebook: ``organism = interp_bench_ext.connect()``.

    Args:
        deadline_s: how long one call may take.
    """
    from .kernel.client import connect as connected
    from .kernel.own_plots import show_altair_as_pictures

    show_altair_as_pictures()
    return connected(deadline_s=deadline_s)


def load_ipython_extension(shell: InteractiveShell) -> None:
    """``%load_ext interp_bench_ext`` brings ``%interp``."""
    from .kernel import magics

    magics.load(shell)


def _jupyter_server_extension_points() -> list[dict[str, Any]]:
    from .app import InterpBenchApp

    return [{"module": "interp_bench_ext.app", "app": InterpBenchApp}]


def _jupyter_labextension_paths() -> list[dict[str, str]]:
    return [{"src": "labextension", "dest": "interp-bench-ext"}]


def __getattr__(name: str) -> str:
    # Reading the installed metadata takes longer than the rest of this import.
    if name == "__version__":
        from importlib.metadata import version

        return version("interp_bench_ext")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
