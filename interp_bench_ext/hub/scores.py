"""What the instructors' page shows and asks for: the scores of their classes, and classes of their own."""

from __future__ import annotations

from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from ..errors import InterpBenchError, NotFound
from .bodies import Publish, Withdraw
from .classrooms import publishable
from .identity import Unauthorized
from .pages import FROM_A_PAGE, Page, Pages, preflight
from .people import Person
from .routes import body_of, service_of, status_of
from .service import Service


async def _instructor(request: Request, authorization: str) -> Person:
    """Raises Unauthorized for one who has no class and may publish none."""
    service = service_of(request)
    person = await service.identity.of(authorization)
    if not service.classrooms.taught_by(person) and service.classrooms.publishing(person) is None:
        raise Unauthorized("this page is for the instructors of classes on this Hub")
    return person


PAGE = Page(
    path="classes/",
    name="scores",
    title="Classes on this Hub",
    check=_instructor,
    downloads=True,
)


def scores_routes(pages: Pages) -> list[BaseRoute]:
    """Its requests, with the token of a page, or the Hub's, of an instructor."""

    async def state(request: Request) -> Response:
        person = await _instructor(request, pages.authorization(request))
        return JSONResponse(_state(service_of(request), person), headers=FROM_A_PAGE)

    async def file(request: Request) -> Response:
        person, name = await _instructor(request, pages.authorization(request)), request.path_params["name"]
        if name not in service_of(request).classrooms.taught_by(person):
            raise NotFound("you have no such class")
        return Response(service_of(request).classes.file(name), media_type="text/csv", headers=FROM_A_PAGE)

    async def publish(request: Request) -> Response:
        person = await _instructor(request, pages.authorization(request))
        service = service_of(request)
        try:
            asked = await body_of(request, Publish)
            service.classrooms.publish(person, asked, scorable=_scorable(service, person))
        except InterpBenchError as error:
            return _refused(error)
        return JSONResponse({}, status_code=201, headers=FROM_A_PAGE)

    async def withdraw(request: Request) -> Response:
        person = await _instructor(request, pages.authorization(request))
        try:
            service_of(request).classrooms.withdraw(person, (await body_of(request, Withdraw)).name)
        except InterpBenchError as error:
            return _refused(error)
        return JSONResponse({}, headers=FROM_A_PAGE)

    return [
        Route("/scores/state", state),
        Route("/scores/publish", publish, methods=["POST"]),
        Route("/scores/withdraw", withdraw, methods=["POST"]),
        Route("/scores/{name}.csv", file),
        Route("/scores/{what}", preflight, methods=["OPTIONS"]),
    ]


def _state(service: Service, person: Person) -> dict[str, Any]:
    """Their classes, and what they may publish, as plain JSON."""
    rooms = service.classrooms
    allowed = rooms.publishing(person)
    return {
        "classes": [
            {**service.classes.shown(name), "published": rooms.has_published(person, name)}
            for name in rooms.taught_by(person)
        ],
        "publishing": None
        if allowed is None
        else {"students": allowed.students, "organisms": publishable(allowed, _scorable(service, person))},
    }


def _scorable(service: Service, person: Person) -> list[str]:
    return [offer.handle for offer in service.offers.of(person) if offer.truth is not None]


def _refused(error: InterpBenchError) -> Response:
    """A page can read no answer without these headers."""
    return JSONResponse(
        {"code": error.code, "message": error.message}, status_code=status_of(error), headers=FROM_A_PAGE
    )
