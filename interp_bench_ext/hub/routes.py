"""The service's addresses, below its prefix. Three kinds of callers, each with a kind of token that opens nothing else.

People's servers show the Hub's token (``/organisms``, ``/tickets``); kernels show a ticket's (``/organism``), which the
Hub does not know; the administrator's page shows one that it was given as it was opened (``/admin``).
"""

from __future__ import annotations

import asyncio
import json
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import TypeVar

from pydantic import BaseModel, ValidationError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import BaseRoute, Route
from starlette.types import ASGIApp

from ..errors import BadInput, InterpBenchError
from ..host.call_body import parsed, received, whole
from ..host.frames import described, error_frame
from ..host.technique_files import read_spec
from ..host.terms import Terms
from ..host.tickets import NO_TICKET
from ..organisms.tickets import Lease
from ..record.events import Event, OrganismLoading
from ..record.provenance import keyed_digest
from ..wrong_input import first_problem
from .application import application
from .bodies import AskTicket, HandIn, TicketState
from .calls import CallReply
from .identity import Unauthorized
from .offers import Offer
from .people import Person
from .service import Service
from .tickets import HubTicket

_STATUS = {"unauthorized": 403, "not_found": 404, "not_now": 409, "access_ended": 429}
_LARGEST_BODY = 1 << 16
_STREAM = "application/octet-stream"
Body = TypeVar("Body", bound=BaseModel)
Handler = Callable[[Request], Awaitable[Response]]


def build_app(service: Service, *, prefix: str, pages: list[BaseRoute]) -> ASGIApp:
    """The application; ``pages`` are those of administrators and instructors."""
    routes: list[BaseRoute] = [
        Route("/metrics", _metrics),
        Route("/organisms", _organisms),
        Route("/organisms/{handle}/start", _start, methods=["POST"]),
        Route("/tickets", _give, methods=["POST"]),
        Route("/tickets/{ticket}", _ticket),
        Route("/tickets/{ticket}", _end, methods=["DELETE"]),
        Route("/findings", _findings, methods=["POST"]),
        Route("/organism/health", _organism_health),
        Route("/organism/techniques", _techniques),
        Route("/organism/calls", _call, methods=["POST"]),
        *pages,
    ]
    return application(routes, prefix=prefix, behind=service, running=service.running, refusal=_refusal)


def service_of(request: Request) -> Service:
    """What the application was made for."""
    found: Service = request.app.state.behind
    return found


async def body_of(request: Request, kind: type[Body]) -> Body:
    """The request's body. Raises BadInput."""
    raw = await whole(request.stream(), _LARGEST_BODY)
    if raw is None:
        raise BadInput("the request's body is too large")
    try:
        return kind.model_validate_json(raw)
    except ValidationError as error:
        raise BadInput(first_problem(error)) from None


def status_of(error: InterpBenchError) -> int:
    """The answer's status."""
    return _STATUS.get(error.code, 400 if isinstance(error, BadInput) else 409)


def _refusal(error: Exception) -> Response:
    match error:
        case InterpBenchError():
            return _said(status_of(error), error.code, error.message)
        case HTTPException():
            return _said(error.status_code, "http", error.detail)
        case _:
            return _said(500, "internal", "something went wrong in the service; its log says where")


def _said(status: int, code: str, message: str) -> Response:
    return JSONResponse({"code": code, "message": message}, status_code=status)


async def _person(request: Request) -> Person:
    return await service_of(request).identity.of(request.headers.get("authorization", ""))


async def _metrics(request: Request) -> Response:
    service = service_of(request)
    await service.identity.check_admin(request.headers.get("authorization", ""))
    service.gauge()
    return Response(service.metrics.page(), media_type="text/plain; version=0.0.4")


async def _organisms(request: Request) -> Response:
    person = await _person(request)
    service = service_of(request)
    return JSONResponse(
        [
            offer.card(scored=service.classrooms.of(person, offer.handle) is not None)
            for offer in service.offers.of(person)
        ]
    )


