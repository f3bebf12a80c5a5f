"""The agent's notebook: its cells, the notebook's kernel, and an event before each effect."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from ..contracts import Connection, Used, Veil
from ..errors import BadInput, KernelDied, NotebookConflict
from ..record.cell_events import CellFinished, CellsRestoring, CellStarted, KernelStarted, KernelWentAway
from ..record.event import JsonDict
from ..record.events import Emit, Event
from .backend import CellView, NotebookBackend
from .background import Background
from .cells import RunCells, cut_off
from .contents import ContentsBackend
from .executor import Execution, Executor
from .kernels import Kernel, KernelSource, choose_veil
from .live import LiveOutputs
from .own_kernels import OwnKernels
from .work_dir import usable_work_dir

GRACE_S = 5.0
"""How long a kernel may ignore an interrupt before it is ended."""
_STOPPED = "Stopped: the run was ended while this cell ran."
_RESTORE_TIMEOUT_S = 600.0


@dataclass(frozen=True, kw_only=True)
class CellRun(Execution):
    """What running a cell came to."""

    cell_id: str
    outputs: list[JsonDict]


class NotebookSession:
    """One notebook with one kernel. Several tasks may use it; cells run one after the other."""

    def __init__(self, backend: NotebookBackend, *, emit: Emit, connection: Connection | None, run: str) -> None:
        self.veil = Veil.PROCESS
        self.background = Background[CellRun]()
        self._begun = asyncio.Event()
        self._backend = backend
        self._connection = connection
        self._grace_s = GRACE_S
        self._paused: Callable[[], bool] = lambda: False
        self._cells = RunCells(backend, emit=emit, run=run)
        self._emit = self._cells.emit
        self._run_lock = asyncio.Lock()
        self._live = LiveOutputs(emit=self._emit, show=self._show, pace_s=lambda: backend.pace_s)
        self._closed = False
        self._cut_off = False
        """Whether the running cell ends because the run does."""
        self._used: Callable[[], Used] = Used
        self._kernels: KernelSource | None = None
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
        run: str = "",
        grace_s: float = GRACE_S,
        backend: NotebookBackend | None = None,
    ) -> NotebookSession:
        """Open the notebook with a kernel of its own, which ends with the session; emits ``KernelStarted``.

        Args:
            path: The notebook; it is made at the first cell if it is not there.
            emit: Where events go; an event is out before its effect.
            connection: The organism that the kernel may talk to.
            veil: None, or ``REMOTE`` (which is about the organism): a sandbox where one works.
            run: Id of the run, written into the metadata of its cells.
            grace_s: How long a kernel may ignore an interrupt before it is ended.
            backend: Where the notebook is kept, the file at ``path`` by default.

        Raises:
            BadInput: The notebook, the folder or the sandbox that was asked for cannot be had.
            KernelDied: The kernel did not start.
        """
        kernels = OwnKernels(veil=choose_veil(veil, connection), work_dir=usable_work_dir(path))
        session = cls(backend or await ContentsBackend.open(path), emit=emit, connection=connection, run=run)
        await session.use(kernels, grace_s=grace_s)
        return session

    async def use(self, kernels: KernelSource, *, grace_s: float = GRACE_S) -> None:
        """Start the session's kernel; emits ``KernelStarted``. A session that gets none is closed.

        Raises:
            KernelDied: The kernel did not start.
        """
        self._kernels, self._grace_s, self.veil = kernels, grace_s, kernels.veil
        try:
            self._kernel = await kernels.start(connection=self._connection, on_death=self._went_away)
            self._begin_with_kernel()
        except BaseException:
            await self.close()
            raise

    @property
    def path(self) -> Path:
        """Where the notebook is, also after it was renamed. Raises NotebookConflict when it is nowhere."""
        return self._backend.path

    @property
    def closed(self) -> bool:
        return self._closed

    @property
    def kernel_id(self) -> str | None:
        """The kernel's id in the Jupyter server; None for a kernel of the session's own."""
        return None if self._kernels is None else self._kernels.kernel_id

    @property
    def kernel_alive(self) -> bool:
        return self._kernel is not None and not self._kernel.dead.is_set()

    def cells(self) -> list[CellView]:
        """All cells in order, other people's too, as of the last call that read or wrote the notebook.

        What the agent said above a step is none.
        """
        return [cell for cell in self._backend.cells() if not self._cells.is_reason(cell.cell_id)]

    async def add_markdown(self, source: str, *, cell_id: str | None = None) -> str:
        """Append a text cell; returns its id."""
        cell_id = await self._cells.add("markdown", source, cell_id)
        await self._backend.saved()
        return cell_id

    async def add_code(self, source: str, *, cell_id: str | None = None, said: str = "") -> str:
        """Append a code cell without running it, below a line of what the agent ``said``; returns its id."""
        cell_id = await self.place_code(source, cell_id=cell_id, said=said)
        await self._backend.saved()
        return cell_id

    async def place_code(self, source: str, *, cell_id: str | None = None, said: str = "") -> str:
        """As :meth:`add_code`, for a cell that is run next: it is saved as that begins, or here where it cannot."""
        cell_id = await self._cells.add("code", source, cell_id, said=said)
        if not self.kernel_alive:
            await self._backend.saved()
        return cell_id

    async def edit_cell(self, cell_id: str, source: str) -> None:
        """Replace the source of a cell of this run.

        Raises:
            BadInput: The run has no such cell.
            NotebookConflict: Somebody else has edited it meanwhile; it now has their text.
        """
        self._cells[cell_id]
        await self._cells.edit(cell_id, source)

    async def run_cell(self, cell_id: str, *, timeout_s: float) -> CellRun:
        """Run a code cell; a cell that is cancelled, interrupted or too slow is ended, the kernel goes on.

        Raises:
            BadInput: The run has no such code cell.
            KernelDied: There was no kernel to begin with; ``restart_kernel`` starts one. (A kernel that dies
                during the cell is no error but the status ``kernel_died``.)
            NotebookConflict: The notebook is gone, or the cell has run but cannot be saved.
        """
        async with self._run_lock:
            self._require_code(cell_id)
            executor = self._ready()
            executor.rearm()
            self._cut_off = False
            work = asyncio.create_task(self._run_one(executor, cell_id, timeout_s))
            try:
                return await asyncio.shield(work)
            except asyncio.CancelledError:
                self._cut_off = True
                executor.interrupt()
                await asyncio.gather(work, return_exceptions=True)
                raise

    async def start_cell(self, cell_id: str, *, timeout_s: float) -> None:
        """Begin a code cell and leave it running in :attr:`background`. It ends with the session at the latest.

        Raises:
            BadInput: The run has no such code cell, or another one is running in the background.
            KernelDied: There is no kernel; ``restart_kernel`` starts one.
            NotebookConflict: The notebook is gone.
        """
        if self.background.running is not None:
            raise BadInput(f"Cell {self.background.running} is still running.")
        self._require_code(cell_id)
        self._ready()
        self._begun.clear()
        await self.background.begin(cell_id, self.run_cell(cell_id, timeout_s=timeout_s), begun=self._begun)

    def outputs(self, cell_id: str) -> list[JsonDict]:
        """Outputs of a cell of this run, as far as they have come. Raises BadInput where it has no such cell."""
        cell = self._cells[cell_id]
        return self._live.outputs(cell_id) if self.background.running == cell_id else list(cell.outputs)

    def ids(self) -> list[str]:
        """Ids of all cells in order, as :meth:`cells` gives them."""
        return [cell_id for cell_id in self._backend.ids() if not self._cells.is_reason(cell_id)]

    async def refresh(self) -> None:
        """Take in what others have written meanwhile. Raises NotebookConflict where the notebook is gone."""
        async with self._cells.lock:
            await self._cells.adopt_edits()

    def measure(self, used: Callable[[], Used]) -> None:
        """Have each cell's end say what was asked of the organism meanwhile, by a meter that only goes up."""
        self._used = used

    def waits_while(self, paused: Callable[[], bool]) -> None:
        """Have no cell's time run out while ``paused``."""
        self._paused = paused

    async def interrupt(self) -> None:
        """Interrupt the running cell; nothing happens where none runs. Does not wait for its end."""
        if self._executor is not None and self._run_lock.locked():
            self._executor.interrupt()

    async def restart_kernel(self) -> None:
        """Put a new kernel in the place of the old one, dead or alive; emits ``KernelStarted``."""
        await self.interrupt()
        async with self._run_lock:
            await self._renew_kernel()

    async def restore(self, cell_ids: Sequence[str]) -> list[str]:
        """Run earlier code cells again for their variables, outputs untouched; returns those whose are missing.

        A cell that ends the kernel takes with it what was defined up to there; those after it run in a new kernel.
        Emits how far it is, and in the end ``KernelStarted`` again, with how many cells' variables are there.

        Raises:
            BadInput: The run has no such code cell.
            KernelDied: There was no kernel to begin with, or none could be started in the place of one that died.
        """
        async with self._run_lock:
            missing: list[str] = []
            self._ready().rearm()
            for place, cell_id in enumerate(cell_ids, start=1):
                executor = self._ready()
                self._emit(CellsRestoring(done=place - 1, total=len(cell_ids)))
                source = self._cells[cell_id].source
                done = await executor.run(source, timeout_s=_RESTORE_TIMEOUT_S, handler=_ignore)
                if done.status != "ok":
                    missing.append(cell_id)
                if not await executor.answers():
                    missing = list(cell_ids[:place])
                    await self._renew_kernel()
            self._say_started(restored_cells=len(cell_ids) - len(missing))
            return missing

    async def rebuild(self, events: Iterable[Event]) -> None:
        """Make the notebook what the journal's events say; call it before anything else in a resumed run.

        A cell that was running is marked interrupted (``CellFinished`` is emitted); text that no event knows
        was written by somebody else and stays (``CellEdited`` is emitted).
        """
        await self._cells.rebuild(events)

    async def close(self, *, last_words: str = "") -> None:
        """Save, and let go of notebook and kernel; what runs is interrupted first, and nothing runs after.

        ``last_words``, if any, are left at the notebook's end once the kernel has gone.
        """
        self._closed = True
        await self.interrupt()
        async with self._run_lock:
            try:
                if self._kernels is not None:
                    await self._kernels.close()
                    self._kernel = None
            finally:
                await self._live.close()
                if last_words:
                    with contextlib.suppress(NotebookConflict):
                        await self._cells.close(last_words)
                await self._backend.close()
        await self.background.close()

    async def _run_one(self, executor: Executor, cell_id: str, timeout_s: float) -> CellRun:
        # Each takes some milliseconds of another process or of the disk.
        await asyncio.gather(self._backend.saved(), executor.answers())
        self._ready()
        async with self._cells.lock:
            await self._cells.adopt_edits()
            before = self._used()
            self._emit(CellStarted(cell_id=cell_id))
            self._begun.set()
            handler = self._live.start(cell_id)
            try:
                await self._cells.put(cell_id, outputs=(), execution_count=None)
            except NotebookConflict:
                self._emit(cut_off(cell_id))
                raise
        # The journal has it already, so the cell need not wait until the notebook is saved.
        self._live.touch(cell_id)
        done = await executor.run(self._cells[cell_id].source, timeout_s=timeout_s, handler=handler)
        return await self._finish(cell_id, done, before)

    async def _finish(self, cell_id: str, done: Execution, before: Used) -> CellRun:
        async with self._cells.lock:
            await self._adopt_if_there()
            if self._cut_off or self._closed:
                self._live.book.cell(cell_id).say_stopped(_STOPPED)
            self._live.flush(cell_id)
            outputs = self._live.book.cell(cell_id).outputs()
            used = self._used().since(before)
            asked = {"organism_s": used.busy_s, "samples": used.samples, "prompts": used.prompts}
            self._emit(CellFinished(cell_id=cell_id, **asked, **asdict(done)))
            self._live.shown(cell_id)
            await self._cells.put(cell_id, outputs=outputs, execution_count=done.execution_count)
        await self._backend.saved()
        return CellRun(cell_id=cell_id, outputs=outputs, **asdict(done))

    async def _adopt_if_there(self) -> None:
        """A cell that has run is recorded as such even when its notebook has gone meanwhile."""
        try:
            await self._cells.adopt_edits()
        except NotebookConflict:
            return

    async def _show(self, cell_id: str) -> None:
        async with self._cells.lock:
            await self._cells.put(cell_id, outputs=self._live.book.cell(cell_id).outputs())
        await self._backend.saved()

    def _require_code(self, cell_id: str) -> None:
        if self._cells[cell_id].kind != "code":
            raise BadInput(f"Cell {cell_id} is a text cell and cannot be run.")

    def _ready(self) -> Executor:
        if self._closed:
            raise KernelDied("The notebook session is closed.")
        if self._executor is None or self._kernel is None or self._kernel.dead.is_set():
            reason = "" if self._kernel is None else f" {self._kernel.reason}"
            raise KernelDied(f"The notebook has no running kernel; restart it.{reason}")
        return self._executor

    async def _renew_kernel(self) -> None:
        if self._closed or self._kernels is None:
            raise KernelDied("The notebook session is closed.")
        self._executor = None
        self._kernel = await self._kernels.restart(connection=self._connection, on_death=self._went_away)
        self._begin_with_kernel()

    def _begin_with_kernel(self) -> None:
        assert self._kernel is not None
        self._executor = Executor(self._kernel, grace_s=self._grace_s, paused=lambda: self._paused())
        self._say_started()

    def _say_started(self, *, restored_cells: int = 0) -> None:
        self._emit(KernelStarted(veil=self.veil, kernel_id=self.kernel_id, restored_cells=restored_cells))

    def _went_away(self, reason: str) -> None:
        self._emit(KernelWentAway(reason=reason))


def _ignore(_: object) -> None:
    pass
