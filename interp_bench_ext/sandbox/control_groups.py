"""Where this process stands in Linux's control groups of memory, in either version of them."""

from __future__ import annotations

import contextlib
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

_SELF = Path("/proc/self")


@dataclass(frozen=True)
class Files:
    """What a version calls the files of a group."""

    most: str
    killed: str
    """Counts the processes that were killed for want of memory."""
    swap: str
    swap_with_memory: bool
    """Whether the limit of swap is that of memory and swap together."""


V1 = Files("memory.limit_in_bytes", "memory.oom_control", "memory.memsw.limit_in_bytes", swap_with_memory=True)
V2 = Files("memory.max", "memory.events", "memory.swap.max", swap_with_memory=False)


@dataclass(frozen=True)
class OwnGroup:
    """The group of a process, in one place where groups are mounted."""

    mount: Path
    folder: Path
    files: Files

    def parents(self) -> Iterator[Path]:
        """The groups below which another one has a limit of memory, where this user may make one.

        v1: this one. v2, where a group that passes memory on has no processes: the one above, as a systemd user's slice
        or a service with ``Delegate=`` and ``DelegateSubgroup=``. Only one that passes it on already is named: it is
        not for us to change what others have made. https://docs.kernel.org/admin-guide/cgroup-v2.html
        """
        if self.files is V1:
            yield self.folder
            return
        for folder in (self.folder.parent, self.folder):
            with contextlib.suppress(OSError):
                named = (folder / "cgroup.subtree_control").read_text().split()
                if "memory" in named and folder.is_relative_to(self.mount):
                    yield folder

    def limits(self) -> Iterator[int]:
        """In bytes: its own limit, and those of all above it, as far as they are to be seen."""
        for folder in (self.folder, *self.folder.parents):
            with contextlib.suppress(OSError, ValueError):
                if folder.is_relative_to(self.mount):
                    yield int((folder / self.files.most).read_text())


def own_groups(process: Path = _SELF) -> Iterator[OwnGroup]:
    """Those of this process, by its files in ``process``; none on a system without."""
    with contextlib.suppress(OSError):
        lines = [line.split(":", 2) for line in (process / "cgroup").read_text().splitlines()]
        paths = {name: path for _, names, path in lines for name in names.split(",")}
        for mount in (process / "mountinfo").read_text().splitlines():
            [_, _, _, root, place, *_], [kind, _, options] = (half.split(" ") for half in mount.split(" - ", 1))
            if kind == "cgroup2":
                name, files = "", V2
            elif kind == "cgroup" and "memory" in options.split(","):
                name, files = "memory", V1
            else:
                continue
            below = os.path.relpath(paths.get(name, ".."), _plain(root))
            if ".." not in PurePosixPath(below).parts:
                yield OwnGroup(Path(_plain(place)), Path(_plain(place), below), files)


def _plain(field: str) -> str:
    return re.sub(r"\\(\d{3})", lambda code: chr(int(code[1], 8)), field)
