"""The loopback Messages server in a process of its own, so that its work is not counted as the loop's."""

from __future__ import annotations

import json
import multiprocessing
import time
from collections.abc import AsyncIterable, AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing.connection import Connection
from typing import Any

from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response, StreamingResponse

from interp_bench_ext.models.usage import Usage
from tests.agent.messages_server import Answer, MessagesServer

Scripted = Callable[[dict[str, Any]], Answer]


@dataclass(frozen=True, kw_only=True)
class Served:
    """One answered request, in the server's own words."""

    begin: float
    """Unix time when the request had arrived."""
    end: float
    """Unix time when the last byte of the answer was handed over."""
    calls: tuple[str, ...] = ()
    """Ids of the tool calls in the answer."""
    usage: Usage = Usage()

    @property
    def prompt_tokens(self) -> int:
        """Those read from and written to the cache included."""
        return self.usage.input_tokens + self.usage.cache_read_tokens + self.usage.cache_write_tokens

    @property
    def tokens(self) -> int:
        return self.prompt_tokens + self.usage.output_tokens


class AccountingServer(MessagesServer):
    """A server that keeps account of its answers, and forgets what it was sent."""

    def __init__(self, script: Scripted) -> None:
        super().__init__(script)
        self.served: list[Served] = []

    async def _messages(self, request: Request) -> Response:
        try:
            await request.body()
        except ClientDisconnect:  # killed while it asked
            return Response()
        begin = time.time()
        response = await super()._messages(request)
        for kept in (self.requests, self.counted, self.headers):
            kept.clear()
        if isinstance(response, StreamingResponse):
            response.body_iterator = self._until_sent(response.body_iterator, begin)
        return response

    async def _until_sent(self, parts: AsyncIterable[Any], begin: float) -> AsyncIterator[Any]:
        calls, counts = [], dict[str, int]()
        async for part in parts:
            event = json.loads(part.partition("data: ")[2])
            counts |= event.get("message", event).get("usage", {})
            calls += [block["id"] for block in [event.get("content_block", {})] if block.get("type") == "tool_use"]
            yield part
        usage = Usage(
            input_tokens=counts["input_tokens"],
            output_tokens=counts["output_tokens"],
            cache_read_tokens=counts.get("cache_read_input_tokens", 0),
            cache_write_tokens=counts.get("cache_creation_input_tokens", 0),
        )
        self.served.append(Served(begin=begin, end=time.time(), calls=tuple(calls), usage=usage))


class Answering:
    """A running server, as its client's process sees it."""

    def __init__(self, channel: Connection) -> None:
        self._channel = channel
        self.url: str = channel.recv()

    def served(self) -> list[Served]:
        """What it has answered in full so far."""
        self._channel.send("served")
        account: list[Served] = self._channel.recv()
        return account


@contextmanager
def answering(script: Scripted) -> Iterator[Answering]:
    """A server that answers by ``script``, a function of a module, while the block lasts."""
    spawn = multiprocessing.get_context("spawn")
    ours, theirs = spawn.Pipe()
    process = spawn.Process(target=_serve, args=(script, theirs), daemon=True)
    process.start()
    try:
        yield Answering(ours)
    finally:
        ours.send(None)
        process.join(timeout=10)
        process.kill()


def _serve(script: Scripted, channel: Connection) -> None:
    with AccountingServer(script) as server:
        channel.send(server.url)
        while channel.recv() is not None:
            channel.send(server.served)
