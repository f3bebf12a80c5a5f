"""A server's files as its clients get them: no link that an agent's code has left in a work folder is followed.

Jupyter's contents manager follows every link, out of the server's folder too, and a browser asks it for whatever it is
told to draw. Links that a person has made elsewhere are followed as ever.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

from jupyter_server.base.handlers import AuthenticatedFileHandler
from jupyter_server.services.contents.fileio import FileManagerMixin

from ..errors import BadInput
from ..paths import opened_folder, real_path, work_folder_around
from .listing import LeftOut

FILES = r"files/((?:.*/)?[^/]*_[fF][iI][lL][eE][sS]/.*)"
"""The route of files that may lie in work folders."""


class PlantedLink(LeftOut):
    """One that is not followed."""

    def __init__(self) -> None:
        super().__init__("links in a kernel's work folder are not followed")


def follow_no_planted_links(contents_manager: Any) -> None:
    """Have a contents manager, and its checkpoints, follow none; nothing changes in one that has no files."""
    has_files = isinstance(contents_manager, FileManagerMixin)
    if not has_files:
        return
    root = Path(contents_manager.root_dir).resolve()
    open_file, copy = contents_manager.open, contents_manager.copy

    @contextmanager
    def open_without_links(os_path: str, *args: Any, **kwargs: Any) -> Iterator[Any]:
        # Between the check of the path and this, the kernel may have put a link in the file's place.
        real = root / Path(os_path).relative_to(Path(contents_manager.root_dir).absolute())
        if work_folder_around(real, root=root) is not None:
            kwargs["opener"] = partial(_open_real, real)
        with open_file(os_path, *args, **kwargs) as file:
            yield file

    def copy_without_links(from_path: str, to_path: str | None = None) -> Any:
        for folder, folders, files in os.walk(contents_manager._get_os_path(from_path)):
            for name in (*folders, *files):
                _checked(str(Path(folder, name)), root)
        return copy(from_path, to_path)

    contents_manager.open, contents_manager.copy = open_without_links, copy_without_links
    contents_manager._get_os_path = _checking(contents_manager._get_os_path, root)
    checkpoints = contents_manager.checkpoints
    if hasattr(checkpoints, "checkpoint_path"):
        checkpoints.checkpoint_path = _checking(checkpoints.checkpoint_path, root)


class FilesOfWorkFolders(AuthenticatedFileHandler):
    """What a browser asks for by ``/files/``, in a work folder."""

    def validate_absolute_path(self, root: str, absolute_path: str) -> str:
        return super().validate_absolute_path(root, _checked(absolute_path, Path(root).resolve()))


def _checking(find: Callable[..., str], root: Path) -> Callable[..., str]:
    def found(*args: Any, **kwargs: Any) -> str:
        return _checked(find(*args, **kwargs), root)

    return found


def _checked(os_path: str, root: Path) -> str:
    try:
        real_path(Path(os_path), root=root)
    except BadInput:
        raise PlantedLink from None
    return os_path


def _open_real(path: Path, _: str, flags: int) -> int:
    try:
        with opened_folder(path.parent) as folder:
            return os.open(path.name, flags | os.O_NOFOLLOW, 0o666, dir_fd=folder)
    except OSError as error:
        if error.errno in (errno.ELOOP, errno.ENOTDIR):
            raise PlantedLink from None
        raise
