"""The filter of system calls that a sandbox is given; ``scripts/seccomp_profiles.py`` makes it."""

from __future__ import annotations

import platform
from pathlib import Path

PROFILES = Path(__file__).parent / "syscalls"


def seccomp_program() -> Path | None:
    """The file with the filter for this machine's processor; None where there is none for it."""
    file = PROFILES / f"{platform.machine()}.bpf"
    return file if file.is_file() else None
