"""Files that are replaced at once, so that nobody ever reads half of one."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jupyter_server.services.contents.fileio import FileManagerMixin
from tornado.web import HTTPError

from ..paths import real_path, replaced


@dataclass
class Replacement:
    """What is known of one file that is about to be replaced."""

    before: object | None
    """Its stamp as it was last read."""
    after: object | None = None
    """Its stamp once it is replaced; what the file has a moment later may be somebody else's."""


_REPLACING = threading.Lock()
"""A server saves in several threads: none may come between another one's look at a file and its replacement."""
_UNDER_WAY: ContextVar[Replacement | None] = ContextVar("replacement under way", default=None)


def write_whole_files(contents_manager: Any) -> None:
    """Have a contents manager replace its files at once when it saves; nothing changes in one that has no files.

    jupyter_server writes into the file itself and keeps the old one beside it meanwhile. Whoever asks the server for
    the notebook in that moment finds it broken and has it moved aside, and it can be gone then (jupyter_server 2.21).
    """
    has_files = isinstance(contents_manager, FileManagerMixin)
    if not (has_files and contents_manager.use_atomic_writing):
        return

    @contextmanager
    def atomic_writing(os_path: str, *, text: bool = True, encoding: str = "utf-8", **_: Any) -> Iterator[Any]:
        with contents_manager.perm_to_403(os_path), whole_file(os_path, encoding=encoding if text else None) as file:
            yield file

    contents_manager.atomic_writing = atomic_writing


@contextmanager
def only_over(stamp: object | None) -> Iterator[Replacement]:
    """Within the block a file is only replaced while it has this :func:`stamp_of`; else HTTPError 409 is raised.

    None: whether it is there or not.
    """
    replacement = Replacement(stamp)
    token = _UNDER_WAY.set(replacement)
    try:
        yield replacement
    finally:
        _UNDER_WAY.reset(token)


def stamp_of(path: Path) -> object:
    """Changes whenever the file at ``path`` does. Raises OSError."""
    return _stamp(path.stat())


@contextmanager
def whole_file(path: str, *, encoding: str | None) -> Iterator[Any]:
    """A file to write that takes the place of ``path`` when it is complete; nothing changes when that fails.

    Args:
        path: The file; a symbolic link stays one.
        encoding: None: bytes are written.

    Raises:
        BadInput: The path goes through a link in a kernel's work folder.
    """
    target, replacement = real_path(Path(path)), _UNDER_WAY.get() or Replacement(None)

    @contextmanager
    def meanwhile(fresh: os.stat_result) -> Iterator[None]:
        with _REPLACING:
            if replacement.before not in (None, _stamp_if_there(target)):
                raise HTTPError(409, f"{target} has just been written or moved by somebody else")
            replacement.after = _stamp(fresh)
            yield

    with replaced(target, encoding=encoding, meanwhile=meanwhile) as file:
        yield file


def _stamp_if_there(path: Path) -> object | None:
    try:
        return stamp_of(path)
    except FileNotFoundError:
        return None


def _stamp(status: os.stat_result) -> object:
    return (status.st_mtime_ns, status.st_size, status.st_ino)
