"""Where runs write: notebooks below the server's root folder, by the paths that its clients use."""

from __future__ import annotations

import os
from collections.abc import Container
from pathlib import Path, PurePosixPath

from ..errors import BadInput
from ..paths import below, outside_work_folders

LONGEST_NAME = 200
"""Bytes of a notebook's name: file systems take 255, and files beside it carry its name and more."""


class Places:
    """Turns a client's path into a file below ``root`` and back.

    Args:
        root: The folder that the server shows.
        hidden: Whether files whose names begin with a dot may be used.

    Raises:
        BadInput: ``root`` is in a kernel's work folder.
    """

    def __init__(self, root: Path, *, hidden: bool = False) -> None:
        self.root = outside_work_folders(root)
        self._hidden = hidden

    def notebook(self, path: str) -> Path:
        """The file of the notebook at ``path``, which may not exist yet; no link leads to it. Raises BadInput."""
        parts = self._parts(path)
        if not path.endswith(".ipynb"):
            raise BadInput(f"{path}: a notebook's name ends in .ipynb")
        if not self._hidden and any(part.startswith(".") for part in parts):
            raise BadInput(f"{path}: this server shows no hidden files; choose another notebook")
        if len(os.fsencode(parts[-1])) > LONGEST_NAME:
            raise BadInput(f"a notebook's name has at most {LONGEST_NAME} bytes here; choose a shorter one")
        file = below(self.root, parts)
        if not file.parent.is_dir():
            folder = "/".join(parts[:-1])
            raise BadInput(
                f"there is no folder {folder!r} in this server's folder; make it, or choose another notebook"
            )
        if file.is_dir():
            raise BadInput(f"{path}: this is a folder; choose a notebook")
        return file

    def _parts(self, path: str) -> tuple[str, ...]:
        """The names along ``path``, which may begin with a slash, or with the folder itself. Raises BadInput."""
        given = PurePosixPath(path)
        if given.is_relative_to(self.root):
            given = given.relative_to(self.root)
        parts = tuple(part for part in given.parts if part != "/")
        if not parts or ".." in parts or "\0" in path:
            raise BadInput(f"{path!r} is no path below this server's folder; choose a notebook in it")
        return parts

    def fresh(self, name: str, *, taken: Container[Path]) -> Path:
        """A file for a new notebook called after ``name``, none of ``taken``."""
        number = 0
        while True:
            file = self.root / (f"{name}-{number}.ipynb" if number else f"{name}.ipynb")
            if not os.path.lexists(file) and file not in taken:
                return file
            number += 1

    def shown(self, file: Path) -> str | None:
        """The path of ``file`` as clients know it; None where it lies elsewhere."""
        return file.relative_to(self.root).as_posix() if file.is_relative_to(self.root) else None
