"""The tools of one run over streamable HTTP on loopback, for the program that has its token."""

from __future__ import annotations

import asyncio
import hmac
import secrets
import socket
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from importlib.metadata import version
from typing import Any

import uvicorn
from mcp.server.lowlevel import Server
from mcp.server.streamable_http_manager import StreamableHTTPSessionManager
from mcp.shared.exceptions import MCPError
from mcp.types import (
    INVALID_PARAMS,
    CallToolRequestParams,
    CallToolResult,
    ListToolsResult,
    PaginatedRequestParams,
)
from starlette.responses import PlainTextResponse
from starlette.types import Receive, Scope, Send

from ..agent.mcp_provider import Answer
from ..agent.mcp_tools import STILL_THERE_S, Context, call_result, described, report, understood
from ..agent.tools import TOOLS, ToolResult
from .program import SERVER

Call = Callable[[str, dict[str, Any]], Awaitable[Answer | None]]
_BY_NAME = {entry.spec.name: entry for entry in TOOLS}
_OVER = "the investigation has ended; there is nothing more to do"
_INSTRUCTIONS = "The tools of one investigation: its notebook, its organism, its hypotheses and its findings."
_CLOSES_WITHIN_S = 5


class Endpoint:
    """Serves ``call`` from :meth:`open` to :meth:`close`."""

    def __init__(self, call: Call) -> None:
        self.token = secrets.token_urlsafe(32)
        self._sessions = StreamableHTTPSessionManager(_server(call))
        self._http = _Http(
            uvicorn.Config(
                self._answer,
                interface="asgi3",
                lifespan="off",
                log_config=None,
                log_level="critical",
                access_log=False,
                timeout_graceful_shutdown=_CLOSES_WITHIN_S,
            )
        )
        self._socket = socket.socket()
        self._living: asyncio.Task[None] | None = None
        self._opened = asyncio.Event()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._socket.getsockname()[1]}/mcp"

    async def open(self) -> None:
        """Return once requests are answered."""
        self._socket.bind(("127.0.0.1", 0))
        self._socket.listen()
        self._living = asyncio.create_task(self._live())
        await self._opened.wait()

    async def close(self) -> None:
        self._http.should_exit = True
        if self._living is not None:
            await self._living
        self._socket.close()

    async def _live(self) -> None:
        # The sessions' task group must be left by the task that has entered it.
        async with self._sessions.run():
            self._opened.set()  # the socket listens: what comes before the server does waits in it
            await self._http.serve(sockets=[self._socket])

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        given = dict(scope["headers"]).get(b"authorization", b"")
        if not hmac.compare_digest(given, f"Bearer {self.token}".encode()):
            await PlainTextResponse("the token is another one", 401)(scope, receive, send)
            return
        await self._sessions.handle_request(scope, receive, send)


class _Http(uvicorn.Server):
    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave the process's signals to whoever drives the run."""
        yield


def _server(call: Call) -> Server:
    async def list_tools(_: Context, __: PaginatedRequestParams | None) -> ListToolsResult:
        return ListToolsResult(tools=[described(entry) for entry in TOOLS])

    async def call_tool(context: Context, params: CallToolRequestParams) -> CallToolResult:
        if params.name not in _BY_NAME:
            raise MCPError(INVALID_PARAMS, f"there is no tool {params.name!r}; there are {', '.join(_BY_NAME)}")
        arguments, note = understood(_BY_NAME[params.name], params.arguments or {})
        reporting = asyncio.create_task(report(context, _still_there))
        try:
            answer = await call(params.name, arguments)
        finally:
            reporting.cancel()
        if answer is None:
            return call_result(ToolResult.text(_OVER, is_error=True))
        result = ToolResult(content=answer.content, is_error=answer.is_error).but_with(after=note)
        return await asyncio.to_thread(call_result, result)

    return Server(
        SERVER,
        version=version("interp_bench_ext"),
        instructions=_INSTRUCTIONS,
        on_list_tools=list_tools,
        on_call_tool=call_tool,
    )


async def _still_there(since: float) -> str:
    await asyncio.sleep(STILL_THERE_S)
    return f"under way for {time.monotonic() - since:.0f} s"
