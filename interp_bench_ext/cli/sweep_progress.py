"""What a sweep shows while it lasts: a line for each run under way, and one for each that has ended."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeElapsedColumn

from ..record.cell_events import CellStarted
from ..record.events import AgentReplied, Event, OrganismLoading
from .screen import Live, console

if TYPE_CHECKING:
    from ..bench.drive import Result
    from ..bench.plan import Cell


class Board(Live):
    """Shows ``total`` cells as they come and go; or nothing."""

    def __init__(self, total: int, *, quiet: bool = False) -> None:
        columns = (TextColumn("{task.description}", markup=False), BarColumn(bar_width=24))
        shown = console.is_terminal and not quiet
        super().__init__(
            Progress(
                *columns, MofNCompleteColumn(), TimeElapsedColumn(), console=console, transient=True, disable=not shown
            )
        )
        self._quiet = quiet
        self._all = self._progress.add_task("runs", total=total)
        self._lines: dict[int, TaskID] = {}
        self._steps: dict[int, int] = {}

    def heard(self, cell: Cell, event: Event) -> None:
        """Take in what happens in the run of ``cell``."""
        line = self._lines.get(id(cell))
        if line is None:
            line = self._lines[id(cell)] = self._progress.add_task(str(cell), total=None)
        match event:
            case OrganismLoading():
                self._progress.update(line, description=f"{cell}: organism: {event.stage}")
            case AgentReplied():
                self._steps[id(cell)] = self._steps.get(id(cell), 0) + 1
            case CellStarted():
                step = self._steps.get(id(cell), 0)
                self._progress.update(line, description=f"{cell}: step {step}, {event.cell_id} is running")

    def ended(self, result: Result) -> None:
        """Take the cell's line away and say what it came to."""
        line = self._lines.pop(id(result.cell), None)
        if line is not None:
            self._progress.remove_task(line)
        self._progress.advance(self._all)
        if self._quiet:
            return
        outcome = result.outcome
        said = result.problem or (f"{outcome.record.status}  {outcome.verdict}" if outcome is not None else "")
        before = " (before)" if result.kept else ""
        console.print(f"{result.cell}{before}: {said}", markup=False, soft_wrap=True)
