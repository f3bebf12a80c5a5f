"""The organism's HTTP face: three routes behind tickets, replies as frames that need no parsing of arrays.

A frame is one byte of kind, eight bytes of length (big-endian) and a payload: ``P`` progress (JSON), ``H`` a result's
header (JSON), ``B`` the bytes of all its arrays, ``E`` an error (JSON).
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Sequence
from functools import partial

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from interp_bench_ext.errors import BadInput, DeadlineExceeded, InterpBenchError
from interp_bench_ext.host.call_body import SMALL_BYTES, CallBody, parsed, received
from interp_bench_ext.host.dispatch import Call, Dispatcher, Encoded, HeldBack, Outcome
from interp_bench_ext.host.frames import described, error_frame, frame_head, joined, json_frame, pieces
from interp_bench_ext.host.tickets import NO_TICKET, Admitted, Tickets

_STREAM = "application/octet-stream"
Frame = list[bytes | memoryview]
Frames = asyncio.Queue[Sequence[Frame | None]]
_HELD_BACK: Frame = []
"""In the place of a call's frames: it has not begun."""
_GONE: Frame = []
"""The same: nobody waits for them any more."""


def build_app(dispatcher: Dispatcher, tickets: Tickets) -> ASGIApp:
    """The application; every request needs ``Authorization: Bearer <token>`` with the token of one of ``tickets``."""

    async def health(request: Request) -> Response:
        return JSONResponse(dispatcher.health(request.state.admitted))

    async def techniques(request: Request) -> Response:
        return JSONResponse(described(dispatcher.specs(request.state.admitted)))

    async def calls(request: Request) -> Response:
        try:
            content = await received(request.headers.get("content-length"), request.stream())
            body = await parsed(content)
        except BadInput as refused:
            return Response(b"".join(_outcome_frames(refused)[0]), media_type=_STREAM)
        peer = f"{request.client.host}:{request.client.port}" if request.client else ""
        caller = request.headers.get("x-caller", peer)
        return CallStream(dispatcher, request.state.admitted, caller, body, is_small=len(content) <= SMALL_BYTES)

    routes = [Route("/health", health), Route("/techniques", techniques), Route("/calls", calls, methods=["POST"])]
    return _Gate(Starlette(routes=routes, exception_handlers={HTTPException: _http_error}), tickets)


async def _http_error(_request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    return JSONResponse({"code": "http", "message": error.detail}, status_code=error.status_code)


class _Gate:
    """Lets requests in whose ticket is good, and notes it as ``request.state.admitted``."""

    def __init__(self, app: ASGIApp, tickets: Tickets) -> None:
        self._app, self._tickets = app, tickets

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            given = dict(scope["headers"]).get(b"authorization", b"")
            admitted = self._tickets.of(given.decode("latin-1"))
            if admitted is None:
                refused = JSONResponse({"code": "unauthorized", "message": NO_TICKET}, status_code=401)
                await refused(scope, receive, send)
                return
            scope.setdefault("state", {})["admitted"] = admitted
        await self._app(scope, receive, send)


class CallStream(Response):
    """Runs one call and sends its frames; a client that goes away cancels it."""

    def __init__(
        self, dispatcher: Dispatcher, admitted: Admitted, caller: str, body: CallBody, *, is_small: bool
    ) -> None:
        super().__init__(media_type=_STREAM)
        self._is_small = is_small
        self._dispatcher, self._admitted, self._caller, self._body = dispatcher, admitted, caller, body
        del self.headers["content-length"]

    async def __call__(self, _scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": self.raw_headers})
        gone = asyncio.create_task(_disconnected(receive))
        try:
            held_back = True
            while held_back and not gone.done():
                async for frame in self._admitted.let_go():
                    if gone.done():
                        return
                    await _send(send, frame)
                held_back = await self._carry_out(gone, send)
        finally:
            gone.cancel()

    async def _carry_out(self, gone: asyncio.Task[None], send: Send) -> bool:
        """Make the call and send its reply; returns True, and sends nothing, where it was held back."""
        frames: Frames = asyncio.Queue()

        def leave(_gone: asyncio.Task[None]) -> None:
            frames.put_nowait([_GONE])

        gone.add_done_callback(leave)
        submit = partial(self._submit, frames, asyncio.get_running_loop())
        call = submit() if self._is_small else await asyncio.to_thread(submit)
        expiry = self._expire_in_queue(call, frames)
        try:
            return await self._send_frames(frames, send)
        finally:
            gone.remove_done_callback(leave)
            if expiry is not None:
                expiry.cancel()
            if call is not None:
                call.cancelled.set()

    def _expire_in_queue(self, call: Call | None, frames: Frames) -> asyncio.TimerHandle | None:
        """Answer a call whose time is up before its turn at that moment; a running one checks the time itself."""
        if call is None or self._body.deadline_s is None:
            return None

        def expire() -> None:
            if call.started is None:
                call.cancelled.set()
                late = DeadlineExceeded(
                    f"{call.technique.spec.name} was still waiting for its turn when its time was up."
                )
                frames.put_nowait([*_outcome_frames(late), None])

        return asyncio.get_running_loop().call_later(self._body.deadline_s, expire)

    def _submit(self, frames: Frames, loop: asyncio.AbstractEventLoop) -> Call | None:
        """Queue the call; its callbacks, in the model thread, put frames into ``frames``, None being the end.

        A large one not on the loop: looking through the arguments takes its time.
        """

        def put(*entries: Frame | None) -> None:
            with contextlib.suppress(RuntimeError):  # the server has stopped and its loop is closed
                loop.call_soon_threadsafe(frames.put_nowait, entries)

        def progress(stage: str, done: int, total: int) -> None:
            put([json_frame(b"P", {"stage": stage, "done": done, "total": total})])

        def done(outcome: Outcome) -> None:
            if isinstance(outcome, HeldBack):
                put(_HELD_BACK)
            else:
                put(*_outcome_frames(outcome), None)

        body = self._body
        try:
            return self._dispatcher.submit(
                self._admitted, self._caller, body.technique, body.arguments, body.deadline_s, progress, done
            )
        except InterpBenchError as error:
            done(error)
            return None

    async def _send_frames(self, frames: Frames, send: Send) -> bool:
        """Send all of them. True where the call was held back and there are none."""
        while True:
            entries = await frames.get()
            if entries[0] is _HELD_BACK or entries[0] is _GONE:
                return entries[0] is _HELD_BACK
            parts = [part for frame in entries if frame is not None for part in frame]
            await _send(send, *parts, last=entries[-1] is None)
            if entries[-1] is None:
                return False


async def _send(send: Send, *parts: bytes | memoryview, last: bool = False) -> None:
    """In few pieces: each is a write, and wakes whoever reads."""
    sent = [piece for part in joined(parts) for piece in pieces(part)]
    for number, piece in enumerate(sent, 1):
        await send({"type": "http.response.body", "body": piece, "more_body": not last or number < len(sent)})


async def _disconnected(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


def _outcome_frames(outcome: Encoded | InterpBenchError) -> list[Frame]:
    if isinstance(outcome, InterpBenchError):
        return [[error_frame(outcome)]]
    header, arrays = outcome
    parts = [array for array in arrays if array.nbytes]
    return [[json_frame(b"H", header)], [frame_head(b"B", sum(part.nbytes for part in parts)), *parts]]
