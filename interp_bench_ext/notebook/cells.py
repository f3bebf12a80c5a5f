"""The run's own cells: what the agent does to them, and what a person does to them meanwhile."""

from __future__ import annotations

import asyncio
import re
import uuid
from collections.abc import Iterable, Mapping
from dataclasses import replace

from ..errors import BadInput, NotebookConflict
from ..output_filter.text import clean_text
from ..record.cell_events import CellAdded, CellEdited, CellFinished, CellKind
from ..record.cells import Cell, Cells
from ..record.events import Emit, Event
from .backend import NotebookBackend, NotebookCell
from .closing import closing_id, gone_on, is_closing, says_end
from .reason import as_markdown, is_reason, one_line, reason_id

_CELL_ID = re.compile(r"[a-zA-Z0-9_-]{1,64}")


class RunCells:
    """Keeps journal and notebook in step: an event is out before its effect, an edit of others becomes one."""

    def __init__(self, backend: NotebookBackend, *, emit: Emit, run: str) -> None:
        self.lock = asyncio.Lock()
        """Held while events and notebook are brought in step."""
        self._backend = backend
        self._emit = emit
        self._run = run
        self._life = Cells()
        self._cells: dict[str, NotebookCell] = {}

    def __getitem__(self, cell_id: str) -> NotebookCell:
        """A cell of this run. Raises BadInput where it has no such cell."""
        if cell_id not in self._cells:
            raise BadInput(f"This run has no cell {cell_id}.")
        return self._cells[cell_id]

    def emit(self, event: Event) -> None:
        """Send an event out, and keep what it says of a cell."""
        self._emit(event)
        self._life.apply(event)

    async def add(self, kind: CellKind, source: str, cell_id: str | None, *, said: str = "") -> str:
        """Append a cell, and above it what the agent ``said`` before it, if anything; returns its id.

        The journal has it then, and the backend, but not yet the file.
        """
        cell_id = cell_id or uuid.uuid4().hex[:12]
        async with self.lock:
            await self.adopt_edits()
            if not _CELL_ID.fullmatch(cell_id):
                raise BadInput(f"{cell_id!r} is no cell id (up to 64 letters, digits, hyphens, underscores).")
            if cell_id in self._backend.ids():
                raise BadInput(f"The notebook already has a cell {cell_id}.")
            source = clean_text(source)
            self.emit(CellAdded(cell_id=cell_id, kind=kind, source=source, reason=one_line(clean_text(said))))
            self._cells[cell_id] = NotebookCell(cell_id=cell_id, kind=kind, source=source, mark=self._mark(cell_id))
            await self._backend.put([*self._reason(cell_id, {}), self._cells[cell_id]])
        return cell_id

    async def edit(self, cell_id: str, source: str) -> None:
        """Replace the source of a cell.

        Raises:
            NotebookConflict: Somebody else has edited it meanwhile; it now has their text.
        """
        async with self.lock:
            if cell_id in await self.adopt_edits():
                raise NotebookConflict(f"Somebody else edited cell {cell_id} meanwhile; read it again first.")
            source = clean_text(source)
            self.emit(CellEdited(cell_id=cell_id, source=source))
            await self.put(cell_id, source=source)
        await self._backend.saved()

    async def put(self, cell_id: str, **changes: object) -> None:
        """Write the cell with ``changes`` to its fields, and with how it stands."""
        mark = self._mark(cell_id)
        self._cells[cell_id] = replace(self._cells[cell_id], mark=mark, **changes)  # type: ignore[arg-type]
        await self._backend.put([self._cells[cell_id]])

    async def adopt_edits(self) -> set[str]:
        """Take over what somebody else wrote into the run's own cells, so that journal and notebook agree."""
        edited = await self._backend.refresh()
        own = {cell_id: source for cell_id, source in edited.items() if cell_id in self._cells}
        for cell_id, source in own.items():
            self.emit(CellEdited(cell_id=cell_id, source=source))
            self._cells[cell_id] = replace(self._cells[cell_id], source=source)
        return set(own)

    async def rebuild(self, events: Iterable[Event]) -> None:
        """Make the notebook what ``events`` say.

        A cell that was running is marked interrupted (``CellFinished`` is emitted); text that no event knows
        was written by somebody else and stays (``CellEdited`` is emitted).
        """
        async with self.lock:
            await self._backend.refresh()
            found = {cell.cell_id: cell.source for cell in self._backend.cells()}
            self._life = Cells.of(events)
            for cell in self._life.by_id.values():
                self._settle(cell, found.get(cell.cell_id))
                self._cells[cell.cell_id] = NotebookCell(
                    cell_id=cell.cell_id,
                    kind=cell.kind,
                    source=cell.source,
                    outputs=cell.outputs,
                    execution_count=cell.execution_count,
                    mark=self._mark(cell.cell_id),
                )
            if self._cells:
                told = ((*self._reason(cell_id, found), cell) for cell_id, cell in self._cells.items())
                await self._backend.put([cell for pair in told for cell in pair])
            await self._backend.put([self._words(name, gone_on(self._run)) for name in self._ends(found)])
        await self._backend.saved()

    async def close(self, last_words: str) -> None:
        """Have ``last_words`` stand at the notebook's end; they are no cell of the run.

        Raises:
            NotebookConflict: The notebook is gone.
        """
        async with self.lock:
            await self.adopt_edits()
            names = self._backend.ids()
            last = names[-1] if names and is_closing(names[-1], self._run) else closing_id(self._run, taken=names)
            await self._backend.put([self._words(last, last_words)])

    def is_reason(self, cell_id: str) -> bool:
        """Whether it is the text above a cell of this run."""
        return is_reason(cell_id, self._run)

    def _reason(self, cell_id: str, found: Mapping[str, str]) -> list[NotebookCell]:
        """What stands above the cell, as a person may have changed it in the notebook as it was ``found``."""
        reason, name = self._life.by_id[cell_id].reason, reason_id(cell_id, self._run)
        text = found.get(name, as_markdown(reason))
        return [self._words(name, text)] if reason else []

    def _ends(self, found: Mapping[str, str]) -> list[str]:
        """Ids of the cells, of those with these sources, that still say that the run is over."""
        return [name for name, source in found.items() if is_closing(name, self._run) and says_end(source, self._run)]

    def _words(self, cell_id: str, text: str) -> NotebookCell:
        """Text that belongs to the run and is no cell of it."""
        mark = {"run": self._run, "status": None}
        return NotebookCell(cell_id=cell_id, kind="markdown", source=clean_text(text), mark=mark)

    def _settle(self, cell: Cell, in_notebook: str | None) -> None:
        if in_notebook is not None and in_notebook not in cell.sources:
            self.emit(CellEdited(cell_id=cell.cell_id, source=in_notebook))
        if cell.cut_off or cell.status == "running":
            self.emit(cut_off(cell.cell_id))

    def _mark(self, cell_id: str) -> dict[str, object]:
        return {"run": self._run, "status": self._life.by_id[cell_id].status}


def cut_off(cell_id: str) -> CellFinished:
    """The end of a cell whose real end nobody saw."""
    return CellFinished(cell_id=cell_id, status="interrupted", execution_count=None, duration_s=0.0)
