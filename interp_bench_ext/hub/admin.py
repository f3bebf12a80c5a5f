"""The administrator's page, and the requests that it makes."""

from __future__ import annotations

import secrets
from functools import cache
from importlib.resources import files

from pydantic import BaseModel, ConfigDict, model_validator
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse, Response
from starlette.routing import BaseRoute, Route
from tornado.web import HTTPError

from ..errors import InterpBenchError
from .identity import Unauthorized
from .overview import overview, stop
from .routes import body_of, service_of
from .sessions import Sessions

_SESSION, _STATE = "interp-bench-session", "interp-bench-state"
_FROM_THE_PAGE = {
    "Access-Control-Allow-Origin": "null",
    "Access-Control-Allow-Headers": "authorization, content-type",
    "Access-Control-Allow-Methods": "GET, POST",
    "Cache-Control": "no-store",
}
"""The page has no origin, and sends no cookie."""


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


def admin_routes(prefix: str) -> list[BaseRoute]:
    """The routes, below ``prefix``."""
    page = _Page(prefix)
    return [
        Route("/", page.shown),
        Route("/oauth_callback", page.logged_in),
        Route("/admin/state", page.state),
        Route("/admin/stop", page.stopped, methods=["POST"]),
        Route("/admin/{what}", page.preflight, methods=["OPTIONS"]),
    ]


class _Page:
    def __init__(self, prefix: str) -> None:
        self._prefix = prefix.rstrip("/") + "/"
        self._sessions = Sessions()

    async def shown(self, request: Request) -> Response:
        """The page, for a browser that navigates to it."""
        wanted = request.headers.get("sec-fetch-mode", "navigate"), request.headers.get("sec-fetch-dest", "document")
        if wanted != ("navigate", "document"):
            raise Unauthorized("this page is opened by a person, not by another page")
        session = self._sessions.of_cookie(request.cookies.get(_SESSION, ""))
        if session is None:
            url, state = self._sessions.begin()
            answer: Response = RedirectResponse(url, 302)
            self._set(request, answer, _STATE, state)
            return answer
        try:
            await service_of(request).identity.check_admin(f"Bearer {session.hub_token}")
        except Unauthorized:
            return _said("This page is for the administrators of this Hub's organisms.", 403)
        nonce = secrets.token_urlsafe(16)
        html = _html().replace("NONCE", nonce).replace("PAGE_TOKEN", session.page_token).replace("PREFIX", self._prefix)
        policy = (
            f"sandbox allow-scripts; default-src 'none'; script-src 'nonce-{nonce}'; style-src 'nonce-{nonce}';"
            f" connect-src {_origin(request)}{self._prefix}admin/; frame-ancestors 'none'; base-uri 'none'"
        )
        return HTMLResponse(html, headers=_private(policy))

    async def logged_in(self, request: Request) -> Response:
        """The browser comes back from the Hub."""
        query = request.query_params
        expected = request.cookies.get(_STATE, "")
        try:
            name = await self._sessions.finish(
                code=query.get("code", ""), state=query.get("state", ""), expected=expected
            )
        except HTTPError:
            name = None
        if name is None:
            return _said("The login did not come to its end. Open the page again.", 403)
        answer = RedirectResponse(self._prefix, 302)
        self._set(request, answer, _SESSION, name)
        answer.delete_cookie(_STATE, path=self._prefix)
        return answer

    async def state(self, request: Request) -> Response:
        await self._check(request)
        return JSONResponse(overview(service_of(request)), headers=_FROM_THE_PAGE)

    async def stopped(self, request: Request) -> Response:
        await self._check(request)
        asked = await body_of(request, Stop)
        try:
            await stop(service_of(request), **asked.model_dump())
        except InterpBenchError as error:
            told = {"code": error.code, "message": error.message}
            return JSONResponse(told, status_code=409, headers=_FROM_THE_PAGE)
        return JSONResponse({}, headers=_FROM_THE_PAGE)

    async def preflight(self, _request: Request) -> Response:
        return Response(status_code=204, headers=_FROM_THE_PAGE)

    async def _check(self, request: Request) -> None:
        """Raises Unauthorized without the token of a page, or the Hub's, of an administrator."""
        given = request.headers.get("authorization", "")
        session = self._sessions.of_page(given)
        await service_of(request).identity.check_admin(f"Bearer {session.hub_token}" if session else given)

    def _set(self, request: Request, answer: Response, name: str, value: str) -> None:
        secure = request.headers.get("x-forwarded-proto", request.url.scheme).startswith("https")
        answer.set_cookie(name, value, path=self._prefix, httponly=True, samesite="lax", secure=secure)


def _origin(request: Request) -> str:
    scheme = request.headers.get("x-forwarded-proto", request.url.scheme).split(",")[0].strip()
    return f"{scheme}://{request.headers.get('host', '')}"


def _private(policy: str) -> dict[str, str]:
    return {"Content-Security-Policy": policy, "Cache-Control": "no-store", "Referrer-Policy": "no-referrer"}


def _said(sentence: str, status: int) -> Response:
    return HTMLResponse(
        f"<!doctype html><meta charset=utf-8><title>Organisms</title><p>{sentence}</p>",
        status_code=status,
        headers=_private("default-src 'none'"),
    )


@cache
def _html() -> str:
    return files(__package__).joinpath("admin.html").read_text("utf-8")
