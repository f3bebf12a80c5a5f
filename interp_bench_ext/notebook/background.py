"""The one cell that a session runs while its caller does other things."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Coroutine
from typing import Any, Generic, TypeVar

from ..errors import BadInput

Outcome = TypeVar("Outcome")


class Background(Generic[Outcome]):
    """At most one cell at a time; the last one's outcome stays until the next begins."""

    def __init__(self) -> None:
        self._cell_id: str | None = None
        self._task: asyncio.Task[Outcome] | None = None
        self._started = 0.0

    @property
    def running(self) -> str | None:
        """The cell that has not ended yet."""
        return None if self._task is None or self._task.done() else self._cell_id

    @property
    def seconds(self) -> float:
        """How long ago the last cell was begun."""
        return time.monotonic() - self._started

    async def begin(self, cell_id: str, work: Coroutine[Any, Any, Outcome], *, begun: asyncio.Event) -> None:
        """Let ``work`` run the cell, and return when it says that it has ``begun``. Raises what kept it from that."""
        self._cell_id, self._task, self._started = cell_id, asyncio.create_task(work), time.monotonic()
        # Whoever waits for the cell is told what went wrong; where nobody does, the events say it.
        self._task.add_done_callback(lambda done: done.cancelled() or done.exception())
        waiting = asyncio.create_task(begun.wait())
        try:
            await asyncio.wait([self._task, waiting], return_when="FIRST_COMPLETED")
        finally:
            waiting.cancel()
        if not begun.is_set():
            self._task.result()

    async def wait(self, *, timeout_s: float) -> Outcome | None:
        """The last cell's outcome, waiting for it up to ``timeout_s``; None while it still runs.

        Raises:
            BadInput: None was begun.
            InterpBenchError: What ended the cell's run instead of an outcome.
        """
        if self._task is None:
            raise BadInput("No cell was started in the background.")
        await asyncio.wait([self._task], timeout=timeout_s)
        return self._task.result() if self._task.done() else None

    async def close(self) -> None:
        """Wait for the end of a cell that ends by itself or has been interrupted."""
        if self._task is not None:
            await asyncio.wait([self._task])
