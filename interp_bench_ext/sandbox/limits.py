"""Limits that every process of a command has to itself, set by the shell that becomes it."""

from __future__ import annotations

import os
from collections.abc import Iterable

from .control_groups import own_groups
from .memory_group import MemoryGroup

_MIB = 2**20
_BLOCK_BYTES = 512


def limited(
    command: Iterable[str], *, data_mb: int, file_bytes: int | None = None, group: MemoryGroup | None = None
) -> list[str]:
    """``command`` without core dumps, its data limited to ``data_mb`` MiB (0: not at all), a file to ``file_bytes``.

    With ``group`` all that it starts is in that.
    """
    # RLIMIT_DATA counts what a process writes to; RLIMIT_AS would also count what numpy only reserves.
    limits = ["ulimit -c 0"] + ([f"ulimit -d {data_mb * 1024}"] if data_mb else [])
    limits += [] if file_bytes is None else [f"ulimit -f {file_bytes // _BLOCK_BYTES}"]
    joined = [] if group is None else [group.joining]
    return ["/bin/sh", "-c", "; ".join([*joined, *limits, 'exec "$@"']), "sh", *command]


def memory_mb() -> int:
    """MiB of the machine, or of the container, slice or service that this runs in."""
    machine = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return min([machine, *(limit for group in own_groups() for limit in group.limits())]) // _MIB
