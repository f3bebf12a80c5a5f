"""One run in a list: a fold over its events that leaves the large ones unread."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from ..api import RunFigures, RunSummary
from ..record.agents import renamed
from ..record.cell_events import CellAdded, CellEdited, CellOutput, KernelStarted
from ..record.clock import Clock
from ..record.events import (
    EVENT_TYPES,
    AgentChanged,
    AgentDelta,
    Event,
    FindingsSubmitted,
    MessageSent,
    RunEnded,
    RunForked,
    RunResumed,
    RunStarted,
    Scored,
    ToolReturned,
)
from ..record.figures import Figures
from ..record.journal import Journal, RunRecord
from ..record.scores import Score, verdict
from ..record.veil_words import client_reach

_LARGE = (AgentDelta, CellAdded, CellEdited, CellOutput, MessageSent, ToolReturned)
"""Events that hold much, and nothing that a list says of a run."""
_READ = tuple(kind for kind in EVENT_TYPES if kind not in _LARGE)


@dataclass
class Tally:
    """What a list says of a run, counted from its events in order."""

    figures: Figures = field(default_factory=Figures)
    started: RunStarted | None = None
    agent: str = ""
    forked_from: str | None = None
    veil: str = ""
    ended: RunEnded | None = None
    """None while the run is driven, and where it was cut off."""
    findings: int | None = None
    """Number of claims; None before any were submitted."""
    claims: list[str] = field(default_factory=list)
    score: Score | None = None
    seq: int = 0
    """Number of the last event that is counted."""

    def take(self, event: Event | None, at: float) -> None:
        """Take one event, recorded at ``at`` (Unix time in seconds), in order; None is one that only takes time."""
        self.seq += 1
        self.figures.apply(event, at)
        match event:
            case RunStarted():
                self.started, self.agent = event, event.agent
            case AgentChanged():
                self.agent = renamed(self.agent, event)
            case RunResumed():
                self.ended = None
            case RunForked():
                self.forked_from = event.parent
            case KernelStarted():
                self.veil = event.veil
            case FindingsSubmitted():
                self.findings, self.claims = len(event.findings), [finding.claim for finding in event.findings]
            case RunEnded():
                self.ended = event
            case Scored():
                self.score = event.score
            case _:
                pass

    def read_on(self, journal: Journal, run: str, *, until: int | None = None) -> Tally:
        """Take what the run's journal holds beyond what is counted; returns the tally itself."""
        for at, event in journal.skim(run, *_READ, after=self.seq, until=until):
            self.take(event, at)
        return self


def summarise(
    record: RunRecord,
    tally: Tally,
    *,
    config: str,
    shown: Callable[[Path], str | None],
    here: bool,
    now: float,
) -> RunSummary:
    """The run as a list shows it.

    Args:
        record: The run.
        tally: Its events, counted.
        config: What its config is called.
        shown: A notebook's path as the server's clients know it.
        here: Whether this server drives it.
        now: Unix time.
    """
    started = tally.started
    running = record.status == "running"
    return RunSummary(
        id=record.id,
        experiment=record.experiment,
        config=config,
        notebook=shown(record.notebook),
        status=record.status,
        waiting=_waiting(tally.figures.clock) if running else None,
        here=here,
        agent=tally.agent,
        seed=started.seed if started else 0,
        forked_from=tally.forked_from,
        veil=tally.veil,
        client_reach=client_reach(started.agent) if started else "",
        created=record.created,
        figures=RunFigures.of(tally.figures, now if running else None),
        findings=tally.findings,
        claims=tally.claims,
        message=tally.ended.message if tally.ended else "",
        verdict=verdict(tally.score),
    )


def _waiting(clock: Clock) -> Literal["approval", "paused"] | None:
    if clock.paused:
        return "paused"
    return "approval" if clock.approval is not None else None