async def _start(request: Request) -> Response:
    """JSON lines: how it loads, then that it is ready, or why not."""
    person = await _person(request)
    service = service_of(request)
    offer = service.offers.find(request.path_params["handle"], person)
    service.quotas.check(person, offer.handle)
    return StreamingResponse(_loading(service, offer, person), media_type="application/jsonl")


async def _loading(service: Service, offer: Offer, person: Person) -> AsyncIterator[bytes]:
    events: asyncio.Queue[Event] = asyncio.Queue()
    held: asyncio.Future[Lease] = asyncio.get_running_loop().create_future()

    async def hold() -> None:
        # Several people may start one at once.
        terms = Terms(caller=secrets.token_hex(8), access=offer.public.access, user=person.name)
        async with service.tickets.lent(offer, events.put_nowait, terms) as lease:
            held.set_result(lease)

    holding = asyncio.create_task(hold())
    try:
        while not holding.done():
            hearing = asyncio.create_task(events.get())
            await asyncio.wait({hearing, holding}, return_when=asyncio.FIRST_COMPLETED)
            if not hearing.done():
                hearing.cancel()
            elif isinstance(event := hearing.result(), OrganismLoading):
                yield _line(type="loading", stage=event.stage, done=event.done, total=event.total)
        await holding
        yield _line(type="ready", device=held.result().organism.device, weights=_weights(service, held.result()))
    except InterpBenchError as error:
        yield _line(type="failed", code=error.code, message=error.message)
    finally:
        holding.cancel()


def _weights(service: Service, lease: Lease) -> str:
    """Equal for equal weights, and no help to look them up."""
    return keyed_digest(service.store.key(), [revision.model_dump() for revision in lease.revisions])


def _line(**fields: object) -> bytes:
    return json.dumps(fields).encode() + b"\n"


async def _give(request: Request) -> Response:
    person = await _person(request)
    service = service_of(request)
    asked = await body_of(request, AskTicket)
    offer = service.offers.find(asked.organism, person)
    ticket = service.tickets.give(person, offer, asked)
    return JSONResponse(_state(ticket), status_code=201)


async def _ticket(request: Request) -> Response:
    person = await _person(request)
    service = service_of(request)
    ticket = service.tickets.of(request.path_params["ticket"], person)
    await service.tickets.hear(ticket, person)
    service.tickets.note(ticket)
    return JSONResponse(_state(ticket))


async def _end(request: Request) -> Response:
    person = await _person(request)
    tickets = service_of(request).tickets
    await tickets.end(tickets.of(request.path_params["ticket"], person))
    return Response(status_code=204)


async def _findings(request: Request) -> Response:
    person = await _person(request)
    asked = await body_of(request, HandIn)
    score = await service_of(request).classes.hand_in(person, asked)
    return JSONResponse({"score": None if score is None else score.model_dump(mode="json")}, status_code=201)


def _state(ticket: HubTicket) -> dict[str, object]:
    used = ticket.used
    state = TicketState(id=ticket.row.id, deadline=ticket.row.deadline, **used._asdict())
    return state.model_dump()


def _opened(request: Request) -> HubTicket:
    """The ticket that the request's token opens. Raises HTTPException without a good one."""
    ticket = service_of(request).tickets.of_token(request.headers.get("authorization", ""))
    if ticket is None:
        raise Unauthorized(NO_TICKET)
    return ticket


async def _organism_health(request: Request) -> Response:
    ticket = _opened(request)
    counts = service_of(request).calls.queues[ticket.row.organism].counts().values()
    state = "busy" if any(running for running, _ in counts) else "ready"
    waiting = sum(waiting for _, waiting in counts)
    return JSONResponse({"state": state, "busy_s": ticket.used.busy_s, "waiting": waiting})


async def _techniques(request: Request) -> Response:
    ticket = _opened(request)
    specs = [read_spec(file) for file in ticket.offer.spec.techniques]
    return JSONResponse(described(spec for spec in specs if ticket.row.access.allows(spec.access)))


async def _call(request: Request) -> Response:
    ticket = _opened(request)
    try:
        body = await parsed(await received(request.headers.get("content-length"), request.stream()))
    except BadInput as refused:
        return Response(error_frame(refused), media_type=_STREAM)
    return CallReply(service_of(request).calls, ticket, body)  # type: ignore[return-value]
