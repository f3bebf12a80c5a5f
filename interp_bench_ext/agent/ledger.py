"""What must not be forgotten when a conversation is shortened, as a fold over the run's events."""

from __future__ import annotations

from dataclasses import dataclass, field

from ..record.cells import Cell, Cells
from ..record.events import Event, FindingsRefused, HypothesisNoted, MessageSent

_LINE = 140
"""Characters of a cell's source that its line in the ledger shows."""
_MESSAGE = 4_000
_CELLS = 300
"""Cells that are listed; of older ones only the number is told."""


@dataclass
class Ledger:
    """The hypotheses, and what the person said."""

    hypotheses: dict[str, HypothesisNoted] = field(default_factory=dict)
    """By claim, as each was last noted."""
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
            case _:
                pass

    @property
    def hypothesis_lines(self) -> list[str]:
        """One line of Markdown for each hypothesis, as it was last noted."""
        return [_hypothesis(event) for event in self.hypotheses.values()]

    def text(self, cells: Cells) -> str:
        """The ledger as Markdown, with a line for each of ``cells``; the same for the same events."""
        sections = [
            ("Hypotheses", self.hypothesis_lines or ["None was noted."]),
            ("Cells of the notebook", _cell_lines(cells) or ["There are none."]),
            ("What the person said", [f"- {text[:_MESSAGE]}" for text in self.said]),
            ("What the validity check missed in the findings", [f"- {p}" for p in self._problems()]),
        ]
        return "\n\n".join(f"## {title}\n" + "\n".join(lines) for title, lines in sections if lines)

    def _problems(self) -> list[str]:
        return self.refused.problems if self.refused else []


def _hypothesis(event: HypothesisNoted) -> str:
    numbers = [
        f"evidence: {', '.join(event.evidence) or 'none'}",
        *([f"effect size: {event.effect_size:g}"] if event.effect_size is not None else []),
        *([f"n: {event.n}"] if event.n is not None else []),
    ]
    return f"- {event.status}: {event.claim} ({'; '.join(numbers)})"


def _cell_lines(cells: Cells) -> list[str]:
    shown = list(cells.by_id.values())[-_CELLS:]
    older = len(cells.by_id) - len(shown)
    first = [f"- {older} older cells; read_notebook() lists them."] if older else []
    return first + [f"- {cell.cell_id} ({_state(cell)}): {_first_line(cell.source)}" for cell in shown]


def _state(cell: Cell) -> str:
    return "markdown" if cell.kind == "markdown" else f"code, {cell.stands}"


def _first_line(source: str) -> str:
    lines = [line.strip() for line in source.splitlines() if line.strip()]
    # A comment at the top says more about a cell than its first statement.
    return (lines[0] if lines else "")[:_LINE]
