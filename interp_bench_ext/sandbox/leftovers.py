"""Processes that a plain kernel has left behind: nothing holds them together but what they inherited."""

from __future__ import annotations

import contextlib
import os

import psutil


def end_holders(name: str, value: str) -> None:
    """Kill the user's processes whose environment holds this variable with this value, detached ones too.

    Code that cleans its own environment first is not found; under bubblewrap nothing needs to be looked for.
    """
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error, OSError):
            if process.pid != os.getpid() and process.environ().get(name) == value:
                process.kill()
