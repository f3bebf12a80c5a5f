"""A notebook in a file, written through Jupyter's contents manager by one writer that merges by cell id."""

from __future__ import annotations

import copy
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from jupyter_server.services.contents.largefilemanager import AsyncLargeFileManager
from nbformat import v4
from tornado.web import HTTPError

from ..errors import BadInput, NotebookConflict
from ..events import JsonDict
from .backend import CellView, NotebookCell

MARK = "interp_bench"
_KERNELSPEC = {"name": "python3", "display_name": "Python 3 (ipykernel)", "language": "python"}


class ContentsBackend:
    """Writes its own cells only; one that somebody removed from the file is put back, as it is evidence."""

    def __init__(self, path: Path, manager: Any) -> None:
        self._path = path
        self._manager = manager
        self._notebook: JsonDict = {
            "nbformat": 4,
            "nbformat_minor": 5,
            "metadata": {"kernelspec": _KERNELSPEC},
            "cells": [],
        }
        self._own: dict[str, NotebookCell] = {}
        self._stamp: object = None

    @classmethod
    async def open(cls, path: Path) -> ContentsBackend:
        """Open ``path``, or begin a new notebook there at the first change.

        Raises:
            BadInput: The folder is missing, remote or read-only, or the file is no notebook.
        """
        path = _checked(path)
        backend = cls(path, AsyncLargeFileManager(root_dir=str(path.parent), allow_hidden=True))
        try:
            await backend.refresh()
        except NotebookConflict as error:
            raise BadInput(str(error)) from error
        return backend

    async def refresh(self) -> dict[str, str]:
        """Merge the file in if it has changed; a file that is gone is written again at the next change."""
        stamp = self._current_stamp()
        if stamp is None or stamp == self._stamp:
            return {}
        with self._errors("read"):
            model = await self._manager.get(self._path.name, type="notebook")
        edited = self._merge(_upgraded(model["content"]))
        self._stamp = stamp
        return edited

    def cells(self) -> list[CellView]:
        """All cells of the notebook as last seen or written."""
        return [_view(cell, own=cell["id"] in self._own) for cell in self._cells]

    @property
    def _cells(self) -> list[JsonDict]:
        cells: list[JsonDict] = self._notebook["cells"]
        return cells

    async def put(self, cells: Sequence[NotebookCell]) -> None:
        """Write these cells over what the file has for them; everything else in the file stays."""
        await self.refresh()
        for cell in cells:
            self._own[cell.cell_id] = cell
        self._place()
        await self._save()

    async def _save(self) -> None:
        model = {"type": "notebook", "format": "json", "content": copy.deepcopy(self._notebook)}
        with self._errors("written"):
            await self._manager.save(model, self._path.name)
        self._stamp = self._current_stamp()

    def _current_stamp(self) -> object:
        try:
            found = self._path.stat()
        except FileNotFoundError:
            return None
        except OSError as error:
            raise NotebookConflict(f"The notebook {self._path} cannot be reached any more ({error}).") from error
        return (found.st_mtime_ns, found.st_size, found.st_ino)

    def _merge(self, found: JsonDict) -> dict[str, str]:
        edited = {
            cell["id"]: str(cell["source"])
            for cell in found["cells"]
            if cell["id"] in self._own and cell["source"] != self._own[cell["id"]].source
        }
        for cell_id, source in edited.items():
            self._own[cell_id] = replace(self._own[cell_id], source=source)
        found["metadata"].setdefault("kernelspec", dict(_KERNELSPEC))
        self._notebook = found
        self._place()
        return edited

    def _place(self) -> None:
        """Put the run's cells in: new ones at the end, removed ones back beside their neighbours."""
        for cell_id, cell in self._own.items():
            position = self._positions()
            if cell_id in position:
                known = self._cells[position[cell_id]]
                self._cells[position[cell_id]] = _node(cell, known["metadata"])
            else:
                self._cells.insert(self._place_of(cell_id, position), _node(cell, {}))

    def _place_of(self, cell_id: str, position: dict[str, int]) -> int:
        order = list(self._own)
        rank = order.index(cell_id)
        later = [position[other] for other in order[rank + 1 :] if other in position]
        if not later:
            return len(self._cells)
        return position[order[rank - 1]] + 1 if rank else later[0]

    def _positions(self) -> dict[str, int]:
        # Of cells that share an id the first one counts.
        return {cell["id"]: index for index, cell in reversed(list(enumerate(self._cells)))}

    @contextmanager
    def _errors(self, action: str) -> Iterator[None]:
        try:
            yield
        except HTTPError as error:
            reason = error.log_message or error.reason or str(error)
            raise NotebookConflict(f"The notebook {self._path} cannot be {action}: {reason}") from error
        except (OSError, ValueError) as error:
            raise NotebookConflict(f"The notebook {self._path} cannot be {action}: {error}") from error


def _checked(path: Path) -> Path:
    path = path.absolute()
    if not path.parent.is_dir():
        raise BadInput(f"The folder {path.parent} does not exist on this machine; make it or choose another.")
    if not os.access(path if path.exists() else path.parent, os.W_OK):
        raise BadInput(f"The notebook {path} cannot be written; choose a folder that you may write to.")
    return path


def _upgraded(notebook: Any) -> JsonDict:
    """Format 4.5 or newer: before that cells have no ids, and would be doubled at every save."""
    upgrade: Any = v4.upgrade
    minor = notebook["nbformat_minor"]
    found: JsonDict = upgrade(notebook, from_version=4, from_minor=minor) if minor < 5 else notebook
    return found


def _node(cell: NotebookCell, metadata: JsonDict) -> JsonDict:
    node: JsonDict = {
        "id": cell.cell_id,
        "cell_type": cell.kind,
        "source": cell.source,
        "metadata": {**metadata, MARK: dict(cell.mark)},
    }
    if cell.kind == "code":
        node |= {"outputs": copy.deepcopy(list(cell.outputs)), "execution_count": cell.execution_count}
    return node


def _view(cell: JsonDict, *, own: bool) -> CellView:
    return CellView(
        cell_id=cell["id"],
        kind=cell["cell_type"],
        source=cell["source"],
        outputs=copy.deepcopy(list(cell.get("outputs", []))),
        execution_count=cell.get("execution_count"),
        status=cell["metadata"].get(MARK, {}).get("status") if own else None,
        own=own,
    )
