"""One run in a list: a fold over its events that leaves the large ones unread."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from ..agent.state import RunState
from ..api import RunSummary
from ..config import AgentSection
from ..record.events import (
    AgentDelta,
    AgentReplied,
    ApprovalAnswered,
    ApprovalAsked,
    BudgetUsed,
    ContextEdited,
    Event,
    FindingsSubmitted,
    KernelStarted,
    OrganismReady,
    OrganismUsed,
    ProviderWaiting,
    RunEnded,
    RunForked,
    RunPaused,
    RunResumed,
    RunStarted,
    RunUnpaused,
    Scored,
    StepStarted,
)
from ..record.journal import Journal, RunRecord
from ..record.scores import Score, verdict

_COUNTED = (
    AgentReplied,
    ApprovalAnswered,
    ApprovalAsked,
    BudgetUsed,
    ContextEdited,
    FindingsSubmitted,
    KernelStarted,
    OrganismReady,
    OrganismUsed,
    ProviderWaiting,
    RunEnded,
    RunForked,
    RunPaused,
    RunResumed,
    RunStarted,
    RunUnpaused,
    Scored,
    StepStarted,
)
_UNREAD = AgentDelta(kind="text", text="")
"""Stands for an event that only moves the clock."""


@dataclass
class Tally:
    """What a list says of a run, counted from its events in order."""

    state: RunState = field(default_factory=RunState)
    started: RunStarted | None = None
    forked_from: str | None = None
    veil: str = ""
    ended: RunEnded | None = None
    """None while the run is driven, and where it was cut off."""
    score: Score | None = None
    limits: dict[str, float] = field(default_factory=dict)

    def take(self, event: Event, at: float) -> None:
        if isinstance(event, RunResumed):
            self.ended = None
        if self.ended is None:
            # The time after its end is not the run's: it may be scored days later.
            self.state.apply(event, at)
        match event:
            case RunStarted():
                self.started = event
                self.limits = limits_of(AgentSection.model_validate(event.public["agent"]))
            case RunForked():
                self.forked_from = event.parent
            case KernelStarted():
                self.veil = event.veil
            case BudgetUsed():
                self.limits[event.budget] = event.limit
            case RunEnded():
                self.ended = event
            case Scored():
                self.score = event.score
            case _:
                pass

    @classmethod
    def of(cls, journal: Journal, run: str) -> Tally:
        tally = cls()
        for at, event in journal.skim(run, *_COUNTED):
            tally.take(event or _UNREAD, at)
        return tally


def limits_of(agent: AgentSection) -> dict[str, float]:
    """The limits of a run by the names of their budgets."""
    limits = {
        "steps": agent.max_steps,
        "tokens": agent.max_tokens,
        "input tokens": agent.max_input_tokens,
        "cached tokens": agent.max_cached_tokens,
        "output tokens": agent.max_output_tokens,
        "cost": agent.max_cost_usd,
        "minutes": agent.max_minutes,
        "GPU minutes": agent.max_gpu_minutes,
    }
    return {name: float(limit) for name, limit in limits.items() if limit is not None}


def summarise(
    record: RunRecord,
    tally: Tally,
    *,
    config: str,
    shown: Callable[[Path], str | None],
    agent: AgentSection | None,
) -> RunSummary:
    """The run as a list shows it.

    Args:
        record: The run.
        tally: Its events, counted.
        config: What its config is called.
        shown: A notebook's path as the server's clients know it.
        agent: Its agent section where this server drives it; None elsewhere.
    """
    state, started = tally.state, tally.started
    running = record.status == "running"
    return RunSummary(
        id=record.id,
        experiment=record.experiment,
        config=config,
        notebook=shown(record.notebook),
        status=record.status,
        waiting=_waiting(state) if running else None,
        here=agent is not None,
        agent=started.agent if started else "",
        seed=started.seed if started else 0,
        forked_from=tally.forked_from,
        veil=tally.veil,
        created=record.created,
        minutes=state.minutes(time.time()) if running else state.active_s / 60,
        steps=state.steps,
        tokens=state.input_tokens + state.output_tokens,
        cost_usd=state.cost_usd if state.cost_known else None,
        limits=tally.limits if agent is None else limits_of(agent),
        findings=len(state.findings.findings) if state.findings else None,
        message=tally.ended.message if tally.ended else "",
        verdict=verdict(tally.score),
    )


def _waiting(state: RunState) -> Literal["approval", "paused"] | None:
    if state.paused:
        return "paused"
    return "approval" if state.approval is not None else None
