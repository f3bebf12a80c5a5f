"""Passes outputs of running cells on: into the journal as events, and into the notebook as fast as it takes them."""

from __future__ import annotations

import asyncio
import contextlib
import json
import time
from collections.abc import Awaitable, Callable

from ..errors import NotebookConflict
from ..record.cell_events import CellOutput, CellOutputsCleared
from ..record.event import JsonDict
from ..record.events import Emit
from .iopub import Handler
from .outputs import OutputBook

_EVENT_INTERVAL_S = 0.2
# A cell that keeps on writing slows its own events down, so that the journal does not grow with them.
_BYTES_PER_INTERVAL_SECOND = 4 * 1024 * 1024


class LiveOutputs:
    """Outputs of every cell of a session, from the kernel's message to event and notebook.

    Args:
        emit: Where events go.
        show: Writes a cell's outputs into the notebook.
        pace_s: How long to wait before the next time.
    """

    def __init__(self, *, emit: Emit, show: Callable[[str], Awaitable[None]], pace_s: Callable[[], float]) -> None:
        self.book = OutputBook()
        self._emit = emit
        self._show = show
        self._pace_s = pace_s
        self._timers: dict[str, asyncio.TimerHandle] = {}
        self._next_event: dict[str, float] = {}
        self._emitted_bytes: dict[str, int] = {}
        self._unseen: set[str] = set()
        self._wake = asyncio.Event()
        self._shower = asyncio.create_task(self._show_forever())

    def start(self, cell_id: str) -> Handler:
        """The cell runs (again); returns what folds the kernel's messages into its outputs."""
        self._cancel_timer(cell_id)
        self._emitted_bytes[cell_id] = 0
        cell = self.book.start(cell_id)

        def handle(message: dict[str, object]) -> None:
            # What a former run of the cell still prints does not belong to this run.
            if self.book.cell(cell_id) is cell:
                for touched in self.book.apply(cell_id, message):
                    self._schedule(touched)
                    self.touch(touched)

        return handle

    def outputs(self, cell_id: str) -> list[JsonDict]:
        """Outputs of a running cell up to this moment; none before it has begun."""
        return self.book.cell(cell_id).outputs() if cell_id in self._emitted_bytes else []

    def touch(self, cell_id: str) -> None:
        """Have the cell written into the notebook soon."""
        self._unseen.add(cell_id)
        self._wake.set()

    def flush(self, cell_id: str) -> None:
        """Emit what has changed in the cell since the last time."""
        self._cancel_timer(cell_id)
        cleared, changes = self.book.cell(cell_id).changes()
        if cleared:
            self._emit(CellOutputsCleared(cell_id=cell_id))
        for index, output in changes:
            self._emitted_bytes[cell_id] = self._emitted_bytes.get(cell_id, 0) + len(json.dumps(output))
            self._emit(CellOutput(cell_id=cell_id, index=index, output=output))
        pause = max(_EVENT_INTERVAL_S, self._emitted_bytes.get(cell_id, 0) / _BYTES_PER_INTERVAL_SECOND)
        self._next_event[cell_id] = time.monotonic() + pause

    def shown(self, cell_id: str) -> None:
        """The cell has just been written in full."""
        self._unseen.discard(cell_id)

    async def close(self) -> None:
        """Emit and show what is left."""
        for cell_id in list(self._timers):
            self.flush(cell_id)
        self._shower.cancel()
        await asyncio.gather(self._shower, return_exceptions=True)
        await self._show_unseen()

    def _schedule(self, cell_id: str) -> None:
        if cell_id not in self._timers:
            delay = max(0.0, self._next_event.get(cell_id, 0.0) - time.monotonic())
            self._timers[cell_id] = asyncio.get_running_loop().call_later(delay, self.flush, cell_id)

    def _cancel_timer(self, cell_id: str) -> None:
        timer = self._timers.pop(cell_id, None)
        if timer is not None:
            timer.cancel()

    async def _show_forever(self) -> None:
        while True:
            await self._wake.wait()
            self._wake.clear()
            await self._show_unseen()
            await asyncio.sleep(self._pace_s())

    async def _show_unseen(self) -> None:
        for cell_id in list(self._unseen):
            self._unseen.discard(cell_id)
            # What cannot be written now is written with the cell's end, which reports the reason.
            with contextlib.suppress(NotebookConflict):
                await self._show(cell_id)
