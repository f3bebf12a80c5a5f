"""The local socket of an organism on Modal, with the organism's own protocol: a kernel cannot tell the difference."""

from __future__ import annotations

import asyncio
import json
import shutil
from collections import defaultdict
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import aclosing, asynccontextmanager
from typing import Any

from aiohttp import web

from interp_bench_ext.contracts import TechniqueSpec
from interp_bench_ext.errors import DeadlineExceeded, InterpBenchError
from interp_bench_ext.host.call_body import CallBody, parsed, received
from interp_bench_ext.host.frames import described, error_frame, pieces, widen
from interp_bench_ext.host.tickets import NO_TICKET, Admitted, Tickets
from interp_bench_ext.sandbox.private_folder import private_folder

_LATE_S = 15.0
"""How much longer than a call's own deadline its reply may take."""

Call = Callable[[bytes, str, Admitted], AsyncGenerator[bytes, None]]
"""From a call's body, its caller and its ticket to the reply's frames, whole or in pieces."""


class Relay:
    """Listens on a Unix socket; every request needs the token of one of its :attr:`tickets`."""

    url: str

    def __init__(
        self, specs: tuple[TechniqueSpec, ...], health: Callable[[Admitted], dict[str, Any]], call: Call
    ) -> None:
        self._specs, self._health, self._call = specs, health, call
        self.tickets = Tickets()
        self._under_way: defaultdict[str, set[asyncio.Timeout]] = defaultdict(set)
        """By ticket, what ends its calls."""
        self._folder = private_folder()
        self._runner: web.AppRunner | None = None

    async def start(self) -> None:
        app = web.Application()
        app.add_routes(
            [
                web.get("/health", self._on_health),
                web.get("/techniques", self._on_techniques),
                web.post("/calls", self._on_call),
            ]
        )
        self._runner = web.AppRunner(app, access_log=None, handler_cancellation=True, handle_signals=False)
        await self._runner.setup()
        path = self._folder / "s"
        await web.UnixSite(self._runner, str(path)).start()
        path.chmod(0o600)
        self.url = f"unix://{path}"

    def revoke(self, ticket_id: str) -> None:
        """Refuse the ticket from here on, and cut its calls off."""
        self.tickets.revoke(ticket_id)
        for call in self._under_way.pop(ticket_id, ()):
            call.reschedule(asyncio.get_running_loop().time())

    async def stop(self) -> None:
        if self._runner is not None:
            await self._runner.cleanup()
        shutil.rmtree(self._folder, ignore_errors=True)

    def _let_in(self, request: web.Request) -> Admitted:
        """The request's ticket. Raises HTTPUnauthorized without a good one."""
        admitted = self.tickets.of(request.headers.get("Authorization", ""))
        if admitted is None:
            refused = json.dumps({"code": "unauthorized", "message": NO_TICKET})
            raise web.HTTPUnauthorized(text=refused, content_type="application/json")
        return admitted

    async def _on_health(self, request: web.Request) -> web.StreamResponse:
        return web.json_response(self._health(self._let_in(request)))

    async def _on_techniques(self, request: web.Request) -> web.StreamResponse:
        access = self._let_in(request).ticket.access
        return web.json_response(described(spec for spec in self._specs if access.allows(spec.access)))

    async def _on_call(self, request: web.Request) -> web.StreamResponse:
        admitted = self._let_in(request)
        reply = web.StreamResponse(headers={"Content-Type": "application/octet-stream"})
        await reply.prepare(request)
        if request.transport is not None:
            widen(request.transport)
        begun = False
        try:
            body = await received(request.headers.get("Content-Length"), request.content.iter_any())
            async for frame in admitted.let_go():
                await reply.write(frame)
            async with (
                self._ending(admitted, _patience_s(await parsed(body))),
                aclosing(self._call(body, request.headers.get("X-Caller", ""), admitted)) as frames,
            ):
                async for part in frames:
                    begun = begun or part[:1] != b"P"
                    for piece in pieces(part):
                        await reply.write(piece)
        except InterpBenchError as error:
            await self._fail(request, reply, begun, error)
        await reply.write_eof()
        return reply

    @asynccontextmanager
    async def _ending(self, admitted: Admitted, patience_s: float | None) -> AsyncIterator[None]:
        """Ends the block when its time is up or its ticket is revoked. Raises DeadlineExceeded or CallCancelled."""
        calls = self._under_way[admitted.ticket.id]
        try:
            async with asyncio.timeout(patience_s) as until:
                calls.add(until)
                yield
        except TimeoutError:
            admitted.check()
            raise DeadlineExceeded("The call took longer than it was given.") from None
        finally:
            calls.discard(until)

    async def _fail(
        self, request: web.Request, reply: web.StreamResponse, begun: bool, error: InterpBenchError
    ) -> None:
        """Say what went wrong; inside of a result, where no frame fits, cut the connection instead."""
        if not begun:
            await reply.write(error_frame(error))
        elif request.transport is not None:
            request.transport.abort()


def _patience_s(body: CallBody) -> float | None:
    """How long a call may take, or None."""
    return None if body.deadline_s is None else body.deadline_s + _LATE_S
