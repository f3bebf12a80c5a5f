"""A notebook in the shared document that browsers have open: the least change, one transaction at a time."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from pycrdt import Array, Map

from ..errors import NotebookConflict
from ..record.event import JsonDict
from .backend import CellView, NotebookCell, is_blank, named, place_of, view_of
from .location import NotebookLocation
from .readable import valid_ids
from .room import SharedRoom
from .shared_cell import new_cell, runs, write_cell

_PACE_S = 0.05
# As with events: what a cell that keeps on writing costs others must not grow with time.
_CHARACTERS_PER_SECOND = 4 * 1024 * 1024
# With an origin of its own the room's undo manager does not keep everything that is ever overwritten.
_ORIGIN = "interp_bench"


class YdocBackend:
    """Writes its own cells into the document; what others write there is seen at once and stays."""

    def __init__(self, room: SharedRoom, location: NotebookLocation) -> None:
        self._room = room
        self._location = location
        self._ycells: Array[Any] = room.document.ycells
        self._own: dict[str, NotebookCell] = {}
        self._former: dict[str, set[str]] = {}
        """Everything that the run has had as a cell's source."""
        self._edited: dict[str, str] = {}
        self._written: dict[str, int] = {}
        """Characters written for a cell since it began to run."""
        self._order: list[str] | None = None
        self._views: dict[str, JsonDict] = {}
        self._unsure: set[str] = set()
        """Own cells that somebody else may have changed since they were written."""
        self._reloaded = False
        self._writing = False
        self._closed = False
        self._mending: asyncio.Task[None] | None = None
        self._running: str | None = None
        self._subscription = self._ycells.observe_deep(self._on_change)
        room.after_reload = self._mend

    @classmethod
    async def open(cls, extension: Any, location: NotebookLocation) -> YdocBackend:
        """Enter the notebook's room and stay there. Raises BadInput when it is no notebook."""
        backend = cls(await SharedRoom.enter(extension, location), location)
        backend._upgrade()
        return backend

    @property
    def path(self) -> Path:
        return self._location.path

    @property
    def pace_s(self) -> float:
        written = 0 if self._running is None else self._written[self._running]
        return max(_PACE_S, written / _CHARACTERS_PER_SECOND)

    async def refresh(self) -> dict[str, str]:
        await self._room.settled()
        self._location.check()
        self._adopt()
        edited, self._edited = self._edited, {}
        return edited

    def ids(self) -> list[str]:
        if self._order is None:
            self._order = [str(ycell["id"]) for ycell in self._ycells]
        return list(self._order)

    def cells(self) -> list[CellView]:
        cells = []
        for index, cell_id in enumerate(self.ids()):
            if cell_id not in self._views:
                self._views[cell_id] = self._room.document.get_cell(index)
            cells.append(view_of(self._views[cell_id], own=cell_id in self._own))
        return cells

    async def put(self, cells: Sequence[NotebookCell]) -> None:
        """Change the shared document, once it is loaded; others see it at once, and the room saves it in a while.

        Raises:
            NotebookConflict: The document cannot be had.
        """
        await self._room.settled()
        self._adopt()
        with self._transaction():
            if not self._own and len(self._ycells) == 1 and is_blank(self._room.document.get_cell(0)):
                self._ycells.pop(0)
                self._order = []
            for cell in cells:
                self._put(cell)
            self._restore()
        self._room.changed()

    async def saved(self) -> None:
        await self._room.saved()

    async def close(self) -> None:
        if self._closed:
            return
        self._closed = True
        await self._room.leave()
        self._ycells.unobserve(self._subscription)
        if self._mending is not None:
            self._mending.cancel()
            await asyncio.gather(self._mending, return_exceptions=True)

    def _put(self, cell: NotebookCell) -> None:
        cell_id, known = cell.cell_id, self._own.get(cell.cell_id)
        if cell_id in self._edited:
            cell = replace(cell, source=self._edited[cell_id])
        self._own[cell_id] = cell
        self._former.setdefault(cell_id, set()).add(cell.source)
        self._follow(cell)
        order = self.ids()
        if cell_id in order:
            self._write(order.index(cell_id), cell, known)

    def _write(self, index: int, cell: NotebookCell, known: NotebookCell | None) -> None:
        ycell = self._ycells[index]
        if ycell["cell_type"] != cell.kind:
            self._ycells[index] = new_cell(cell)
        else:
            outputs = None if known is None or cell.cell_id in self._unsure else known.outputs
            self._written[cell.cell_id] += write_cell(ycell, cell, outputs)
        self._unsure.discard(cell.cell_id)
        self._views.pop(cell.cell_id, None)

    def _restore(self) -> None:
        """Put in what is missing: new cells, and those that somebody has removed."""
        order = self.ids()
        for cell_id in [name for name in self._own if name not in order]:
            at = place_of(cell_id, list(self._own), order)
            self._ycells.insert(at, new_cell(self._own[cell_id]))
            order.insert(at, cell_id)
            self._unsure.discard(cell_id)
        self._order = order

    def _follow(self, cell: NotebookCell) -> None:
        """Show where the agent is."""
        if runs(cell) and self._running != cell.cell_id:
            self._running, self._written[cell.cell_id] = cell.cell_id, 0
        elif not runs(cell) and self._running == cell.cell_id:
            self._running = None
        self._written.setdefault(cell.cell_id, 0)
        self._room.present({"run": cell.mark.get("run"), "cell": self._running})

    def _adopt(self) -> None:
        """Note what others have made of the run's own sources."""
        if not self._unsure:
            return
        order = self.ids()
        for cell_id in [name for name in order if name in self._unsure]:
            cell = self._own[cell_id]
            source = str(self._ycells[order.index(cell_id)]["source"])
            # A file that was written before an edit of the run only has its older text.
            if source != cell.source and not (self._reloaded and source in self._former[cell_id]):
                self._own[cell_id] = replace(cell, source=source)
                self._edited[cell_id] = source
        self._reloaded = False

    def _on_change(self, _: object) -> None:
        if self._writing:
            return
        self._order, self._views, self._unsure = None, {}, set(self._own)
        if self._room.loading and self._own:
            self._reloaded = True
            if self._mending is None or self._mending.done():
                self._mending = asyncio.create_task(self._mend())

    async def _mend(self) -> None:
        """Somebody wrote the file: what of the run was not saved yet goes into the document again."""
        with contextlib.suppress(NotebookConflict):
            await self.put(list(self._own.values()))

    def _upgrade(self) -> None:
        """Format 4.5 with an id for each cell: else they lose theirs when they are saved, and would be doubled."""
        meta = self._room.document.ydoc.get("meta", type=Map)
        found = [ycell.get("id") for ycell in self._ycells]
        with self._transaction():
            for ycell, before, after in zip(self._ycells, found, valid_ids(found), strict=True):
                if before != after:
                    ycell["id"] = after
            if meta.get("nbformat_minor", 0) < 5:
                meta["nbformat_minor"] = 5.0
            if not isinstance(meta.get("metadata"), Map):
                meta["metadata"] = Map({})
            metadata = meta["metadata"].to_py() or {}
            for key, value in named(metadata).items():
                if metadata.get(key) != value:
                    meta["metadata"][key] = value
        self._room.changed()

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        self._writing = True
        try:
            with self._room.document.ydoc.transaction(origin=_ORIGIN):
                yield
        finally:
            self._writing = False
