"""The run's cells as its events say they are."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from ..record.events import (
    CellAdded,
    CellEdited,
    CellFinished,
    CellKind,
    CellOutput,
    CellOutputsCleared,
    CellStarted,
    Event,
    JsonDict,
)
from .backend import CellState


@dataclass
class FoldedCell:
    """One cell while its events are read."""

    cell_id: str
    kind: CellKind
    source: str
    outputs: list[JsonDict] = field(default_factory=list)
    execution_count: int | None = None
    status: CellState = None
    sources: set[str] = field(default_factory=set)
    """Everything that the source has ever been."""


def fold_cells(events: Iterable[Event]) -> dict[str, FoldedCell]:
    """Cells by id in the order in which the run added them; events about unknown cells are left out."""
    cells: dict[str, FoldedCell] = {}
    for event in events:
        if isinstance(event, CellAdded):
            found = FoldedCell(event.cell_id, event.kind, event.source, sources={event.source})
            cells.setdefault(event.cell_id, found)
        elif isinstance(event, CellEdited | CellStarted | CellOutput | CellOutputsCleared | CellFinished):
            cell = cells.get(event.cell_id)
            if cell is not None:
                _apply(cell, event)
    return cells


def _apply(cell: FoldedCell, event: CellEdited | CellStarted | CellOutput | CellOutputsCleared | CellFinished) -> None:
    if isinstance(event, CellEdited):
        cell.source = event.source
        cell.sources.add(event.source)
    elif isinstance(event, CellStarted):
        cell.outputs, cell.execution_count, cell.status = [], None, "running"
    elif isinstance(event, CellOutputsCleared):
        cell.outputs = []
    elif isinstance(event, CellOutput):
        cell.outputs[event.index : event.index + 1] = [event.output]
    else:
        cell.execution_count, cell.status = event.execution_count, event.status
