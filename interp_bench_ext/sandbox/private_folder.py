"""A folder for sockets that nobody else may enter."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

_LONGEST = 97
"""Bytes of its path: a socket's has at most 103 on macOS, 107 on Linux, and the longest name in it is ``/s/k-5``."""


def private_folder() -> Path:
    """A fresh folder that only this user can enter, with a real path short enough for a socket in it."""
    folder = Path(tempfile.mkdtemp(prefix="ib-")).resolve()
    if len(os.fsencode(folder)) <= _LONGEST or os.name != "posix":
        return folder
    folder.rmdir()
    return Path(tempfile.mkdtemp(prefix="ib-", dir="/tmp")).resolve()
