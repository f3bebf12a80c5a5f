"""What the instructors' page shows: the scores of their classes, and nobody else's."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from ..errors import NotFound
from .identity import Unauthorized
from .pages import FROM_A_PAGE, Page, Pages, preflight
from .routes import service_of

_REFUSED = "This page is for the instructors of classes on this Hub."


async def _classes(request: Request, authorization: str) -> list[str]:
    """Those of the instructor who asks. Raises Unauthorized where there is none."""
    service = service_of(request)
    found = service.classes.of_instructor(await service.identity.of(authorization))
    if not found:
        raise Unauthorized(_REFUSED)
    return found


async def _check(request: Request, authorization: str) -> None:
    await _classes(request, authorization)


PAGE = Page(path="classes/", asks="scores", html="classes.html", check=_check, refused=_REFUSED, downloads=True)


def scores_routes(pages: Pages) -> list[BaseRoute]:
    """Its requests, with the token of a page, or the Hub's, of an instructor."""

    async def all_of_them(request: Request) -> Response:
        names = await _classes(request, pages.authorization(request))
        return JSONResponse([service_of(request).classes.shown(name) for name in names], headers=FROM_A_PAGE)

    async def file(request: Request) -> Response:
        name = request.path_params["name"]
        if name not in await _classes(request, pages.authorization(request)):
            raise NotFound("you have no such class")
        return Response(service_of(request).classes.file(name), media_type="text/csv", headers=FROM_A_PAGE)

    return [
        Route("/scores/state", all_of_them),
        Route("/scores/{name}.csv", file),
        Route("/scores/{what}", preflight, methods=["OPTIONS"]),
    ]
