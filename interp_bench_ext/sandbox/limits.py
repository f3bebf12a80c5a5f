"""Limits that every process of a command has to itself, set by the shell that becomes it."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

_MIB = 2**20
_BLOCK_BYTES = 512
_OF_A_CONTAINER = ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes")


def limited(command: Iterable[str], *, data_mb: int, file_bytes: int | None = None) -> list[str]:
    """``command`` without core dumps, its data limited to ``data_mb`` MiB (0: not at all), a file to ``file_bytes``."""
    # RLIMIT_DATA counts what a process writes to; RLIMIT_AS would also count what numpy only reserves.
    limits = ["ulimit -c 0"] + ([f"ulimit -d {data_mb * 1024}"] if data_mb else [])
    limits += [] if file_bytes is None else [f"ulimit -f {file_bytes // _BLOCK_BYTES}"]
    return ["/bin/sh", "-c", "; ".join([*limits, 'exec "$@"']), "sh", *command]


def memory_mb() -> int:
    """MiB of the machine, or of the container that this runs in."""
    machine = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return min([machine, *_container_bytes()]) // _MIB


def _container_bytes() -> list[int]:
    found = [Path(file).read_text().strip() for file in _OF_A_CONTAINER if Path(file).is_file()]
    return [int(text) for text in found if text.isdigit()]
