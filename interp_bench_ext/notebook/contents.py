"""A notebook in a file: one writer that merges by cell id with whoever else writes the file."""

from __future__ import annotations

import asyncio
import contextlib
import os
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, Protocol

from jupyter_server.services.contents.largefilemanager import AsyncLargeFileManager
from tornado.web import HTTPError

from ..errors import BadInput, NotebookConflict
from ..paths import notebook_path
from ..record.event import JsonDict
from .backend import CellView, NotebookCell, is_blank, named, new_notebook, node_of, place_of, view_of
from .notebook_text import NotebookText
from .readable import check_notebook, upgraded
from .whole_files import only_over, stamp_of, whole_file

_SAVE_INTERVAL_S = 1.0
_HALF_WRITTEN_S = 0.2
_SAVE_SHARE = 0.1
"""Most of the time that may go into saving while a cell runs."""


class NotebookFile(Protocol):
    """One notebook file, wherever it is. Every method raises NotebookConflict with one sentence."""

    @property
    def path(self) -> Path: ...

    async def stamp(self) -> object | None:
        """Something that changes with the file; None where there is none yet."""
        ...

    async def read(self) -> JsonDict: ...

    async def write(self, notebook: JsonDict) -> None:
        """Replace the file's content; what ``notebook`` holds stays as it is."""
        ...

    def listen(self, heard: Callable[[JsonDict], None]) -> None:
        """Call ``heard`` with what others of this process are about to write, where that can be known."""
        ...

    def close(self) -> None: ...


class LocalFile:
    """A file of this machine without a server. One that is gone is written again."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._manager: Any = AsyncLargeFileManager(root_dir=str(path.parent), allow_hidden=True)
        self._text = NotebookText()

    async def stamp(self) -> object | None:
        return file_stamp(self.path)

    async def read(self) -> JsonDict:
        with clear_errors(self.path, "read"):
            model = await self._manager.get(self.path.name, type="notebook")
        content: JsonDict = model["content"]
        return content

    async def write(self, notebook: JsonDict) -> None:
        with clear_errors(self.path, "written"):
            await asyncio.to_thread(self._replace, self._text.of(notebook))

    def listen(self, heard: Callable[[JsonDict], None]) -> None:
        """Whoever else writes it is another process."""

    def close(self) -> None:
        """Nothing is open."""

    def _replace(self, text: str) -> None:
        with whole_file(str(self.path), encoding="utf-8") as file:
            file.write(text)


class ContentsBackend:
    """Writes its own cells only; one that somebody removed from the file is put back, as it is evidence."""

    def __init__(self, file: NotebookFile) -> None:
        self._file = file
        self._notebook = new_notebook()
        self._order: list[str] = []
        """Ids of the notebook's cells."""
        self._own: dict[str, NotebookCell] = {}
        self._stamp: object = None
        self._in_file: dict[str, str] = {}
        """Sources of own cells as they were in the file when it was last read or written."""
        self._edited: dict[str, str] = {}
        self._io = asyncio.Lock()
        self._changes = 0
        self._changes_saved = 0
        self._heard = 0
        """How often somebody else has saved."""
        self._save_s = 0.0
        file.listen(self._hear)

    @classmethod
    async def open(cls, path: Path) -> ContentsBackend:
        """Open the file at ``path``, or begin a new notebook there at the first change.

        Raises:
            BadInput: The folder is missing, remote or read-only, or the file is no notebook to work in.
        """
        return await cls.of(LocalFile(await asyncio.to_thread(_checked, path)))

    @classmethod
    async def of(cls, file: NotebookFile) -> ContentsBackend:
        """Open a file. Raises BadInput when it is no notebook."""
        backend = cls(file)
        try:
            await backend.refresh()
        except NotebookConflict as error:
            raise BadInput(str(error)) from error
        return backend

    @property
    def path(self) -> Path:
        return self._file.path

    @property
    def pace_s(self) -> float:
        return max(_SAVE_INTERVAL_S, self._save_s / _SAVE_SHARE)

    async def refresh(self) -> dict[str, str]:
        """Merge the file in if it has changed."""
        async with self._io:
            await self._read()
        edited, self._edited = self._edited, {}
        return edited

    def ids(self) -> list[str]:
        return self._order.copy()

    def cells(self) -> list[CellView]:
        return [view_of(cell, own=cell["id"] in self._own) for cell in self._cells]

    async def put(self, cells: Sequence[NotebookCell]) -> None:
        """Change the notebook in memory; :meth:`saved` writes it. Raises nothing."""
        if not self._own and len(self._cells) == 1 and is_blank(self._cells[0]):
            self._cells.clear()
            self._order.clear()
        for cell in cells:
            if cell.cell_id in self._edited:
                cell = replace(cell, source=self._edited[cell.cell_id])
            self._own[cell.cell_id] = cell
        self._place([cell.cell_id for cell in cells])
        self._changes += 1

    async def saved(self) -> None:
        """Write what was put, over nothing that others saved meanwhile. Raises NotebookConflict where it cannot be."""
        async with self._io:
            # Somebody else may save in the midst of it, and must not be overwritten.
            while self._changes_saved < self._changes:
                await self._read()
                try:
                    await self._write()
                except NotebookConflict as conflict:
                    if not _overtaken(conflict):
                        raise

    async def close(self) -> None:
        """Write what is not saved, as far as the file takes it. Raises no NotebookConflict."""
        with contextlib.suppress(NotebookConflict):
            await self.saved()
            if await self._file.stamp() != self._stamp:
                # What somebody saved in the same moment may have taken the place of the last cells.
                self._changes += 1
                await self.saved()
        self._file.close()

    @property
    def _cells(self) -> list[JsonDict]:
        cells: list[JsonDict] = self._notebook["cells"]
        return cells

    async def _read(self) -> None:
        stamp = await self._file.stamp()
        if stamp is None or stamp == self._stamp:
            self._stamp = stamp
            return
        heard = self._heard
        try:
            found = await self._file.read()
        except NotebookConflict:
            # Others may be in the midst of writing it.
            await asyncio.sleep(_HALF_WRITTEN_S)
            found = await self._file.read()
        if heard == self._heard:
            self._merge(upgraded(found))
        self._stamp = stamp

    async def _write(self) -> None:
        changes, started = self._changes, time.monotonic()
        notebook = {**self._notebook, "cells": list(self._cells)}
        in_file = {cell_id: cell.source for cell_id, cell in self._own.items()}
        with only_over(self._stamp) as replacement:
            await self._file.write(notebook)
        self._stamp = replacement.after or await self._file.stamp()
        self._in_file, self._changes_saved = in_file, changes
        self._save_s = time.monotonic() - started

    def _hear(self, found: JsonDict) -> None:
        """Merge what somebody else is just saving: it and what is written here may reach the disk in any order."""
        self._merge(upgraded(found))
        self._heard += 1
        self._changes += 1

    def _merge(self, found: JsonDict) -> None:
        in_file = {cell["id"]: str(cell["source"]) for cell in reversed(found["cells"])}
        for cell_id, cell in self._own.items():
            source = in_file.get(cell_id, cell.source)
            if source not in (cell.source, self._in_file.get(cell_id)):
                self._own[cell_id] = replace(cell, source=source)
                self._edited[cell_id] = source
        found["metadata"] = named(found["metadata"])
        self._notebook, self._in_file = found, in_file
        self._order = [str(cell["id"]) for cell in found["cells"]]
        self._place(list(self._own))

    def _place(self, cell_ids: Sequence[str]) -> None:
        for cell_id in cell_ids:
            cell = self._own[cell_id]
            if cell_id in self._order:
                at = self._order.index(cell_id)
                self._cells[at] = node_of(cell, self._cells[at])
            else:
                at = place_of(cell_id, list(self._own), self._order)
                self._cells.insert(at, node_of(cell, {}))
                self._order.insert(at, cell_id)


