"""What the administrator's page shows and asks for."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, model_validator
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from ..errors import InterpBenchError
from .overview import overview, stop
from .pages import FROM_A_PAGE, Page, Pages, preflight
from .routes import body_of, service_of
from .spending import spending


class Stop(BaseModel):
    """What is to end: exactly one of the three."""

    model_config = ConfigDict(extra="forbid")
    organism: str | None = None
    ticket: str | None = None
    user: str | None = None

    @model_validator(mode="after")
    def _one(self) -> Stop:
        if sum(value is not None for value in (self.organism, self.ticket, self.user)) != 1:
            raise ValueError("name one of organism, ticket and user")
        return self


async def _check(request: Request, authorization: str) -> None:
    await service_of(request).identity.check_admin(authorization)


PAGE = Page(
    path="",
    name="admin",
    title="Organisms of this Hub",
    check=_check,
)


def admin_routes(pages: Pages) -> list[BaseRoute]:
    """Its requests, with the token of a page, or the Hub's, of an administrator."""

    async def state(request: Request) -> Response:
        authorization = pages.authorization(request)
        await _check(request, authorization)
        service = service_of(request)
        gateway = service.settings.gateway
        spent = None if gateway is None else await spending(gateway, authorization)
        return JSONResponse({**overview(service), "spending": spent}, headers=FROM_A_PAGE)

    async def stopped(request: Request) -> Response:
        await _check(request, pages.authorization(request))
        asked = await body_of(request, Stop)
        try:
            await stop(service_of(request), **asked.model_dump())
        except InterpBenchError as error:
            told = {"code": error.code, "message": error.message}
            return JSONResponse(told, status_code=409, headers=FROM_A_PAGE)
        return JSONResponse({}, headers=FROM_A_PAGE)

    return [
        Route("/admin/state", state),
        Route("/admin/stop", stopped, methods=["POST"]),
        Route("/admin/{what}", preflight, methods=["OPTIONS"]),
    ]
