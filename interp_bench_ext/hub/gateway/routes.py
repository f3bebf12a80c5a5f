"""The gateway's addresses: the Messages API for people's servers, and what was spent for administrators."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import BaseRoute, Route
from starlette.types import ASGIApp, Receive, Scope, Send

from ...errors import InterpBenchError
from ...host.call_body import whole
from ..application import application
from ..identity import Identity, Unauthorized
from ..people import Person
from .asked import LARGEST_BODY_BYTES, Asked, Unasked
from .ledger import Ledger
from .relay import Answer, Incoming, Refused, Relay
from .spending import metrics_page, spending_of

_PASSED_BACK = ("content-type", "request-id", "retry-after", "retry-after-ms", "x-should-retry")


class Gateway:
    """Everything behind the routes."""

    def __init__(self, *, identity: Identity, ledger: Ledger, relay: Relay) -> None:
        self.identity, self.ledger, self.relay = identity, ledger, relay

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Closes what is behind it when it ends."""
        try:
            yield
        finally:
            await self.relay.close()
            self.ledger.close()


def build_app(gateway: Gateway, *, prefix: str) -> ASGIApp:
    """The application below ``prefix``."""
    routes: list[BaseRoute] = [
        Route("/v1/messages", _messages, methods=["POST"]),
        Route("/v1/messages/count_tokens", _count_tokens, methods=["POST"]),
        Route("/spending", _spending),
        Route("/metrics", _metrics),
    ]
    return application(routes, prefix=prefix, behind=gateway, running=gateway.running, refusal=_refusal)


def _gateway(request: Request) -> Gateway:
    found: Gateway = request.app.state.behind
    return found


async def _messages(request: Request) -> Response:
    return await _passed(request, _gateway(request).relay.messages)


async def _count_tokens(request: Request) -> Response:
    return await _passed(request, _gateway(request).relay.count_tokens)


async def _passed(request: Request, send: Callable[[Incoming], Awaitable[Answer]]) -> Response:
    """A person has as many places as the settings say: a body is read, and a count asked for, in one of them."""
    person, held = await _person(request), AsyncExitStack()
    await held.enter_async_context(_gateway(request).relay.place(person))
    try:
        answer = await send(await _incoming(request, person))
    except BaseException:
        await held.aclose()
        raise
    return Passed(answer, held)


class Passed(StreamingResponse):
    """The provider's reply. It is closed also when the client is gone before the first piece of it was asked for."""

    def __init__(self, answer: Answer, held: AsyncExitStack) -> None:
        headers = {name: answer.headers[name] for name in _PASSED_BACK if name in answer.headers}
        super().__init__(answer.pieces(), status_code=answer.status, headers=headers)
        held.push_async_callback(answer.close)
        self._held = held

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async with self._held:
            await super().__call__(scope, receive, send)


async def _spending(request: Request) -> Response:
    """Of everybody for an administrator, or else one's own."""
    gateway = _gateway(request)
    person = await gateway.identity.of(_authorization(request))
    return JSONResponse([line.model_dump() for line in spending_of(gateway.ledger, None if person.admin else person)])


async def _metrics(request: Request) -> Response:
    gateway = _gateway(request)
    await gateway.identity.check_admin(_authorization(request))
    return Response(metrics_page(gateway.ledger), media_type="text/plain; version=0.0.4")


async def _incoming(request: Request, person: Person) -> Incoming:
    """Raises Refused for what is not passed on."""
    raw = await _body(request)
    try:
        # A body of many megabytes takes longer to read than others should wait.
        asked = await asyncio.to_thread(Asked.of, raw)
    except Unasked as unasked:
        raise Refused(400, "invalid_request_error", str(unasked)) from None
    headers = request.headers
    return Incoming(
        person=person,
        body=raw,
        asked=asked,
        version=headers.get("anthropic-version"),
        betas=headers.get("anthropic-beta"),
    )


async def _person(request: Request) -> Person:
    return await _gateway(request).identity.of(_authorization(request))


def _authorization(request: Request) -> str:
    """The Hub's token, in either header of the Messages API's clients."""
    key = request.headers.get("x-api-key")
    return f"Bearer {key}" if key else request.headers.get("authorization", "")


async def _body(request: Request) -> bytes:
    raw = await whole(request.stream(), LARGEST_BODY_BYTES)
    if raw is None:
        raise Refused(413, "request_too_large", "The request is larger than the Messages API takes.")
    return raw


def _refusal(error: Exception) -> Response:
    match error:
        case Refused():
            return _said(error.status, error.type, error.message)
        case Unauthorized():
            return _said(401, "authentication_error", error.message)
        case InterpBenchError():
            return _said(503, "api_error", error.message)
        case HTTPException():
            return _said(error.status_code, "not_found_error", "This Hub's gateway has no such address.")
        case _:
            return _said(500, "api_error", "Something went wrong in this Hub's gateway; its log says where.")


def _said(status: int, type: str, message: str) -> Response:
    """An error as the Messages API words them, so that every client of it shows the sentence."""
    return JSONResponse({"type": "error", "error": {"type": type, "message": message}}, status_code=status)
