"""Many runs at once: which cells of a sweep stand in the journal already, and the others driven within their limits.

A sweep is nothing but its runs: a cell is a config at a seed with an agent, and its runs are those of the journal whose
notebooks lie in the sweep's folder. So a sweep that was killed goes on from the journal alone.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path

from ..config import Experiment, PublicConfig
from ..errors import InterpBenchError
from ..host.spec import OrganismSpec
from ..models.key import Key
from ..organisms.places.modal.hardware import hardware, load_gpus
from ..organisms.pool import OrganismPool
from ..outcome import Outcome, conclude
from ..record.events import Emit, Event, RunStarted
from ..record.journal import Journal, RunRecord
from ..runs import Environment, resume_run, start_run
from ..runs.environment import OrganismHandle, own_organism
from ..runs.resolve import agent_name, choose_agent, deployment_of

_KEPT_BETWEEN_RUNS_S = 60.0
_SAME = ("experiment_name", "task", "techniques", "access", "execution_mode", "tips", "seed")
"""What makes two runs of one config the same cell; budgets may differ."""


@dataclass(frozen=True, kw_only=True)
class Cell:
    """One organism at one seed."""

    experiment: Experiment
    """With the overrides of this run."""

    @property
    def config(self) -> str:
        return self.experiment.path.stem

    @property
    def on_modal(self) -> bool:
        return self.experiment.public.execution_mode == "modal"

    def __str__(self) -> str:
        return f"{self.config}, seed {self.experiment.public.seed}"


@dataclass(kw_only=True)
class Result:
    """What a cell came to: an outcome, or why there is none."""

    cell: Cell
    outcome: Outcome | None = None
    problem: str = ""
    """Why it has not run, or has not got through."""
    kept: bool = False
    """Whether it had been finished before this sweep was started."""


@dataclass
class Spending:
    """GPU time on Modal in dollars: that of each run while it lasts, and of each container until it goes."""

    clock: Callable[[], float] = time.monotonic
    _done_usd: float = 0.0
    _running: dict[object, tuple[float, float]] = field(default_factory=dict)
    _known: set[Path] = field(default_factory=set)

    def begin(self, cell: Cell) -> object:
        """Count ``cell`` from here on; returns what :meth:`end` takes."""
        model, token = cell.experiment.sealed.model, object()
        if cell.on_modal:
            rate = hardware(model.gpu_type, load_gpus(), region=model.modal.region).usd_per_s
            self._running[token] = (self.clock(), rate)
            if cell.experiment.path not in self._known:
                self._known.add(cell.experiment.path)
                self._done_usd += rate * model.modal.scaledown_window_s
        return token

    def end(self, token: object) -> None:
        if token in self._running:
            self._done_usd += self._so_far(token)
            del self._running[token]

    @property
    def usd(self) -> float:
        return self._done_usd + sum(map(self._so_far, self._running))

    def _so_far(self, token: object) -> float:
        since, rate = self._running[token]
        return (self.clock() - since) * rate


class Sweep:
    """Drives cells, as many at once as may be.

    Args:
        journal: Where the runs are recorded, and found again.
        key: The agent's.
        out: The sweep's folder.
        at_once: How many runs at most; of one organism on Modal, at most as many as it may have containers.
        limit_usd: No further run is started once this much GPU time on Modal is spent; None: without a limit.
        listener: Called with a cell and each event of its run.
    """

    def __init__(
        self,
        journal: Journal,
        *,
        key: Key | None,
        out: Path,
        at_once: int,
        limit_usd: float | None = None,
        listener: Callable[[Cell, Event], None],
    ) -> None:
        self._journal, self._key, self._out, self._limit_usd = journal, key, out.resolve(), limit_usd
        self._listener = listener
        self._slots = asyncio.Semaphore(at_once)
        self._containers: dict[Path, asyncio.Semaphore] = {}
        self.spending = Spending()

    async def run(self, cells: Sequence[Cell], *, resume: bool, on_result: Callable[[Result], None]) -> list[Result]:
        """Bring every cell to an end, and hear of each as it gets there.

        Args:
            cells: What to run, in this order as far as the limits let it.
            resume: Whether runs of these cells that stand in the folder are kept, or gone on with.
            on_result: Called with each result.

        Raises:
            InterpBenchError: Modal is needed and cannot be used; nothing was started.
        """
        before = standing(cells, self._journal, key=self._key, out=self._out) if resume else {}
        await _sign_in([cell for number, cell in enumerate(cells) if not _finished(before.get(number))])
        pool = OrganismPool(idle_s=_KEPT_BETWEEN_RUNS_S, at_most=len({cell.experiment.path for cell in cells}))
        try:
            async with asyncio.TaskGroup() as group:
                tasks = [
                    group.create_task(self._ended(cell, before.get(number), pool, on_result))
                    for number, cell in enumerate(cells)
                ]
        finally:
            await pool.close()
        return [task.result() for task in tasks]

    async def _ended(
        self, cell: Cell, record: RunRecord | None, pool: OrganismPool, on_result: Callable[[Result], None]
    ) -> Result:
        if record is not None and _finished(record):
            outcome = await conclude(self._journal, record, cell.experiment, key=self._key)
            result = Result(cell=cell, outcome=outcome, kept=True)
        else:
            async with self._container(cell), self._slots:
                result = await self._driven(cell, record, pool)
        on_result(result)
        return result

    async def _driven(self, cell: Cell, record: RunRecord | None, pool: OrganismPool) -> Result:
        if cell.on_modal and self._limit_usd is not None and self.spending.usd >= self._limit_usd:
            return Result(cell=cell, problem=f"not started: ${self._limit_usd:.2f} of GPU time are spent")
        token = self.spending.begin(cell)
        environment = Environment(journal=self._journal, key=self._key, organism=self._organisms(cell, pool))
        listener = partial(self._listener, cell)
        try:
            if record is None:
                record = await start_run(cell.experiment, environment=environment, listener=listener, out=self._out)
            else:
                record = await resume_run(
                    cell.experiment, record, environment=environment, listener=listener, limits={}
                )
            outcome = await conclude(self._journal, record, cell.experiment, key=self._key)
        except InterpBenchError as error:
            return Result(cell=cell, problem=error.message)
        finally:
            self.spending.end(token)
        return Result(cell=cell, outcome=outcome, problem=outcome.message)

    def _container(self, cell: Cell) -> AbstractAsyncContextManager[None]:
        at_most = cell.experiment.sealed.model.modal.max_containers if cell.on_modal else 1_000_000
        return self._containers.setdefault(cell.experiment.path, asyncio.Semaphore(at_most))

    def _organisms(self, cell: Cell, pool: OrganismPool) -> Callable[..., AbstractAsyncContextManager[OrganismHandle]]:
        """On this machine each run loads its own; on Modal all seeds share what is deployed and loaded."""
        if not cell.on_modal:
            return own_organism

        @asynccontextmanager
        async def shared(spec: OrganismSpec, emit: Emit, *, run: str) -> AsyncIterator[OrganismHandle]:
            async with pool.lease(replace(spec, seed=0), emit, run=run, config=cell.config) as lease:
                yield lease

        return shared


async def _sign_in(cells: Sequence[Cell]) -> None:
    """Ask Modal for one of the organisms, so that a token that is no good is said once and before anything starts."""
    on_modal = next((cell for cell in cells if cell.on_modal), None)
    if on_modal is not None:
        await (await deployment_of(on_modal.experiment)).find()


def _finished(record: RunRecord | None) -> bool:
    return record is not None and record.status == "finished"


def standing(cells: Sequence[Cell], journal: Journal, *, key: Key | None, out: Path) -> dict[int, RunRecord]:
    """By number of the cell, its run in the sweep's folder ``out``: a finished one if there is, else the newest."""
    found: dict[int, RunRecord] = {}
    candidates = [record for record in journal.runs() if record.notebook.is_relative_to(out.resolve())]
    taken: set[str] = set()
    for number, cell in enumerate(cells):
        own = [record for record in candidates if record.id not in taken and _is_of(record, cell, journal, key)]
        best = next((record for record in own if record.status == "finished"), own[0] if own else None)
        if best is not None:
            taken.add(best.id)
            found[number] = best
    return found


def _is_of(record: RunRecord, cell: Cell, journal: Journal, key: Key | None) -> bool:
    if record.config != cell.experiment.path:
        return False
    started = journal.last(record.id, RunStarted)
    public = cell.experiment.public
    agent = agent_name(choose_agent(public, key))
    return started is not None and started.agent == agent and _same(started.public, public)


def _same(recorded: dict[str, object], public: PublicConfig) -> bool:
    wanted = public.model_dump(mode="json")
    return all(recorded.get(name) == wanted[name] for name in _SAME)


def outcomes(results: Iterable[Result]) -> list[Outcome]:
    return [result.outcome for result in results if result.outcome is not None]
