"""An ASGI application behind a tornado route: its replies are streamed, and it hears when the client goes away."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from tornado.iostream import StreamClosedError
from tornado.web import RequestHandler

Message = MutableMapping[str, Any]
Application = Callable[
    [Message, Callable[[], Awaitable[Message]], Callable[[Message], Awaitable[None]]], Awaitable[None]
]
_OF_THE_CONNECTION = frozenset({b"connection", b"transfer-encoding"})
"""Headers that are tornado's to set."""


class Bridge:
    """One request of ``handler``, as an ASGI application sees it.

    Args:
        handler: Its ``on_connection_close`` must set ``gone``.
        gone: Set when the client has gone away.
        more: Further entries of the scope.
    """

    def __init__(self, handler: RequestHandler, *, gone: asyncio.Event, more: dict[str, Any]) -> None:
        self._handler, self._gone, self._more = handler, gone, more
        self._read = False
        self._ended = False

    async def answer(self, application: Application) -> None:
        """Let the application answer the request; returns when its reply is out, or has nobody to go to."""
        try:
            await application(self._scope(), self._receive, self._send)
        except OSError:
            if not self._gone.is_set():
                raise

    def _scope(self) -> Message:
        request = self._handler.request
        headers = [
            (name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in request.headers.get_all()
        ]
        return {
            "type": "http",
            "asgi": {"version": "3.0"},
            "http_version": "1.1",
            "method": request.method,
            "scheme": request.protocol,
            "path": request.path,
            "raw_path": request.path.encode("latin-1"),
            "root_path": "",
            "query_string": request.query.encode("latin-1"),
            "headers": headers,
            "client": (request.remote_ip, 0),
            "server": None,
            **self._more,
        }

    async def _receive(self) -> Message:
        if not self._read:
            self._read = True
            return {"type": "http.request", "body": self._handler.request.body, "more_body": False}
        await self._gone.wait()
        return {"type": "http.disconnect"}

    async def _send(self, message: Message) -> None:
        if self._gone.is_set():
            raise OSError("the client has gone away")
        if message["type"] == "http.response.start":
            self._begin(message)
            return
        try:
            self._handler.write(bytes(message.get("body", b"")))
            await self._handler.flush()
        except StreamClosedError:
            raise OSError("the client has gone away") from None

    def _begin(self, message: Message) -> None:
        self._handler.set_status(message["status"])
        for name, value in message.get("headers", ()):
            if name.lower() not in _OF_THE_CONNECTION:
                self._handler.set_header(name.decode("latin-1"), value.decode("latin-1"))
