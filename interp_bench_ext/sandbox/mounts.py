"""Single mounts of a sandbox, as arguments of bubblewrap."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Mount:
    """One thing at ``target``, made by ``options``; those that are deeper in the tree have to come later."""

    target: Path
    options: tuple[str, ...]


def read_only(source: Path, target: Path | None = None) -> Mount:
    """A file or folder of this machine, at its own place by default."""
    target = target or source
    return Mount(target, ("--ro-bind", str(source), str(target)))


def writable(source: Path, target: Path | None = None) -> Mount:
    """The same, to be written to."""
    target = target or source
    return Mount(target, ("--bind", str(source), str(target)))


def link(target: Path, to: Path) -> Mount:
    """A symbolic link at ``target``."""
    return Mount(target, ("--symlink", str(to), str(target)))


def memory_folder(target: Path, *, size_bytes: int) -> Mount:
    """An empty folder in memory, to be written to."""
    return Mount(target, ("--size", str(size_bytes), "--perms", "1777", "--tmpfs", str(target)))


def hidden(target: Path, *, folder: bool) -> Mount:
    """Nothing, where another mount would show a folder or a file."""
    if folder:
        return Mount(target, ("--tmpfs", str(target), "--remount-ro", str(target)))
    return read_only(Path(os.devnull), target)
