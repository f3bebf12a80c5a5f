"""How readers of the journal learn that a run has more to read; what they read is the journal itself."""

from __future__ import annotations

import asyncio

_LOOK_EVERY_S = 0.5


class Feed:
    """Wakes the readers of a run when this process has added to it; for runs of other processes they look again."""

    def __init__(self) -> None:
        self.closed = False
        """The server stops, and readers with it."""
        self._waiting: dict[str, asyncio.Event] = {}

    def tell(self, run: str) -> None:
        """Say that the run has changed: an event was added, or it is gone."""
        event = self._waiting.pop(run, None)
        if event is not None:
            event.set()

    async def more(self, run: str) -> None:
        """Return when it is worth looking whether the run has events beyond those read a moment ago."""
        event = self._waiting.setdefault(run, asyncio.Event())
        try:
            async with asyncio.timeout(_LOOK_EVERY_S):
                await event.wait()
        except TimeoutError:
            pass

    def close(self) -> None:
        self.closed = True
        for run in list(self._waiting):
            self.tell(run)
