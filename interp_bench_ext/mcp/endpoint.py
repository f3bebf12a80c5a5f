"""The server over streamable HTTP, as an ASGI application that lives as long as the Jupyter server."""

from __future__ import annotations

import asyncio

from mcp.server.streamable_http_manager import StreamableHTTPSessionManager
from starlette.types import Receive, Scope, Send

from .clients import Clients
from .server import make_server


class Endpoint:
    """Answers the requests of any number of clients, one ASGI call each.

    Who may ask is decided before: this checks neither tokens nor origins.
    """

    def __init__(self, clients: Clients) -> None:
        self._clients = clients
        self._sessions = StreamableHTTPSessionManager(make_server(clients))
        self._opened = asyncio.Event()
        self._closing = asyncio.Event()
        self._living = asyncio.create_task(self._live())

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self._opened.wait()
        await self._sessions.handle_request(scope, receive, send)

    async def close(self) -> None:
        """End all sessions; call it when the runs have ended."""
        self._closing.set()
        await self._living
        await self._clients.close()

    async def _live(self) -> None:
        # The sessions' task group must be left by the task that has entered it.
        async with self._sessions.run():
            self._opened.set()
            await self._closing.wait()
