"""What must not be forgotten when a conversation is shortened, as a fold over the run's events."""

from __future__ import annotations

from dataclasses import dataclass, field

from ..record.events import CellAdded, CellEdited, Event, FindingsRefused, HypothesisNoted, MessageSent
from .cell_log import CellLog

_LINE = 140
"""Characters of a cell's source that its line in the ledger shows."""
_MESSAGE = 4_000
_CELLS = 300
"""Cells that are listed; of older ones only the number is told."""


@dataclass
class CellLine:
    kind: str
    source: str


@dataclass
class Ledger:
    """The hypotheses, the cells, and what the person said."""

    hypotheses: dict[str, HypothesisNoted] = field(default_factory=dict)
    """By claim, as each was last noted."""
    cells: dict[str, CellLine] = field(default_factory=dict)
    said: list[str] = field(default_factory=list)
    """The person's messages."""
    refused: FindingsRefused | None = None

    def apply(self, event: Event) -> None:
        match event:
            case HypothesisNoted():
                self.hypotheses[event.claim] = event
            case MessageSent(sender="person"):
                self.said.append(event.text)
            case FindingsRefused():
                self.refused = event
            case CellAdded():
                self.cells.setdefault(event.cell_id, CellLine(event.kind, event.source))
            case CellEdited() if event.cell_id in self.cells:
                self.cells[event.cell_id].source = event.source
            case _:
                pass

    def text(self, log: CellLog) -> str:
        """The ledger as Markdown, the same for the same events; ``log`` says what became of the cells."""
        sections = [
            ("Hypotheses", [_hypothesis(event) for event in self.hypotheses.values()] or ["None was noted."]),
            ("Cells of the notebook", self._cells(log) or ["There are none."]),
            ("What the person said", [f"- {text[:_MESSAGE]}" for text in self.said]),
            ("What the validity check missed in the findings", [f"- {p}" for p in self._problems()]),
        ]
        return "\n\n".join(f"## {title}\n" + "\n".join(lines) for title, lines in sections if lines)

    def _cells(self, log: CellLog) -> list[str]:
        shown = list(self.cells.items())[-_CELLS:]
        older = len(self.cells) - len(shown)
        first = [f"- {older} older cells; read_notebook() lists them."] if older else []
        return first + [
            f"- {cell_id} ({_state(cell_id, cell, log)}): {_first_line(cell.source)}" for cell_id, cell in shown
        ]

    def _problems(self) -> list[str]:
        return self.refused.problems if self.refused else []


def _hypothesis(event: HypothesisNoted) -> str:
    numbers = [
        f"evidence: {', '.join(event.evidence) or 'none'}",
        *([f"effect size: {event.effect_size:g}"] if event.effect_size is not None else []),
        *([f"n: {event.n}"] if event.n is not None else []),
    ]
    return f"- {event.status}: {event.claim} ({'; '.join(numbers)})"


def _state(cell_id: str, cell: CellLine, log: CellLog) -> str:
    if cell.kind == "markdown":
        return cell.kind
    status = "running" if log.running == cell_id else log.records[cell_id].status
    return f"code, {status or 'not run'}"


def _first_line(source: str) -> str:
    lines = [line.strip() for line in source.splitlines() if line.strip()]
    # A comment at the top says more about a cell than its first statement.
    return (lines[0] if lines else "")[:_LINE]
