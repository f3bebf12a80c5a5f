"""What a person sees on the terminal: results on stdout, where a pipe finds them; progress and trouble on stderr."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterable, Sequence
from types import TracebackType
from typing import Any, Self

from rich.console import Console, ConsoleOptions, ConsoleRenderable, RenderHook, RenderResult
from rich.progress import BarColumn, Progress, SpinnerColumn, TaskID, TextColumn, TimeElapsedColumn
from rich.segment import Segment
from rich.table import Table
from rich.text import Text

from ..contracts import Veil
from ..record.cell_events import CellFinished, CellStarted, KernelStarted, KernelWentAway
from ..record.events import (
    AgentReplied,
    BudgetUsed,
    Event,
    HypothesisNoted,
    OrganismLoading,
    OrganismReady,
    OrganismWentAway,
    ProviderLacks,
    ProviderWaiting,
    RunStarted,
    WeightsIdentified,
)
from ..record.veil_words import client_reach
from ..results.kit.safe_text import clean
from ..sandbox.bubblewrap import sandbox_available

_PIPED_WIDTH = 200
"""Characters of a line that no terminal bounds."""
console = Console(stderr=True, highlight=False)
"""For what is said on the way."""
output = Console(highlight=False, width=None if sys.stdout.isatty() or "COLUMNS" in os.environ else _PIPED_WIDTH)
"""For what was asked for."""


class _Cleaned:
    """What is shown, without what a text in it would have the terminal do."""

    def __init__(self, shown: ConsoleRenderable) -> None:
        self._shown = shown

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        for segment in console.render(self._shown, options):
            yield segment if segment.control else Segment(clean(segment.text), segment.style)


class _Cleaning(RenderHook):
    """Agents and organisms write much of what is printed, and a terminal obeys escape sequences."""

    def process_renderables(self, renderables: list[ConsoleRenderable]) -> list[ConsoleRenderable]:
        return [_Cleaned(shown) for shown in renderables]


for _console in (console, output):
    _console.push_render_hook(_Cleaning())


def print_rows(columns: Sequence[str], rows: Iterable[Sequence[str]], *, cut: Sequence[str]) -> None:
    """Print a table without frames and with one line for each row: the columns ``cut`` give way where it is narrow."""
    table = Table(box=None, pad_edge=False, header_style="bold", padding=(0, 2, 0, 0))
    for column in columns:
        table.add_column(column, no_wrap=column not in cut)
    for row in rows:
        table.add_row(*(Text(cell, no_wrap=True, overflow="ellipsis") for cell in row))
    output.print(table)


def complain(sentence: str) -> None:
    console.print(sentence, style="bold red", markup=False, soft_wrap=True)


def print_json(value: Any) -> None:
    """One object on stdout."""
    print(json.dumps(value, ensure_ascii=False, default=str))  # noqa: T201


class Live:
    """Shows ``progress`` from entry to exit."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress

    def __enter__(self) -> Self:
        self._progress.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._progress.stop()


class Watch(Live):
    """Shows a run's events as they come: a bar for what takes long, a line for what is done; or nothing."""

    def __init__(self, *, quiet: bool = False) -> None:
        super().__init__(
            Progress(
                SpinnerColumn(),
                TextColumn("{task.description}", markup=False),
                BarColumn(bar_width=24),
                TimeElapsedColumn(),
                console=console,
                transient=True,
                disable=quiet or not console.is_terminal,
            )
        )
        self._quiet = quiet
        self._task: TaskID | None = None

    def loading(self, stage: str, done: int, total: int) -> None:
        """Show ``stage`` as what goes on now."""
        if self._task is None:
            self._task = self._progress.add_task(stage, total=None)
        if self._progress.tasks[0].description != stage:
            self._progress.reset(self._task, total=None)
        self._progress.update(self._task, description=stage, completed=done, total=total or None)

    def __call__(self, event: Event) -> None:
        match event:
            case OrganismLoading():
                self.loading(f"organism: {event.stage}", event.done, event.total)
            case CellStarted():
                self.loading(f"{event.cell_id} is running", 0, 0)
            case _:
                self._line(event)

    def _line(self, event: Event) -> None:
        text, style = _described(event)
        if text and not self._quiet:
            console.print(text, style=style, markup=False, soft_wrap=True)


def _described(event: Event) -> tuple[str, str]:
    """One line for ``event`` and its style; empty where it has none."""
    text, style = _progress_line(event)
    return (text, style) if text else _trouble_line(event)


def _progress_line(event: Event) -> tuple[str, str]:
    match event:
        case OrganismReady():
            return f"organism ready on {event.device} in {event.load_s:.1f} s", "green"
        case RunStarted():
            reach = client_reach(event.agent)
            told = [
                f"run started · agent {event.agent} · seed {event.seed}",
                *([reach] if reach else []),
                event.notebook,
            ]
            return "\n".join(told), "bold"
        case KernelStarted():
            again = f", {event.restored_cells} cells run again" if event.restored_cells else ""
            return f"kernel started ({event.veil}){again}{_why_unveiled(event)}", "green"
        case CellFinished():
            return (
                f"  {event.cell_id:>6}  {event.status:<11} {event.duration_s:6.1f} s",
                "" if event.status == "ok" else "yellow",
            )
        case AgentReplied():
            said = " ".join(block["text"] for block in event.content if block["type"] == "text")
            return said, "italic"
        case HypothesisNoted():
            return f"  {event.status}: {event.claim}", "cyan"
        case _:
            return "", ""


def _trouble_line(event: Event) -> tuple[str, str]:
    match event:
        case OrganismWentAway():
            return (
                f"organism lost: {event.reason}{'; it is being started again' if event.restarting else ''}",
                "yellow",
            )
        case WeightsIdentified() if event.changed:
            return "the organism has other weights than in the run before it; the two are not compared", "yellow"
        case KernelWentAway():
            return f"kernel died: {event.reason}", "yellow"
        case ProviderWaiting():
            return f"waiting {event.wait_s:.0f} s: {event.reason}", "yellow"
        case ProviderLacks():
            return event.text, "yellow"
        case BudgetUsed():
            return f"budget: {event.used:g} of {event.limit:g} {event.budget} are used", "yellow"
        case _:
            return "", ""


def _why_unveiled(event: KernelStarted) -> str:
    """For a kernel that runs as a plain process: why, and the command that changes it."""
    return f"\n{sandbox_available() or ''}" if event.veil == Veil.PROCESS else ""
