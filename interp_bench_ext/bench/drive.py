"""Many runs at once: the cells of a sweep driven within its limits."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from ..errors import InterpBenchError
from ..outcome import Outcome, conclude
from ..record.events import Event
from ..record.journal import RunRecord
from ..runs import Services, start, start_run
from .gpu_meter import GpuMeter
from .plan import Cell, standing


@dataclass(kw_only=True)
class Result:
    """What a cell came to: an outcome, or why there is none."""

    cell: Cell
    outcome: Outcome | None = None
    problem: str = ""
    """Why it has not run, or has not got through."""
    kept: bool = False
    """Whether it had been finished before this sweep was started."""


class Sweep:
    """Drives cells, as many at once as may be.

    Args:
        services: What the runs have in common; it holds as many organisms as may run at once.
        out: The sweep's folder.
        at_once: How many runs at most; of one organism on Modal, at most as many as it may have containers.
        limit_usd: No further run is started once this much GPU time on Modal is spent; None: without a limit.
        listener: Called with a cell and each event of its run.
    """

    def __init__(
        self,
        services: Services,
        *,
        out: Path,
        at_once: int,
        limit_usd: float | None = None,
        listener: Callable[[Cell, Event], None],
    ) -> None:
        self._services, self._out, self._limit_usd = services, out.resolve(), limit_usd
        self._listener = listener
        self._at_once, self._slots = at_once, asyncio.Semaphore(at_once)
        self._containers: dict[Path, asyncio.Semaphore] = {}
        self.spent = GpuMeter()

    async def run(self, cells: Sequence[Cell], *, resume: bool, on_result: Callable[[Result], None]) -> list[Result]:
        """Bring every cell to an end, and hear of each as it gets there.

        Args:
            cells: What to run, in this order as far as the limits let it.
            resume: Whether runs of these cells that stand in the folder are kept, or gone on with.
            on_result: Called with each result.

        Raises:
            InterpBenchError: Modal is needed and cannot be used; nothing was started. Whatever goes wrong after that
                is the result of its cell.
        """
        before = standing(cells, self._services.journal, out=self._out) if resume else {}
        await _sign_in([cell for number, cell in enumerate(cells) if not _finished(before.get(number))])
        async with asyncio.TaskGroup() as group:
            tasks = [
                group.create_task(self._ended(cell, before.get(number), on_result)) for number, cell in enumerate(cells)
            ]
        return [task.result() for task in tasks]

    async def _ended(self, cell: Cell, record: RunRecord | None, on_result: Callable[[Result], None]) -> Result:
        try:
            result = await self._carried(cell, record)
        except InterpBenchError as error:
            result = Result(cell=cell, problem=error.message)
        except Exception as error:  # noqa: BLE001 - the cell's boundary: what goes wrong in one is no other's loss
            result = Result(cell=cell, problem=f"an internal error ended it ({type(error).__name__})")
        on_result(result)
        return result

    async def _carried(self, cell: Cell, record: RunRecord | None) -> Result:
        if record is not None and _finished(record):
            outcome = await conclude(self._services.journal, record, cell.experiment, key=self._services.key)
            return Result(cell=cell, outcome=outcome, kept=True)
        async with self._container(cell), self._slots:
            return await self._driven(cell, record)

    async def _driven(self, cell: Cell, record: RunRecord | None) -> Result:
        if (
            self._limit_usd is not None
            and cell.place.rate(cell.experiment) is not None
            and self.spent.usd >= self._limit_usd
        ):
            return Result(cell=cell, problem=f"not started: ${self._limit_usd:.2f} of GPU time are spent")
        token = self.spent.begin(cell)
        environment = self._services.environment(cell.config, listener=partial(self._listener, cell))
        try:
            if record is None:
                record = await start_run(cell.experiment, environment=environment, out=self._out)
            else:
                resumed = start.resume(cell.experiment, record, environment=environment, limits={})
                record = await resumed.drive()
            outcome = await conclude(self._services.journal, record, cell.experiment, key=self._services.key)
        finally:
            self.spent.end(token)
        return Result(cell=cell, outcome=outcome, problem=outcome.message)

    def _container(self, cell: Cell) -> AbstractAsyncContextManager[None]:
        at_most = cell.place.at_most(cell.experiment) or 1_000_000
        return self._containers.setdefault(cell.experiment.path, asyncio.Semaphore(at_most))


async def _sign_in(cells: Sequence[Cell]) -> None:
    """Reach each place once, so that a token that is no good is said once and before anything starts."""
    for cell in {cell.place: cell for cell in cells}.values():
        await cell.place.reach(cell.experiment)


def _finished(record: RunRecord | None) -> bool:
    return record is not None and record.status == "finished"


def outcomes(results: Iterable[Result]) -> list[Outcome]:
    return [result.outcome for result in results if result.outcome is not None]
