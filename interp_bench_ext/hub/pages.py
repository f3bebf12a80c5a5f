"""Web pages of the service: shown to a browser that a person navigates, each in an origin of its own."""

from __future__ import annotations

import html
import secrets
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import Route
from tornado.web import HTTPError

from .identity import Unauthorized
from .sessions import Sessions

_SESSION, _STATE = "interp-bench-session", "interp-bench-state"
FROM_A_PAGE = {
    "Access-Control-Allow-Origin": "null",
    "Access-Control-Allow-Headers": "authorization, content-type",
    "Access-Control-Allow-Methods": "GET, POST",
    "Cache-Control": "no-store",
}
"""A page has no origin, and sends no cookie."""


@dataclass(frozen=True, kw_only=True)
class Page:
    """One page; its requests go below the folder ``name``."""

    path: str
    """Below the service's prefix; empty for the first one."""
    name: str
    """Of its files here, too: what it shows, its script, and its own style if it has one."""
    title: str
    check: Callable[[Request, str], Awaitable[object]]
    """Raises Unauthorized, with what they are told, unless the header belongs to somebody who may see it."""
    downloads: bool = False


class Pages:
    """What all pages share: the login at the Hub, and who stands behind a page's token."""

    def __init__(self, prefix: str) -> None:
        self._prefix = prefix.rstrip("/") + "/"
        self._sessions = Sessions()

    def routes(self, *pages: Page) -> list[Route]:
        """The pages themselves, and the way back from the login."""
        return [Route("/oauth_callback", self._logged_in), *(self._route(page) for page in pages)]

    def authorization(self, request: Request) -> str:
        """The header by which the Hub knows who asks: with a page's token, whoever has opened the page."""
        given = request.headers.get("authorization", "")
        session = self._sessions.of_page(given)
        return f"Bearer {session.hub_token}" if session else given

    def _route(self, page: Page) -> Route:
        async def shown(request: Request) -> Response:
            return await self._shown(request, page)

        return Route(f"/{page.path}", shown)

    async def _shown(self, request: Request, page: Page) -> Response:
        """The page, for a browser that navigates to it."""
        wanted = request.headers.get("sec-fetch-mode", "navigate"), request.headers.get("sec-fetch-dest", "document")
        if wanted != ("navigate", "document"):
            raise Unauthorized("this page is opened by a person, not by another page")
        session = self._sessions.of_cookie(request.cookies.get(_SESSION, ""))
        if session is None:
            url, state = self._sessions.begin(page.path)
            answer: Response = RedirectResponse(url, 302)
            self._set(request, answer, _STATE, state)
            return answer
        try:
            await page.check(request, f"Bearer {session.hub_token}")
        except Unauthorized as error:
            # Whoever becomes an administrator has that with their next login only.
            self._sessions.end(request.cookies.get(_SESSION, ""))
            return _said(f"{error.message[:1].upper()}{error.message[1:]}.", 403)
        nonce, asked = secrets.token_urlsafe(16), f"{self._prefix}{page.name}/"
        shown = _html(page.name, page.title)
        shown = shown.replace("NONCE", nonce).replace("PAGE_TOKEN", session.page_token).replace("ASKS", asked)
        policy = (
            f"sandbox allow-scripts{' allow-downloads' if page.downloads else ''}; default-src 'none';"
            f" script-src 'nonce-{nonce}'; style-src 'nonce-{nonce}'; connect-src {_origin(request)}{asked};"
            " frame-ancestors 'none'; base-uri 'none'"
        )
        return HTMLResponse(shown, headers=_private(policy))

    async def _logged_in(self, request: Request) -> Response:
        """The browser comes back from the Hub."""
        query = request.query_params
        expected = request.cookies.get(_STATE, "")
        try:
            found = await self._sessions.finish(
                code=query.get("code", ""), state=query.get("state", ""), expected=expected
            )
        except HTTPError:
            found = None
        if found is None:
            return _said("The login did not come to its end. Open the page again.", 403)
        name, page = found
        answer = RedirectResponse(f"{self._prefix}{page}", 302)
        self._set(request, answer, _SESSION, name)
        answer.delete_cookie(_STATE, path=self._prefix)
        return answer

    def _set(self, request: Request, answer: Response, name: str, value: str) -> None:
        secure = request.headers.get("x-forwarded-proto", request.url.scheme).startswith("https")
        answer.set_cookie(name, value, path=self._prefix, httponly=True, samesite="lax", secure=secure)


async def preflight(_request: Request) -> Response:
    """The browser asks whether a page may ask."""
    return Response(status_code=204, headers=FROM_A_PAGE)


def _origin(request: Request) -> str:
    scheme = request.headers.get("x-forwarded-proto", request.url.scheme).split(",")[0].strip()
    return f"{scheme}://{request.headers.get('host', '')}"


def _private(policy: str) -> dict[str, str]:
    return {"Content-Security-Policy": policy, "Cache-Control": "no-store", "Referrer-Policy": "no-referrer"}


def _said(sentence: str, status: int) -> Response:
    return HTMLResponse(
        f"<!doctype html><meta charset=utf-8><title>Organisms</title><p>{html.escape(sentence)}</p>",
        status_code=status,
        headers=_private("default-src 'none'"),
    )


@cache
def _html(name: str, title: str) -> str:
    """The page, but for what is another for each person who opens it."""
    page = _file("page.html").replace("TITLE", title).replace("<!-- MAIN -->", _file(f"{name}.html"))
    page = page.replace("/* STYLE */", _file("page.css") + _file(f"{name}.css"))
    return page.replace("// SCRIPT", "'use strict';\n" + _file("page.js") + _file(f"{name}.js"))


def _file(name: str) -> str:
    """What it holds; nothing where there is none."""
    file = files(__package__).joinpath(name)
    return file.read_text("utf-8") if file.is_file() else ""
