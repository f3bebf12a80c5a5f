"""Browsers of administrators and instructors: they log in at the Hub, and get a page with a token of its own.

All servers of a Hub often share one origin, so that a page of another user's server may send requests in an
administrator's name. Here a cookie opens nothing but the page itself, and that only when a person navigates to it; the
page is shown in an origin of its own (a sandbox), so no other page can read the token that it was given.
"""

from __future__ import annotations

import hmac
import secrets
import time
from dataclasses import dataclass, field
from urllib.parse import urlencode

from jupyterhub import version_info
from jupyterhub.services.auth import HubOAuth

_PAGE_S = 8 * 3600.0
_LOGIN_S = 600.0
_HAS_PKCE = version_info >= (6,)
"""JupyterHub 5 knows no proof key (RFC 7636): a login rests on the service's own secret and the state there."""
_MOST = 1000
"""Logins that are begun, and sessions, at once; the oldest give way."""


@dataclass(frozen=True)
class Session:
    """One browser that has logged in."""

    hub_token: str
    page_token: str = field(default_factory=lambda: secrets.token_urlsafe(32))
    until: float = field(default_factory=lambda: time.monotonic() + _PAGE_S)


@dataclass(frozen=True)
class _Login:
    """One that is begun."""

    proof: dict[str, str]
    """What shows, beside the code, that it was begun here."""
    page: str
    until: float = field(default_factory=lambda: time.monotonic() + _LOGIN_S)


class Sessions:
    """Those of this process; after a restart everybody logs in again, which takes the Hub no question."""

    def __init__(self) -> None:
        self._auth = HubOAuth()
        self._auth.api_token  # noqa: B018 - read from the environment while it is there
        self._logins: dict[str, _Login] = {}
        self._sessions: dict[str, Session] = {}

    def begin(self, page: str) -> tuple[str, str]:
        """Where the browser goes to log in, and the state that it must come back with; ``page`` is shown after that."""
        state = secrets.token_urlsafe(24)
        proof, challenge = self._proof()
        _trim(self._logins)
        self._logins[state] = _Login(proof, page)
        asked = {
            "client_id": self._auth.oauth_client_id,
            "redirect_uri": self._auth.oauth_redirect_uri,
            "response_type": "code",
            "state": state,
            **challenge,
        }
        return f"{self._auth.oauth_authorization_url}?{urlencode(asked)}", state

    async def finish(self, *, code: str, state: str, expected: str) -> tuple[str, str] | None:
        """The name of a new session, and the page to show; None for a login that was not begun by this browser."""
        login = self._logins.pop(state, None)
        if login is None or not hmac.compare_digest(state, expected) or time.monotonic() > login.until:
            return None
        token = await self._auth.token_for_code(code, sync=False, **login.proof)
        _trim(self._sessions)
        name = secrets.token_urlsafe(32)
        self._sessions[name] = Session(token)
        return name, login.page

    def _proof(self) -> tuple[dict[str, str], dict[str, str]]:
        """What the login is ended with, and what of it the Hub is told as it begins."""
        if not _HAS_PKCE:
            return {}, {}
        verifier, challenge, method = self._auth.generate_pkce_code_challenge()
        return {"code_verifier": verifier}, {"code_challenge": challenge, "code_challenge_method": method}

    def of_cookie(self, name: str) -> Session | None:
        """The browser's session."""
        return _good(self._sessions.get(name))

    def of_page(self, authorization: str) -> Session | None:
        """That whose page sends this header."""
        token = authorization.removeprefix("Bearer ").encode()
        for session in self._sessions.values():
            if hmac.compare_digest(session.page_token.encode(), token):
                return _good(session)
        return None


def _good(session: Session | None) -> Session | None:
    return session if session is not None and time.monotonic() < session.until else None


def _trim(entries: dict[str, _Login] | dict[str, Session]) -> None:
    while len(entries) >= _MOST:
        entries.pop(next(iter(entries)))
