"""Stands between a kernel and everybody who listens to it: what the kernel says is filtered once, for all of them.

The kernel's own sockets are known here only. Runs, browsers and the server's own watchers are given the relay's, which
lie where the kernel cannot reach them.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Any, cast

import zmq
import zmq.asyncio
from jupyter_client.connect import KernelConnectionInfo
from jupyter_client.session import Session

from . import limits
from .cleaner import Cleaner
from .messages import Message, MessageFilter, left_out
from .replies import ReplyFilter
from .wire import Json, split

Listener = Callable[[Message, int], Awaitable[None]]
"""Is given each published message, and how many bytes it had."""
_LOG = logging.getLogger(__name__)
_ASKED = ("shell", "control", "stdin")
_CHANNELS = (*_ASKED, "iopub", "hb")
_POLL_MS = 100
_PUBLISHED_WAITING = 256
_HEARTBEAT_BYTES = 1024
_IN_A_THREAD = 8 * 1024
"""Larger messages, and all that may hold markup, are filtered beside the event loop."""
_DISPLAYS = frozenset(("display_data", "update_display_data", "execute_result", "inspect_reply", "execute_reply"))


class Context(zmq.asyncio.Context):
    """One that whoever forgets it need not wait for."""

    def __del__(self) -> None:
        # Its sockets hold it, so that there are none any more.
        if not self.closed:
            self.destroy(linger=0)


class Relay:
    """One kernel's relay, through all its restarts. Lives on the event loop that opens it."""

    def __init__(self) -> None:
        self._context = Context()
        self._cleaner = Cleaner()
        self._messages = MessageFilter(self._cleaner)
        self._replies = ReplyFilter(self._messages.bundles)
        self._session = Session()
        self._front: dict[str, zmq.asyncio.Socket] = {}
        self._back: dict[str, zmq.asyncio.Socket] = {}
        self._tasks: list[asyncio.Task[None]] = []
        self._outside: Json = {}
        self._listener: Listener | None = None
        self._quiet = asyncio.Event()

    def listen(self, listener: Listener | None) -> None:
        """Hand each published message to ``listener`` first; the next one is not read before it is done."""
        self._listener = listener

    async def open(self, kernel: KernelConnectionInfo, folder: Path) -> KernelConnectionInfo:
        """Connect to a kernel that has just been launched; returns where others find it.

        Args:
            kernel: Where the kernel itself listens, on Unix sockets.
            folder: A private folder for sockets, out of the kernel's reach.
        """
        await self._leave()
        self._session = Session(key=kernel["key"], signature_scheme=kernel["signature_scheme"])
        if not self._front:
            self._outside = self._bind(kernel, folder)
        self._bind_again()
        # The kernel answers to an identity, and asks on another channel by the same.
        identity = self._session.bsession
        for channel in _CHANNELS:
            self._back[channel] = self._connected(kernel, channel, identity)
        self._tasks = [asyncio.create_task(self._publish())]
        for channel in (*_ASKED, "hb"):
            self._tasks += [asyncio.create_task(self._ask(channel)), asyncio.create_task(self._answer(channel))]
        return cast(KernelConnectionInfo, {**kernel, **self._outside})

    async def drained(self) -> None:
        """After the kernel's death: wait until all that it had published has been handled."""
        self._quiet.clear()
        await self._quiet.wait()

    async def close(self) -> None:
        """Let go of all sockets, and end the child that cleans markup."""
        await self._leave()
        for socket in self._front.values():
            socket.close(linger=0)
        self._front = {}
        self._context.term()
        await asyncio.to_thread(self._cleaner.close)

    async def _leave(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for socket in self._back.values():
            socket.close(linger=0)
        self._tasks, self._back = [], {}
        self._quiet.set()

    def _bind(self, kernel: KernelConnectionInfo, folder: Path) -> Json:
        outside: Json = {"transport": "ipc", "ip": str(folder / "r")}
        for number, channel in enumerate(_CHANNELS, start=1):
            socket = self._context.socket(zmq.PUB if channel == "iopub" else zmq.ROUTER)
            socket.sndhwm = _PUBLISHED_WAITING
            if kernel.get("curve_secretkey"):
                socket.curve_secretkey = _encoded(kernel["curve_secretkey"])
                socket.curve_publickey = _encoded(kernel["curve_publickey"])
                socket.curve_server = True
            socket.bind(_ipc(outside["ip"], number))
            outside[f"{channel}_port"] = number
            self._front[channel] = socket
        return outside

    def _bind_again(self) -> None:
        """A manager that starts its kernel again takes the files of its sockets for the old kernel's."""
        for channel, socket in self._front.items():
            address = _ipc(self._outside["ip"], self._outside[f"{channel}_port"])
            if not Path(address.removeprefix("ipc://")).exists():
                socket.unbind(address)
                socket.bind(address)

    def _connected(self, kernel: KernelConnectionInfo, channel: str, identity: bytes) -> zmq.asyncio.Socket:
        socket = self._context.socket(zmq.SUB if channel == "iopub" else zmq.DEALER)
        socket.rcvhwm, socket.maxmsgsize, socket.linger = limits.WAITING, limits.MESSAGE, 0
        if kernel.get("curve_publickey"):
            socket.curve_secretkey = _encoded(kernel["curve_secretkey"])
            socket.curve_publickey = socket.curve_serverkey = _encoded(kernel["curve_publickey"])
        if channel == "iopub":
            socket.subscribe(b"")
        else:
            socket.identity = identity
        socket.connect(_ipc(kernel["ip"], cast(Json, kernel)[f"{channel}_port"]))
        return socket

    async def _publish(self) -> None:
        front, back = self._front["iopub"], self._back["iopub"]
        while True:
            if not await back.poll(_POLL_MS):
                self._quiet.set()
                continue
            frames = await back.recv_multipart(copy=False)
            message = await self._filtered(frames, self._messages.published)
            if message is not None:
                topic = message["msg_type"].encode()
                await front.send_multipart(self._session.serialize(message, ident=topic))
                if self._listener is not None:
                    await self._listener(message, sum(map(len, frames)))
            # A socket that always has a message never lets the event loop go by itself.
            await asyncio.sleep(0)

    async def _ask(self, channel: str) -> None:
        front, back = self._front[channel], self._back[channel]
        while True:
            await back.send_multipart(await front.recv_multipart(copy=False), copy=False)

    async def _answer(self, channel: str) -> None:
        front, back = self._front[channel], self._back[channel]
        while True:
            frames = await back.recv_multipart(copy=False)
            if channel == "hb":
                if sum(map(len, frames)) <= _HEARTBEAT_BYTES:
                    await front.send_multipart(frames, copy=False)
                continue
            message = await self._filtered(frames, self._replies.reply)
            if message is not None:
                client = frames[0].bytes
                await front.send_multipart(self._session.serialize(message, ident=client))
            await asyncio.sleep(0)

    async def _filtered(self, frames: Sequence[Any], known: Callable[[Any], Message | None]) -> Message | None:
        parts = split(frames, self._session)
        if parts is None:
            return None
        try:
            if parts.kind in _DISPLAYS or parts.length > _IN_A_THREAD:
                return await asyncio.to_thread(known, parts)
            return known(parts)
        except Exception:  # noqa: BLE001 - whatever a message breaks, it costs that message only
            _LOG.exception("The filter of outputs failed on a message of the kind %.40r", parts.kind)
            return left_out(parts)


def _ipc(ip: str, port: int) -> str:
    return f"ipc://{ip}-{port}"


def _encoded(key: str | bytes) -> bytes:
    return key.encode() if isinstance(key, str) else key
