"""When a run is driven, as a fold over its events: what its minutes are counted by."""

from __future__ import annotations

from dataclasses import dataclass

from ..contracts import OUTSIDE_AGENTS
from .events import (
    AgentReplied,
    ApprovalAnswered,
    ApprovalAsked,
    Event,
    RunEnded,
    RunForked,
    RunPaused,
    RunResumed,
    RunStarted,
    RunUnpaused,
    StepStarted,
)


@dataclass
class Clock:
    """Goes while somebody drives the run, and stands while the run waits for somebody outside of it."""

    active_s: float = 0.0
    """How long the run was driven until its last event."""
    paused: bool = False
    approval: ApprovalAsked | None = None
    """What waits for a person's answer."""
    replying: bool = False
    """Whether the agent has been asked for a reply that has not come."""
    ended: bool = False
    """Whether nobody drives it, so that what is recorded is not its own doing: a score, for one."""
    _led_from_outside: bool = False
    """By somebody whose own time is not the run's."""
    _last_at: float | None = None

    @property
    def waits(self) -> bool:
        """Whether the run lies still until somebody outside of it does something: a person, or an MCP client."""
        return self.paused or self.approval is not None or (self._led_from_outside and self.replying)

    def seconds(self, now: float | None = None) -> float:
        """Seconds that the run was driven until ``now`` (Unix time), or until its last event."""
        if now is None or self._last_at is None or self.waits or self.ended:
            return self.active_s
        return self.active_s + max(now - self._last_at, 0.0)

    def apply(self, event: Event | None, at: float) -> None:
        """Take one event, in order; None stands for one that only moves the clock."""
        # Nobody drove the run between its last event and a resume.
        if not isinstance(event, RunResumed):
            self.active_s = self.seconds(at)
        self._last_at = at
        match event:
            case RunStarted():
                self._led_from_outside = (event.public.get("agent") or {}).get("provider") in OUTSIDE_AGENTS
            case StepStarted() | AgentReplied():
                self.replying = isinstance(event, StepStarted)
            case RunEnded():
                self.ended = True
            case RunResumed():
                self.paused = self.ended = self.replying = False
            case RunForked():
                # What came before was another run's time.
                self.active_s, self.approval = 0.0, None
                self.paused = self.ended = self.replying = False
            case _:
                self._ask(event)

    def _ask(self, event: Event | None) -> None:
        """What a person holds it with, or is held for."""
        match event:
            case RunPaused() | RunUnpaused():
                self.paused = isinstance(event, RunPaused)
            case ApprovalAsked():
                self.approval = event
            case ApprovalAnswered():
                self.approval = None
            case _:
                pass
