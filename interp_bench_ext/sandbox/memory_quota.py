"""How much memory all processes of a sandbox may hold together, with what they share and what has no name."""

from __future__ import annotations

import contextlib
import os
import re
from collections.abc import Iterable, Iterator
from pathlib import Path

import psutil

from .memory_group import MemoryGroup
from .quota import in_words

_COUNTED = re.compile(rb"^(?:Pss_Anon|Pss_Shmem|SwapPss):\s+(\d+) kB", re.MULTILINE)
"""Each page is counted for the processes that share it by parts, so that their sum is what the machine gives."""


class MemoryQuota:
    """Of the process ``pid`` and all that it has started; in a sandbox none of them can leave it.

    Where they are in a ``group`` with that limit, Linux keeps it, and is asked whether it had to; elsewhere what they
    hold is added up.
    """

    def __init__(self, pid: int, most_bytes: int, group: MemoryGroup | None) -> None:
        self._pid, self._group = pid, group
        self._most_bytes = most_bytes
        self.sentence = (
            f"The kernel's processes held more than {in_words(most_bytes)} of memory together, so it was ended: "
            "keep less at once, and end what you start."
        )

    def exceeded(self) -> bool:
        """Whether they hold too much now, or were found to."""
        return self._group.overflowed() if self._group else held_bytes(self._pid) > self._most_bytes


def held_bytes(pid: int) -> int:
    """Memory of a process and all that descend from it: private, shared, swapped out, and files without a name."""
    pids = list(_tree(pid))
    return sum(map(_mapped_bytes, pids)) + _unnamed_bytes(pids)


def _tree(pid: int) -> Iterator[int]:
    yield pid
    with contextlib.suppress(psutil.Error):
        yield from (child.pid for child in psutil.Process(pid).children(recursive=True))


def _mapped_bytes(pid: int) -> int:
    try:
        said = Path(f"/proc/{pid}/smaps_rollup").read_bytes()
    except OSError:  # gone, or one that hides what it holds
        return _resident_bytes(pid)
    return 1024 * sum(map(int, _COUNTED.findall(said)))


def _resident_bytes(pid: int) -> int:
    with contextlib.suppress(psutil.Error):
        return int(psutil.Process(pid).memory_info().rss)
    return 0


def _unnamed_bytes(pids: Iterable[int]) -> int:
    """What files hold that are in memory alone (``memfd_create``); each once, whoever has it open."""
    found: dict[tuple[int, int], int] = {}
    for pid in pids:
        with contextlib.suppress(OSError), os.scandir(f"/proc/{pid}/fd") as entries:
            for entry in entries:
                with contextlib.suppress(OSError):
                    if os.readlink(entry.path).startswith("/memfd:"):  # noqa: PTH115 - it names no file
                        status = entry.stat()
                        found[status.st_dev, status.st_ino] = 512 * status.st_blocks
    return sum(found.values())
