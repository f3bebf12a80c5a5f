"""The life of a run's cells, as a fold over its events: the one that notebook, agent, report and comparison read."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Literal

from .cell_events import (
    CellAdded,
    CellEdited,
    CellEvent,
    CellFinished,
    CellKind,
    CellOutput,
    CellOutputsCleared,
    CellStarted,
    CellStatus,
)
from .event import JsonDict
from .events import Event, RunEnded, RunForked, RunResumed

CellState = CellStatus | Literal["running"] | None
"""None: the cell has not run, or its source or its ended output has changed since, so that it must run again."""


@dataclass
class Cell:
    """One cell of the run as its events last left it."""

    cell_id: str
    number: int
    """Its place among the run's cells, from 1."""
    kind: CellKind
    source: str
    outputs: list[JsonDict] = field(default_factory=list)
    execution_count: int | None = None
    status: CellState = None
    duration_s: float | None = None
    """None before it has run, and while it runs."""
    organism_s: float = 0.0
    """How long the organism's model worked for it when it last ran."""
    samples: int | None = None
    """Texts that the organism itself read or continued for it then; None: not counted."""
    prompts: int | None = None
    """Different prompts of its calls then, those to the base included; None: not counted."""
    edited: bool = False
    """Whether its source has changed since it last began."""
    changed_late: bool = False
    """Whether its outputs have changed after it had ended: what it shows is not what it ended with."""
    cut_off: bool = False
    """Whether the run ended before the cell did, so that no event says how it ended."""
    sources: set[str] = field(default_factory=set)
    """Everything that the source has ever been."""
    reason: str = ""
    """What the agent said before it."""
    _begun: bool = False

    @property
    def stands(self) -> str:
        """How it stands, in words."""
        if self.status is None and self.changed_late:
            return "its output changed after it had ended"
        return self.status or ("changed since it ran" if self.edited else "not run")

    def apply(self, event: CellEvent) -> None:
        match event:
            case CellEdited():
                self.source, self.edited = event.source, self._begun
                self.sources.add(event.source)
                if self.status != "running":
                    self.status = None
            case CellStarted():
                self.outputs, self.execution_count, self.status = [], None, "running"
                self.duration_s, self.organism_s = None, 0.0
                self.samples = self.prompts = None
                self.edited, self.changed_late, self.cut_off, self._begun = False, False, False, True
            case CellOutput():
                self.outputs[event.index : event.index + 1] = [event.output]
                self._shows_another()
            case CellOutputsCleared():
                self.outputs = []
                self._shows_another()
            case CellFinished():
                self.execution_count, self.duration_s = event.execution_count, event.duration_s
                self.organism_s, self.cut_off = event.organism_s, False
                self.samples, self.prompts = event.samples, event.prompts
                self.status = None if self.edited else event.status

    def _shows_another(self) -> None:
        # Code of a later cell, or a thread of this one, can put anything in the place of what it had shown.
        if self.status != "running":
            self.status, self.changed_late = None, True

    def cut(self) -> None:
        """The run ended while the cell ran."""
        self.status, self.cut_off = None if self.edited else "interrupted", True


@dataclass
class Cells:
    """The run's cells by id, in the order in which it added them; those of other people are not in it."""

    by_id: dict[str, Cell] = field(default_factory=dict)
    running: str | None = None
    """The cell that has begun and not ended."""
    ever_asked: bool = False
    """Whether any cell has had the organism's model work, however it ended."""

    @classmethod
    def of(cls, events: Iterable[Event]) -> Cells:
        cells = cls()
        for event in events:
            cells.apply(event)
        return cells

    def apply(self, event: Event) -> None:
        """Take one event, in order; those about cells that the run has not added are passed over."""
        match event:
            case CellAdded():
                added = Cell(
                    event.cell_id,
                    len(self.by_id) + 1,
                    event.kind,
                    event.source,
                    sources={event.source},
                    reason=event.reason,
                )
                self.by_id.setdefault(event.cell_id, added)
            case CellEvent() if event.cell_id in self.by_id:
                self.by_id[event.cell_id].apply(event)
                self._follow(event)
            case RunEnded() | RunResumed() | RunForked():
                if self.running is not None:
                    self.by_id[self.running].cut()
                    self.running = None
            case _:
                pass

    def code(self, cell_id: str) -> Cell | None:
        """The code cell with this id."""
        cell = self.by_id.get(cell_id)
        return cell if cell is not None and cell.kind == "code" else None

    def asked_organism(self, cell_id: str) -> bool:
        """Whether the cell's last run ended well and had the organism's model work."""
        cell = self.by_id.get(cell_id)
        return cell is not None and cell.status == "ok" and cell.organism_s > 0

    def _follow(self, event: CellEvent) -> None:
        if isinstance(event, CellStarted):
            self.running = event.cell_id
        elif isinstance(event, CellFinished):
            self.running = None
            self.ever_asked = self.ever_asked or event.organism_s > 0
