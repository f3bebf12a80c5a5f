"""The local socket of an organism on Modal, with the organism's own protocol: a kernel cannot tell the difference."""

from __future__ import annotations

import asyncio
import hmac
import json
import secrets
import shutil
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from dataclasses import asdict
from typing import Any

from aiohttp import web

from interp_bench_ext.contracts import Connection, TechniqueSpec
from interp_bench_ext.errors import DeadlineExceeded, InterpBenchError
from interp_bench_ext.host.frames import error_frame
from interp_bench_ext.sandbox.private_folder import private_folder

_LARGEST_BODY_BYTES = 1 << 30
_LATE_S = 15.0
"""How much longer than a call's own deadline its reply may take."""

Call = Callable[[bytes, str], AsyncGenerator[bytes, None]]
"""From a call's body and its caller to the reply's frames, whole or in pieces."""


class Relay:
    """Listens on a Unix socket; every request needs the token of its :attr:`connection`."""

    connection: Connection

    def __init__(self, specs: tuple[TechniqueSpec, ...], health: Callable[[], dict[str, Any]], call: Call) -> None:
        self._specs, self._health, self._call = specs, health, call
        self._token = secrets.token_urlsafe(32)
        self._folder = private_folder()
        self._runner: web.AppRunner | None = None

    async def start(self) -> None:
        app = web.Application(client_max_size=_LARGEST_BODY_BYTES, middlewares=[self._checked])
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
        self.connection = Connection(f"unix://{path}", self._token)

    async def stop(self) -> None:
        if self._runner is not None:
            await self._runner.cleanup()
        shutil.rmtree(self._folder, ignore_errors=True)

    @web.middleware
    async def _checked(self, request: web.Request, handler: Any) -> web.StreamResponse:
        given = request.headers.get("Authorization", "").encode()
        if not hmac.compare_digest(given, f"Bearer {self._token}".encode()):
            return web.json_response({"code": "unauthorized", "message": "A valid token is needed."}, status=401)
        reply: web.StreamResponse = await handler(request)
        return reply

    async def _on_health(self, _request: web.Request) -> web.StreamResponse:
        return web.json_response(self._health())

    async def _on_techniques(self, _request: web.Request) -> web.StreamResponse:
        return web.json_response([{**asdict(spec), "signature": spec.signature} for spec in self._specs])

    async def _on_call(self, request: web.Request) -> web.StreamResponse:
        body = await request.read()
        reply = web.StreamResponse(headers={"Content-Type": "application/octet-stream"})
        await reply.prepare(request)
        begun = False
        try:
            async with (
                asyncio.timeout(_patience_s(body)),
                aclosing(self._call(body, request.headers.get("X-Caller", ""))) as frames,
            ):
                async for part in frames:
                    begun = begun or part[:1] != b"P"
                    await reply.write(part)
        except TimeoutError:
            await self._fail(request, reply, begun, DeadlineExceeded("The call took longer than it was given."))
        except InterpBenchError as error:
            await self._fail(request, reply, begun, error)
        await reply.write_eof()
        return reply

    async def _fail(
        self, request: web.Request, reply: web.StreamResponse, begun: bool, error: InterpBenchError
    ) -> None:
        """Say what went wrong; inside of a result, where no frame fits, cut the connection instead."""
        if not begun:
            await reply.write(error_frame(error))
        elif request.transport is not None:
            request.transport.abort()


def _patience_s(body: bytes) -> float | None:
    """How long a call may take, or None; what is wrong with a body the organism says itself."""
    try:
        deadline_s = json.loads(body).get("deadline_s")
        return None if deadline_s is None else float(deadline_s) + _LATE_S
    except (ValueError, TypeError, AttributeError):
        return None
