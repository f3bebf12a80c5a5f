"""How users of a JupyterHub ask, by its addresses and with a browser."""

from __future__ import annotations

from urllib.parse import urlsplit

import httpx2

from tests.hub.hub import PASSWORD, Hub

GROUP = "other users of the Hub"
Tokens = dict[str, str]
READS = (
    "/organisms",
    "/metrics",
    "/admin/state",
    "/scores/state",
    "/scores/course.csv",
    "/organism/health",
    "/organism/techniques",
)


def opened(replies: list[httpx2.Response]) -> list[str]:
    """Addresses that let somebody in."""
    return [reply.url.path for reply in replies if reply.status_code < 400]


def everywhere(hub: Hub, token: str | None, **given: object) -> list[httpx2.Response]:
    """One request to each address that is behind a token."""
    asked = {"organism": "quartz", "digest": "00" * 32, "caller": "x", "access": "base"}
    reads = [hub.ask("GET", path, token, **given) for path in READS]
    posts = {"/tickets": asked, "/organisms/quartz/start": {}, "/organism/calls": {}, "/admin/stop": {"user": "alice"}}
    return reads + [hub.ask("POST", path, token, json=body, **given) for path, body in posts.items()]


class browser:  # noqa: N801 - reads as what it is
    """One that has logged in at the Hub."""

    def __init__(self, hub: Hub, user: str) -> None:
        self._hub, self._user = hub, user
        self._client = httpx2.Client(timeout=60)

    def __enter__(self) -> httpx2.Client:
        login = f"{self._hub.url}hub/login"
        self._client.get(login)
        form = {
            "username": self._user,
            "password": PASSWORD,
            "_xsrf": self._client.cookies.get("_xsrf", path=self._xsrf()),
        }
        reply = self._client.post(login, data=form)
        assert reply.status_code == 302, reply.text[:500]
        return self._client

    def __exit__(self, *_: object) -> None:
        self._client.close()

    def _xsrf(self) -> str:
        return urlsplit(self._hub.url).path + "hub/"
