"""What became of the run's code cells, as a fold over its events: how each ended, and whether it asked the organism."""

from __future__ import annotations

from dataclasses import dataclass, field

from ..record.events import CellAdded, CellEdited, CellFinished, CellStarted, CellStatus, Event


@dataclass
class CellRecord:
    """A code cell's last run."""

    status: CellStatus | None = None
    """None: it has not run, or its source has changed since."""
    duration_s: float | None = None
    organism_s: float = 0.0
    edited: bool = False
    """Whether its source has changed since it last began."""


@dataclass
class CellLog:
    """The run's code cells by id; those of other people are not in it."""

    records: dict[str, CellRecord] = field(default_factory=dict)
    running: str | None = None
    """The cell that has begun and not ended."""
    ever_asked: bool = False
    """Whether any cell has had the organism's model work, however it ended."""

    def apply(self, event: Event) -> None:
        if isinstance(event, CellAdded) and event.kind == "code":
            self.records.setdefault(event.cell_id, CellRecord())
        elif isinstance(event, CellStarted | CellEdited | CellFinished) and event.cell_id in self.records:
            self._change(self.records[event.cell_id], event)

    def asked_organism(self, cell_id: str) -> bool:
        """Whether the cell's last run ended well and had the organism's model work."""
        record = self.records.get(cell_id)
        return record is not None and record.status == "ok" and record.organism_s > 0

    def _change(self, record: CellRecord, event: CellStarted | CellEdited | CellFinished) -> None:
        match event:
            case CellStarted():
                record.status, record.duration_s, record.organism_s, record.edited = None, None, 0.0, False
                self.running = event.cell_id
            case CellEdited():
                record.status, record.edited = None, True
            case CellFinished():
                record.status = None if record.edited else event.status
                record.duration_s, record.organism_s = event.duration_s, event.organism_s
                self.running = None
                self.ever_asked = self.ever_asked or event.organism_s > 0
