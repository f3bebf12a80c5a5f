"""Hands on what a kernel publishes; a flood of it neither blocks the server nor fills its memory."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from ..output_filter.messages import Message
from ..output_filter.relay import Relay

Handler = Callable[[Message], None]
_PIECE_CHARACTERS = 128 * 1024


class IopubReader:
    """Hands each message to the handler of the request that caused it, also long after the reply."""

    def __init__(self, relay: Relay) -> None:
        self._relay = relay
        self._handlers: dict[str, Handler] = {}
        self.received_bytes = 0
        self.busy_elsewhere = False
        """Whether the kernel runs a cell that nobody here has sent, as far as it says."""
        relay.listen(self._take)

    def subscribe(self, request_id: str, handler: Handler) -> None:
        """Hand everything that ``request_id`` causes to ``handler`` from now on."""
        self._handlers[request_id] = handler

    async def drained(self) -> None:
        """After the kernel's death: wait until all that it had sent has been handled."""
        await self._relay.drained()

    def close(self) -> None:
        """Hear nothing more."""
        self._relay.listen(None)

    async def _take(self, message: Message, length: int) -> None:
        self.received_bytes += length
        parent = message["parent_header"]
        handler = self._handlers.get(parent.get("msg_id", ""))
        if message["msg_type"] == "status" and parent.get("msg_type") == "execute_request":
            # A kernel runs one cell at a time.
            self.busy_elsewhere = handler is None and message["content"] == {"execution_state": "busy"}
        if handler is None:
            return
        content = message["content"]
        text = content["text"] if message["msg_type"] == "stream" else ""
        if len(text) <= _PIECE_CHARACTERS:
            handler(message)
            return
        for start in range(0, len(text), _PIECE_CHARACTERS):
            handler({**message, "content": {**content, "text": text[start : start + _PIECE_CHARACTERS]}})
            await asyncio.sleep(0)
