"""Who asks: the Hub is told a token, and says whose it is, in which groups they are, and what the token may do."""

from __future__ import annotations

import math
import time
from typing import Any

from jupyterhub.services.auth import HubAuth
from tornado.web import HTTPError

from ..errors import InterpBenchError
from .people import Person
from .settings import ADMIN_SCOPE

_CACHED_S = 60
"""How long a verdict counts: so long may a token open something after it was revoked."""


class Unauthorized(InterpBenchError):
    """No token, one that the Hub does not know, or one that may not use this service."""

    code = "unauthorized"


class HubAway(InterpBenchError):
    """Nobody can say now whose a token is."""

    code = "hub_away"


class Identity:
    """Asks the Hub, by the address and scopes that it has put into this service's environment."""

    def __init__(self, auth: HubAuth | None = None) -> None:
        self._auth = auth or HubAuth(cache_max_age=_CACHED_S)
        self._auth.api_token  # noqa: B018 - read from the environment while it is there
        self.away_at = -math.inf
        """When the Hub last did not answer, on the monotonic clock."""

    async def of(self, authorization: str) -> Person:
        """Whose the header's token is. Nothing else of a request is looked at: no cookie, no query.

        Raises Unauthorized.
        """
        found = await self._asked(authorization)
        if found.get("kind") != "user":
            raise Unauthorized("a service of the Hub has no use for organisms; take a person's token")
        return _person(found)

    async def check_admin(self, authorization: str) -> None:
        """Raises Unauthorized unless the token, a person's or a service's, has the scope of administrators."""
        if ADMIN_SCOPE not in (await self._asked(authorization)).get("scopes", ()):
            raise Unauthorized(f"this is for administrators, who have the scope {ADMIN_SCOPE}")

    async def _asked(self, authorization: str) -> dict[str, Any]:
        scheme, _, token = authorization.partition(" ")
        if scheme.lower() not in ("bearer", "token") or not token.strip():
            raise Unauthorized("give the Hub's token in the header Authorization: Bearer <token>")
        try:
            found: dict[str, Any] | None = await self._auth.user_for_token(token.strip(), sync=False)
        except HTTPError:
            self.away_at = time.monotonic()
            raise HubAway("the Hub does not answer; try again in a moment") from None
        if found is None or not self._auth.check_scopes(self._auth.access_scopes, found):
            raise Unauthorized("the Hub does not know this token, or it may not use this service")
        return found


def _person(found: dict[str, Any]) -> Person:
    return Person(
        name=str(found["name"]),
        groups=frozenset(map(str, found.get("groups", ()))),
        admin=ADMIN_SCOPE in found.get("scopes", ()),
    )
