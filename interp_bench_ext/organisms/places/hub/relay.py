"""A kernel's way to the Hub's organism: a Unix socket here, on which only a ticket's token opens anything.

The kernel is given no other way to the network, and the Hub's own token never comes near it.
"""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing
from functools import partial
from typing import Any

import httpx2
from tornado.httpserver import HTTPServer
from tornado.iostream import StreamClosedError
from tornado.netutil import bind_unix_socket
from tornado.web import Application, RequestHandler

from interp_bench_ext.contracts import LARGEST_CALL_BYTES
from interp_bench_ext.errors import InterpBenchError, OrganismLost
from interp_bench_ext.host.frames import error_frame, json_frame
from interp_bench_ext.host.tickets import NO_TICKET, Admitted, Tickets
from interp_bench_ext.organisms.frame_watch import FrameWatch, last_after
from interp_bench_ext.organisms.places.hub.api import Unreachable, refusal
from interp_bench_ext.sandbox.private_folder import private_folder

_ROOM = 1 << 10
_PAUSE_S, _LONGEST_PAUSE_S = 0.2, 3.0
_PATIENCE_S = 300.0
"""How long a service that restarts is waited for."""
_READ_PATIENCE_S = 20.0
_READ_PAUSES_S = (0.0, 0.2, 0.5, 1.0, 2.0, 3.0, 3.0, 3.0, 3.0)
_BROKEN = "The connection to the Hub's organism was lost while the call was under way: run the cell again."
_GONE = "The Hub's organism service has not come back: ask its administrator."
_TIMEOUT = httpx2.Timeout(15.0, read=20.0)
"""The service says at least every second that it is still there."""

Ended = Callable[[str], Awaitable[None]]
"""Awaited with a ticket's id before the end of each of its calls' replies."""


class HubRelay:
    """Listens until :meth:`stop`; ``ended`` is awaited before a kernel hears the end of its call."""

    def __init__(self, root: str, ended: Ended) -> None:
        self.root, self.ended = root, ended
        self.tickets = Tickets()
        self.client = httpx2.AsyncClient(
            transport=httpx2.AsyncHTTPTransport(trust_env=False), timeout=_TIMEOUT, trust_env=False
        )
        self._folder = private_folder()
        path = self._folder / "s"
        app = Application(
            [
                (r"/(health|techniques)", _Read, {"relay": self}),
                (r"/calls", _Call, {"relay": self}),
            ]
        )
        self._server = HTTPServer(app, max_body_size=LARGEST_CALL_BYTES + _ROOM, max_buffer_size=2 * LARGEST_CALL_BYTES)
        self._server.add_socket(bind_unix_socket(str(path), mode=0o600))
        self.url = f"unix://{path}"

    async def stop(self) -> None:
        self._server.stop()
        await self._server.close_all_connections()
        await self.client.aclose()
        shutil.rmtree(self._folder, ignore_errors=True)

    async def frames(self, body: bytes, token: str) -> AsyncGenerator[bytes, None]:
        """A call's reply. One that is cut off before a result has begun is made once more.

        Raises OrganismLost, or what the service says.
        """
        again, pause_s, waited_s = True, _PAUSE_S, 0.0
        while True:
            watch = FrameWatch()
            try:
                async with aclosing(self._once(body, token)) as pieces:
                    async for piece in pieces:
                        watch.feed(piece)
                        yield piece
                return
            except (httpx2.ConnectError, Unreachable):
                pass  # nothing was asked yet
            except httpx2.TransportError:
                if watch.begun or not watch.between or not again:
                    raise OrganismLost(_BROKEN) from None
                again = False
            if waited_s > _PATIENCE_S:
                raise OrganismLost(_GONE)
            yield json_frame(b"P", {"stage": "the Hub's organism service is restarting", "done": 0, "total": 0})
            await asyncio.sleep(pause_s)
            waited_s, pause_s = waited_s + pause_s, min(_LONGEST_PAUSE_S, 2 * pause_s)

    async def _once(self, body: bytes, token: str) -> AsyncGenerator[bytes, None]:
        headers = {"Authorization": token, "Content-Type": "application/json"}
        async with self.client.stream("POST", f"{self.root}/calls", content=body, headers=headers) as reply:
            if reply.status_code != httpx2.codes.OK:
                raise refusal(await reply.aread())
            async for piece in reply.aiter_raw():
                yield piece


class _Handler(RequestHandler):
    """Every request needs the token of a ticket."""

    admitted: Admitted

    def initialize(self, relay: HubRelay) -> None:
        self.relay = relay

    def prepare(self) -> None:
        found = self.relay.tickets.of(self.token)
        if found is None:
            self.set_status(401)
            self.finish({"code": "unauthorized", "message": NO_TICKET})
            return
        self.admitted = found

    @property
    def token(self) -> str:
        return self.request.headers.get("Authorization", "")

    def write_error(self, status_code: int, **_kwargs: Any) -> None:
        self.finish({"code": "http", "message": f"The organism answered with HTTP status {status_code}."})


class _Read(_Handler):
    async def get(self, what: str) -> None:
        for pause_s in _READ_PAUSES_S:
            await asyncio.sleep(pause_s)
            if (reply := await self._asked(what)) is not None:
                break
        else:
            self.set_status(503)
            self.finish({"code": OrganismLost.code, "message": _GONE})
            return
        self.set_status(reply.status_code)
        self.set_header("Content-Type", "application/json")
        self.finish(reply.content)

    async def _asked(self, what: str) -> httpx2.Response | None:
        """The service's answer; None where it is not there."""
        headers = {"Authorization": self.token}
        try:
            reply = await self.relay.client.get(f"{self.relay.root}/{what}", headers=headers, timeout=_READ_PATIENCE_S)
        except httpx2.TransportError:
            return None
        return None if not reply.is_success and isinstance(refusal(reply.content), Unreachable) else reply


class _Call(_Handler):
    async def post(self) -> None:
        self.set_header("Content-Type", "application/octet-stream")
        self._working = asyncio.ensure_future(self._answer())
        try:
            await self._working
        except asyncio.CancelledError:
            if not self._gone:
                raise

    _gone = False
    _working: asyncio.Future[None] | None = None

    def on_connection_close(self) -> None:
        """The kernel does not wait any more; closing the request to the Hub cancels the call there."""
        self._gone = True
        if self._working is not None:
            self._working.cancel()

    async def _answer(self) -> None:
        begun = FrameWatch()
        try:
            async for frame in self.admitted.let_go():
                self.write(frame)
                await self.flush()
            frames = self.relay.frames(self.request.body, self.token)
            ended = partial(self.relay.ended, self.admitted.ticket.id)
            async with aclosing(last_after(frames, ended)) as pieces:
                async for piece in pieces:
                    begun.feed(piece)
                    self.write(piece)
                    await self.flush()
        except InterpBenchError as error:
            if begun.begun:
                self.detach().close()
                return
            await self.relay.ended(self.admitted.ticket.id)
            self.write(error_frame(error))
        except StreamClosedError:
            return
        await self.finish()
