"""The one way by which a run's events come about."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field

from ..agent.state import RunState
from ..events import Event
from ..journal import Journal

Listener = Callable[[Event], None]


@dataclass
class Recorder:
    """Writes each event to the journal before anybody acts on it or sees it."""

    journal: Journal
    run: str
    listener: Listener
    state: RunState = field(default_factory=RunState)

    def __call__(self, event: Event) -> None:
        self.journal.append(self.run, event)
        self.saw(event)

    def saw(self, event: Event) -> None:
        """Take in and pass on an event that is recorded already."""
        self.state.apply(event, time.time())
        self.listener(event)
