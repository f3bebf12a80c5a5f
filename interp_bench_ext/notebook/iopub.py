"""Reads what a kernel publishes; a flood of it neither blocks the server nor fills its memory."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Callable
from typing import Any

from jupyter_client.asynchronous.client import AsyncKernelClient

from .text import left_out, size

Message = dict[str, Any]
Handler = Callable[[Message], None]

# Larger messages are parsed in a thread; much larger ones are not parsed at all.
_THREAD_BYTES = 512 * 1024
_STREAM_BYTES = 8 * 1024 * 1024
_ANY_BYTES = 64 * 1024 * 1024
_KEPT_BYTES = 1024 * 1024
_PIECE_CHARACTERS = 128 * 1024
_POLL_MS = 100
_STREAM_START = re.compile(rb'\s*\{\s*"name"\s*:\s*"(stdout|stderr)"\s*,\s*"text"\s*:\s*"')
_ESCAPE_LENGTH = 12


class IopubReader:
    """Hands each message to the handler of the request that caused it, also long after the reply."""

    def __init__(self, client: AsyncKernelClient, dead: asyncio.Event) -> None:
        self._socket = client.iopub_channel.socket
        # An own copy: a session remembers the messages it has seen and is not made for two threads.
        self._session = client.session.clone()
        self._dead = dead
        self._handlers: dict[str, Handler] = {}
        self.received_bytes = 0
        self.busy_elsewhere = False
        """Whether the kernel runs a cell that nobody here has sent, as far as it says."""

    def subscribe(self, request_id: str, handler: Handler) -> None:
        """Hand everything that ``request_id`` causes to ``handler`` from now on."""
        self._handlers[request_id] = handler

    async def run(self) -> None:
        """Read until the kernel is dead and nothing that it had sent is left."""
        while True:
            if not await self._socket.poll(_POLL_MS):
                if self._dead.is_set():
                    return
                continue
            frames = await self._socket.recv_multipart()
            self.received_bytes += sum(map(len, frames))
            message = await self._parse(frames)
            if message is not None:
                await self._dispatch(message)
            # A socket that always has a message never lets the event loop go by itself.
            await asyncio.sleep(0)

    async def _parse(self, frames: list[bytes]) -> Message | None:
        length = sum(map(len, frames))
        try:
            _, parts = self._session.feed_identities(frames)
            if length > _STREAM_BYTES:
                return await asyncio.to_thread(self._parse_huge, parts)
            if length > _THREAD_BYTES:
                return await asyncio.to_thread(self._session.deserialize, parts)
            return dict(self._session.deserialize(parts))
        except (ValueError, TypeError, KeyError, IndexError, AttributeError, RecursionError):
            # The agent's code can send anything; what is no message is no output either.
            return None

    def _parse_huge(self, parts: list[bytes]) -> Message | None:
        header, parent, content = (json.loads(parts[1]), json.loads(parts[2]), parts[4])
        found = _STREAM_START.match(content)
        if header["msg_type"] == "stream" and found is not None:
            name, text = found.group(1).decode(), _ends(content, found.end())
        elif len(content) <= _ANY_BYTES:
            return dict(self._session.deserialize(parts))
        else:
            name, text = "stderr", f"[… a message of {size(len(content))} left out …]\n"
        return {
            "msg_type": "stream",
            "header": header,
            "parent_header": parent,
            "content": {"name": name, "text": text},
        }

    async def _dispatch(self, message: Message) -> None:
        parent = message.get("parent_header")
        if not isinstance(parent, dict):
            return
        handler = self._handlers.get(str(parent.get("msg_id")))
        if message.get("msg_type") == "status" and parent.get("msg_type") == "execute_request":
            # A kernel runs one cell at a time.
            self.busy_elsewhere = handler is None and message.get("content") == {"execution_state": "busy"}
        if handler is None:
            return
        content = message.get("content")
        if message.get("msg_type") != "stream" or not isinstance(content, dict):
            handler(message)
            return
        text = content.get("text")
        if not isinstance(text, str) or len(text) <= _PIECE_CHARACTERS:
            handler(message)
            return
        for start in range(0, len(text), _PIECE_CHARACTERS):
            handler({**message, "content": {**content, "text": text[start : start + _PIECE_CHARACTERS]}})
            await asyncio.sleep(0)


def _ends(content: bytes, start: int) -> str:
    """First and last part of the JSON string that begins at ``start`` and ends the message."""
    stop = content.rfind(b'"')
    if stop - start <= 2 * _KEPT_BYTES:
        return str(json.loads(b'"' + content[start:stop] + b'"'))
    head = content[start : start + _KEPT_BYTES].decode("utf-8", "ignore")
    tail = content[stop - _KEPT_BYTES : stop].decode("utf-8", "ignore")
    heads = (head[: len(head) - cut] for cut in range(_ESCAPE_LENGTH))
    tails = (tail[cut:] for cut in range(_ESCAPE_LENGTH))
    return _first_string(heads) + left_out(stop - start - 2 * _KEPT_BYTES) + _first_string(tails)


def _first_string(candidates: Any) -> str:
    """The first candidate that is the inside of a JSON string: a cut may have gone through an escape."""
    for candidate in candidates:
        try:
            return str(json.loads(f'"{candidate}"'))
        except ValueError:
            continue
    return ""
