"""The agent's notebook: its cells, its own kernel, and an event before each effect."""

from __future__ import annotations

import asyncio
import os
import re
import uuid
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from ..contracts import Connection, Veil
from ..errors import BadInput, KernelDied, NotebookConflict
from ..events import (
    CellAdded,
    CellEdited,
    CellFinished,
    CellKind,
    CellStarted,
    CellStatus,
    Emit,
    Event,
    JsonDict,
    KernelStarted,
    KernelWentAway,
)
from .backend import CellState, CellView, NotebookBackend, NotebookCell
from .contents import ContentsBackend
from .executor import Execution, Executor
from .fold import FoldedCell, fold_cells
from .kernels import Kernel, choose_veil
from .live import LiveOutputs
from .text import clean_text

_CELL_ID = re.compile(r"[a-zA-Z0-9_-]{1,64}")
_GRACE_S = 5.0
_RESTORE_TIMEOUT_S = 600.0


@dataclass(frozen=True, kw_only=True)
class CellRun:
    """What running a cell came to."""

    cell_id: str
    status: CellStatus
    execution_count: int | None
    outputs: list[JsonDict]
    duration_s: float


class NotebookSession:
    """One notebook with one kernel. Several tasks may use it; cells run one after the other."""

    def __init__(self, backend: NotebookBackend, *, emit: Emit, connection: Connection | None, run: str) -> None:
        self.veil = Veil.PROCESS
        self._backend = backend
        self._emit = emit
        self._connection = connection
        self._run = run
        self._work_dir = Path()
        self._grace_s = _GRACE_S
        self._cells: dict[str, NotebookCell] = {}
        self._write_lock = asyncio.Lock()
        self._run_lock = asyncio.Lock()
        self._live = LiveOutputs(emit=emit, save=self._save_outputs)
        self._closed = False
        self._kernel: Kernel | None = None
        self._executor: Executor | None = None

    @classmethod
    async def open(
        cls,
        path: Path,
        *,
        emit: Emit,
        connection: Connection | None,
        veil: Veil | None = None,
        work_dir: Path | None = None,
        run: str = "",
        grace_s: float = _GRACE_S,
        backend: NotebookBackend | None = None,
    ) -> NotebookSession:
        """Open the notebook and start its kernel; emits ``KernelStarted``.

        Args:
            path: The notebook; it is made at the first cell if it is not there.
            emit: Where events go; an event is out before its effect.
            connection: The organism that the kernel may talk to.
            veil: None, or ``REMOTE`` (which is about the organism): a sandbox where one works.
            work_dir: The kernel's folder, ``<stem>_files`` beside the notebook by default.
            run: Id of the run, written into the metadata of its cells.
            grace_s: How long a kernel may ignore an interrupt before it is ended.
            backend: Where the notebook is kept, the file at ``path`` by default.

        Raises:
            BadInput: The notebook, the folder or the sandbox that was asked for cannot be had.
            KernelDied: The kernel did not start.
        """
        chosen = choose_veil(veil, connection)
        folder = _usable_work_dir(work_dir or path.with_name(f"{path.stem}_files"), notebook=path)
        session = cls(backend or await ContentsBackend.open(path), emit=emit, connection=connection, run=run)
        session.veil = chosen
        session._work_dir, session._grace_s = folder, grace_s
        try:
            await session._start_kernel()
        except BaseException:
            await session.close()
            raise
        return session

    @property
    def kernel_alive(self) -> bool:
        return self._kernel is not None and not self._kernel.dead.is_set()

    def cells(self) -> list[CellView]:
        """All cells in order, other people's too, as of the last call that read or wrote the notebook."""
        return self._backend.cells()

    async def add_markdown(self, source: str, *, cell_id: str | None = None) -> str:
        """Append a text cell; returns its id."""
        return await self._add("markdown", source, cell_id)

    async def add_code(self, source: str, *, cell_id: str | None = None) -> str:
        """Append a code cell without running it; returns its id."""
        return await self._add("code", source, cell_id)

    async def edit_cell(self, cell_id: str, source: str) -> None:
        """Replace the source of a cell of this run.

        Raises:
            BadInput: The run has no such cell.
            NotebookConflict: Somebody else has edited it meanwhile; it now has their text.
        """
        self._own(cell_id)
        async with self._write_lock:
            if cell_id in await self._adopt_edits():
                raise NotebookConflict(f"Somebody else edited cell {cell_id} meanwhile; read it again first.")
            source = clean_text(source)
            self._emit(CellEdited(cell_id=cell_id, source=source))
            await self._put(cell_id, source=source)

    async def run_cell(self, cell_id: str, *, timeout_s: float) -> CellRun:
        """Run a code cell; a cell that is cancelled, interrupted or too slow is ended, the kernel goes on.

        Raises:
            BadInput: The run has no such code cell.
            KernelDied: There was no kernel to begin with; ``restart_kernel`` starts one. (A kernel that dies
                during the cell is no error but the status ``kernel_died``.)
        """
        async with self._run_lock:
            if self._own(cell_id).kind != "code":
                raise BadInput(f"Cell {cell_id} is a text cell and cannot be run.")
            executor = self._ready()
            executor.rearm()
            work = asyncio.create_task(self._run_one(executor, cell_id, timeout_s))
            try:
                return await asyncio.shield(work)
            except asyncio.CancelledError:
                executor.interrupt()
                await asyncio.gather(work, return_exceptions=True)
                raise

    async def interrupt(self) -> None:
        """Interrupt the running cell; nothing happens where none runs. Does not wait for its end."""
        if self._executor is not None and self._run_lock.locked():
            self._executor.interrupt()

    async def restart_kernel(self) -> None:
        """Put a new kernel in the place of the old one, dead or alive; emits ``KernelStarted``."""
        await self.interrupt()
        async with self._run_lock:
            await self._close_kernel()
            await self._start_kernel()

    async def restore(self, cell_ids: Sequence[str]) -> list[str]:
        """Run earlier code cells again for their variables, outputs untouched; returns those that failed.

        Emits ``KernelStarted`` again, with their number.

        Raises:
            BadInput: The run has no such code cell.
            KernelDied: The kernel is or becomes dead.
        """
        async with self._run_lock:
            failed = []
            self._ready().rearm()
            for cell_id in cell_ids:
                cell = self._own(cell_id)
                executor = self._ready()
                done = await executor.run(cell.source, timeout_s=_RESTORE_TIMEOUT_S, handler=_ignore)
                if done.status != "ok":
                    failed.append(cell_id)
            self._ready()
            self._emit(KernelStarted(veil=self.veil, restored_cells=len(cell_ids) - len(failed)))
            return failed

    async def rebuild(self, events: Iterable[Event]) -> None:
        """Make the notebook what the journal's events say; call it before anything else in a resumed run.

        A cell that was running is marked interrupted (``CellFinished`` is emitted); text that no event knows
        was written by somebody else and stays (``CellEdited`` is emitted).
        """
        async with self._write_lock:
            await self._backend.refresh()
            found = {cell.cell_id: cell.source for cell in self._backend.cells()}
            for cell in fold_cells(events).values():
                self._settle(cell, found.get(cell.cell_id))
                self._cells[cell.cell_id] = NotebookCell(
                    cell_id=cell.cell_id,
                    kind=cell.kind,
                    source=cell.source,
                    outputs=cell.outputs,
                    execution_count=cell.execution_count,
                    mark=self._mark(cell.status),
                )
            if self._cells:
                await self._backend.put(list(self._cells.values()))

    async def close(self) -> None:
        """End the kernel and save; what runs is interrupted first, and nothing runs after."""
        self._closed = True
        await self.interrupt()
        async with self._run_lock:
            await self._close_kernel()
            await self._live.close()

    def _settle(self, cell: FoldedCell, in_file: str | None) -> None:
        if in_file is not None and in_file not in cell.sources:
            self._emit(CellEdited(cell_id=cell.cell_id, source=in_file))
            cell.source = in_file
        if cell.status == "running":
            self._emit(_cut_off(cell.cell_id))
            cell.status = "interrupted"

    async def _add(self, kind: CellKind, source: str, cell_id: str | None) -> str:
        cell_id = cell_id or uuid.uuid4().hex[:12]
        async with self._write_lock:
            await self._adopt_edits()
            if not _CELL_ID.fullmatch(cell_id):
                raise BadInput(f"{cell_id!r} is no cell id (up to 64 letters, digits, hyphens, underscores).")
            if any(cell.cell_id == cell_id for cell in self._backend.cells()):
                raise BadInput(f"The notebook already has a cell {cell_id}.")
            source = clean_text(source)
            self._emit(CellAdded(cell_id=cell_id, kind=kind, source=source))
            mark = self._mark(None)
            self._cells[cell_id] = NotebookCell(cell_id=cell_id, kind=kind, source=source, mark=mark)
            await self._put(cell_id)
        return cell_id

    async def _run_one(self, executor: Executor, cell_id: str, timeout_s: float) -> CellRun:
        async with self._write_lock:
            await self._adopt_edits()
            self._emit(CellStarted(cell_id=cell_id))
            handler = self._live.start(cell_id)
            try:
                await self._put(cell_id, outputs=(), execution_count=None, mark=self._mark("running"))
            except NotebookConflict:
                self._emit(_cut_off(cell_id))
                raise
        done = await executor.run(self._cells[cell_id].source, timeout_s=timeout_s, handler=handler)
        async with self._write_lock:
            return await self._finish(cell_id, done)

    async def _finish(self, cell_id: str, done: Execution) -> CellRun:
        self._live.flush(cell_id)
        outputs = self._live.book.cell(cell_id).outputs()
        status, count = done.status, done.execution_count
        self._emit(CellFinished(cell_id=cell_id, status=status, execution_count=count, duration_s=done.duration_s))
        self._live.saved(cell_id)
        await self._put(cell_id, outputs=outputs, execution_count=count, mark=self._mark(status))
        return CellRun(
            cell_id=cell_id, status=status, execution_count=count, outputs=outputs, duration_s=done.duration_s
        )

    async def _save_outputs(self, cell_id: str) -> None:
        async with self._write_lock:
            await self._put(cell_id, outputs=self._live.book.cell(cell_id).outputs())

    async def _put(self, cell_id: str, **changes: object) -> None:
        await self._adopt_edits()
        self._cells[cell_id] = replace(self._cells[cell_id], **changes)  # type: ignore[arg-type]
        await self._backend.put([self._cells[cell_id]])

    async def _adopt_edits(self) -> set[str]:
        """Take over what somebody else wrote into the run's own cells, so that journal and notebook agree."""
        edited = await self._backend.refresh()
        for cell_id, source in edited.items():
            self._emit(CellEdited(cell_id=cell_id, source=source))
            self._cells[cell_id] = replace(self._cells[cell_id], source=source)
        return set(edited)

    def _own(self, cell_id: str) -> NotebookCell:
        if cell_id not in self._cells:
            raise BadInput(f"This run has no cell {cell_id}.")
        return self._cells[cell_id]

    def _mark(self, status: CellState) -> JsonDict:
        return {"run": self._run, "status": status}

    def _ready(self) -> Executor:
        if self._closed:
            raise KernelDied("The notebook session is closed.")
        if self._executor is None or self._kernel is None or self._kernel.dead.is_set():
            reason = "" if self._kernel is None else f" {self._kernel.reason}"
            raise KernelDied(f"The notebook has no running kernel; restart it.{reason}")
        return self._executor

    async def _start_kernel(self) -> None:
        def on_death(reason: str) -> None:
            self._emit(KernelWentAway(reason=reason))

        self._kernel = await Kernel.start(
            self.veil, work_dir=self._work_dir, connection=self._connection, on_death=on_death
        )
        self._executor = Executor(self._kernel, grace_s=self._grace_s)
        self._emit(KernelStarted(veil=self.veil))

    async def _close_kernel(self) -> None:
        if self._kernel is not None:
            await self._kernel.close()


def _cut_off(cell_id: str) -> CellFinished:
    return CellFinished(cell_id=cell_id, status="interrupted", execution_count=None, duration_s=0.0)


def _ignore(_: object) -> None:
    pass


def _usable_work_dir(folder: Path, *, notebook: Path) -> Path:
    folder = folder.absolute()
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise BadInput(f"The work folder {folder} cannot be made ({error.strerror}).") from error
    if not os.access(folder, os.W_OK):
        raise BadInput(f"The work folder {folder} cannot be written to; choose another one.")
    if notebook.resolve().is_relative_to(folder.resolve()):
        raise BadInput(f"The work folder {folder} holds the notebook, which the kernel must not see.")
    return folder.resolve()