def _overtaken(conflict: NotebookConflict) -> bool:
    """Whether somebody else wrote the file after it was read and before it was replaced."""
    return isinstance(conflict.__cause__, HTTPError) and conflict.__cause__.status_code == 409


@contextmanager
def clear_errors(path: Path, action: str) -> Iterator[None]:
    """Turn what a contents manager raises into one sentence."""
    try:
        yield
    except (HTTPError, OSError, ValueError) as error:
        said = getattr(error, "log_message", None) or getattr(error, "reason", None) or str(error)
        reason = why_unread(error) if action == "read" else said
        raise NotebookConflict(f"The notebook {path} cannot be {action}: {reason}") from error


def why_unread(error: Exception) -> str:
    """Why a file cannot be read, without what libraries quote of it: an agent may have had it linked to another."""
    if isinstance(error, OSError):
        return error.strerror or "the system refuses it"
    known = {403: "permission denied", 404: "there is none", 409: "somebody else is writing it"}
    return known.get(getattr(error, "status_code", 0), "what is there is no notebook")


def file_stamp(path: Path) -> object | None:
    """Changes whenever the file at ``path`` does; None where there is none. Raises NotebookConflict."""
    try:
        return stamp_of(path)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise NotebookConflict(f"The notebook {path} cannot be reached any more ({error}).") from error


def _checked(path: Path) -> Path:
    path = notebook_path(path)
    if not path.parent.is_dir():
        raise BadInput(f"The folder {path.parent} does not exist on this machine; make it or choose another.")
    if not os.access(path if path.exists() else path.parent, os.W_OK):
        raise BadInput(f"The notebook {path} cannot be written; choose a folder that you may write to.")
    check_notebook(path)
    return path
