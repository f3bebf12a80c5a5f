"""Passes outputs of running cells on: as events a few times, into the notebook about once a second."""

from __future__ import annotations

import asyncio
import contextlib
import json
import time
from collections.abc import Awaitable, Callable

from ..errors import NotebookConflict
from ..events import CellOutput, CellOutputsCleared, Emit
from .iopub import Handler
from .outputs import OutputBook

_EVENT_INTERVAL_S = 0.2
_SAVE_INTERVAL_S = 1.0
# A cell that keeps on writing slows its own events down, so that the journal does not grow with them.
_BYTES_PER_INTERVAL_SECOND = 4 * 1024 * 1024
_SAVE_SHARE = 0.1


class LiveOutputs:
    """Outputs of every cell of a session, from the kernel's message to event and file."""

    def __init__(self, *, emit: Emit, save: Callable[[str], Awaitable[None]]) -> None:
        self.book = OutputBook()
        self._emit = emit
        self._save = save
        self._timers: dict[str, asyncio.TimerHandle] = {}
        self._next_event: dict[str, float] = {}
        self._emitted_bytes: dict[str, int] = {}
        self._unsaved: set[str] = set()
        self._wake = asyncio.Event()
        self._saver = asyncio.create_task(self._save_forever())

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

        return handle

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
        if cleared or changes:
            self._unsaved.add(cell_id)
            self._wake.set()

    def saved(self, cell_id: str) -> None:
        """The cell has just been written in full."""
        self._unsaved.discard(cell_id)

    async def close(self) -> None:
        """Emit and save what is left."""
        for cell_id in list(self._timers):
            self.flush(cell_id)
        self._saver.cancel()
        await asyncio.gather(self._saver, return_exceptions=True)
        for cell_id in list(self._unsaved):
            await self._save(cell_id)

    def _schedule(self, cell_id: str) -> None:
        if cell_id not in self._timers:
            delay = max(0.0, self._next_event.get(cell_id, 0.0) - time.monotonic())
            self._timers[cell_id] = asyncio.get_running_loop().call_later(delay, self.flush, cell_id)

    def _cancel_timer(self, cell_id: str) -> None:
        timer = self._timers.pop(cell_id, None)
        if timer is not None:
            timer.cancel()

    async def _save_forever(self) -> None:
        while True:
            await self._wake.wait()
            self._wake.clear()
            started = time.monotonic()
            for cell_id in list(self._unsaved):
                # What cannot be saved now is saved with the cell's end, which reports the reason.
                with contextlib.suppress(NotebookConflict):
                    self._unsaved.discard(cell_id)
                    await self._save(cell_id)
            await asyncio.sleep(max(_SAVE_INTERVAL_S, (time.monotonic() - started) / _SAVE_SHARE))
