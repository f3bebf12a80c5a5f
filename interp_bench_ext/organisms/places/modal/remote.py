"""Streams from Modal: one input of a method, cancelled for real, and seen through when Modal begins it again."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator
from typing import Any

import modal

from interp_bench_ext.errors import OrganismLost
from interp_bench_ext.organisms.places.modal import account

_WAITING_ITEMS = 32
"""How far a stream may run ahead of its reader."""
_ENDING_S = 1.0


class Moved(OrganismLost):
    """Modal has begun the input again in another container, and what was sent before does not go on."""

    def __init__(self) -> None:
        super().__init__("The organism's container on Modal ended during the call; run the cell again.")


Item = tuple[str, bytes]
"""``note``, ``part`` or ``last``, and the payload."""


class Remote:
    """One input of a method of the service's class.

    Modal's client stops to listen when a stream is closed, and leaves the input running; here closing cancels it too,
    as soon as its id is known. ``open_streams`` holds the tasks that still listen to something.
    """

    def __init__(self, open_streams: set[asyncio.Task[None]], method: Any, *arguments: Any) -> None:
        self._items: asyncio.Queue[tuple[str, str, bytes] | Exception | None] = asyncio.Queue(_WAITING_ITEMS)
        self._call: str | None = None
        self._unwanted = self._ended = False
        self._pumping = asyncio.create_task(self._pump(method, arguments))
        open_streams.add(self._pumping)
        self._pumping.add_done_callback(open_streams.discard)

    async def items(self) -> AsyncIterator[Item]:
        """What comes, in order. Raises Moved, or what Modal's client raises."""
        first: str | None = None
        while (item := await self._items.get()) is not None:
            if isinstance(item, Exception):
                raise item
            attempt, kind, payload = item
            first = first or attempt
            if attempt != first:
                raise Moved
            self._ended = self._ended or kind == "last"
            yield kind, payload

    def break_off(self) -> None:
        """Have the reader find that its container has ended."""
        if not self._items.full():
            self._items.put_nowait(Moved())

    async def aclose(self) -> None:
        """Cancel the input unless it has ended; returns at once where its id is not known yet."""
        if self._ended or self._unwanted:
            return
        self._unwanted = True
        while not self._items.empty():  # the pump may wait for room
            self._items.get_nowait()
        if self._call is not None:
            await self._cancel()
            # It ends by itself then; cancelling it would leave errors behind in the client's own loop.
            await asyncio.wait([self._pumping], timeout=_ENDING_S)

    async def _pump(self, method: Any, arguments: tuple[Any, ...]) -> None:
        try:
            async for item in method.remote_gen.aio(*arguments):
                if self._call is None:
                    self._call = str(json.loads(item[2])["call"])
                    if self._unwanted:
                        await self._cancel()
                if not self._unwanted:
                    await self._items.put(item)
            end: Exception | None = None
        except Exception as error:  # noqa: BLE001 - the task's boundary: told to whoever reads
            end = error
        self._ended = True
        if not self._unwanted:
            await self._items.put(end)

    async def _cancel(self) -> None:
        with contextlib.suppress(Exception):  # nobody waits for it any more
            found: Any = modal.FunctionCall.from_id(self._call or "", client=await account.client())
            await found.cancel.aio()
