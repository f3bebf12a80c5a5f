"""The one way by which a run's events come about."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from ..agent.state import RunState
from ..record.events import Event
from ..record.journal import Entry, Journal

Listener = Callable[[Event], None]


@dataclass
class Recorder:
    """Writes each event to the journal before anybody acts on it or sees it."""

    journal: Journal
    run: str
    listener: Listener
    state: RunState = field(default_factory=RunState)

    def __call__(self, event: Event) -> None:
        self.saw(self.journal.append(self.run, event))

    def saw(self, entry: Entry) -> None:
        """Take in and pass on an event that is recorded already."""
        self.state.apply(entry.event, entry.at)
        self.listener(entry.event)
