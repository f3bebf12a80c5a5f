"""Browsers of administrators and instructors: they log in at the Hub, and get a page with a token of its own.

All servers of a Hub often share one origin, so that a page of another user's server may send requests in an
administrator's name. Here a cookie opens nothing but the page itself, and that only when a person navigates to it; the
page is shown in an origin of its own (a sandbox), so no other page can read the token that it was given.
"""

from __future__ import annotations

import base64
import hashlib
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
_MOST_OF_ONE = 8
"""Sessions of one person at once; their oldest gives way."""


@dataclass(frozen=True)
class Session:
    """One browser that has logged in."""

    user: str
    hub_token: str
    page_token: str = field(default_factory=lambda: secrets.token_urlsafe(32))
    until: float = field(default_factory=lambda: time.monotonic() + _PAGE_S)


class Sessions:
    """Those of this process; after a restart everybody logs in again, which takes the Hub no question.

    Of a login that is begun nothing is kept: what must be known of it lies, signed, in the state with which the browser
    comes back. So nobody can begin so many that another's is forgotten.
    """

    def __init__(self) -> None:
        self._auth = HubOAuth()
        self._auth.api_token  # noqa: B018 - read from the environment while it is there
        self._key = secrets.token_bytes(32)
        self._sessions: dict[str, Session] = {}

    def begin(self, page: str) -> tuple[str, str]:
        """Where the browser goes to log in, and the state that it must come back with; ``page`` is shown after that."""
        said = f"{secrets.token_urlsafe(24)}.{int(time.time() + _LOGIN_S)}.{page}"
        state = f"{said}.{self._signed(said)}"
        asked = {
            "client_id": self._auth.oauth_client_id,
            "redirect_uri": self._auth.oauth_redirect_uri,
            "response_type": "code",
            "state": state,
            **self._challenge(state),
        }
        return f"{self._auth.oauth_authorization_url}?{urlencode(asked)}", state

    async def finish(self, *, code: str, state: str, expected: str) -> tuple[str, str] | None:
        """The name of a new session, and the page to show; None for a login that was not begun by this browser."""
        said, _, signature = state.rpartition(".")
        if not _same(state, expected) or not _same(signature, self._signed(said)):
            return None
        _nonce, until, page = said.split(".", 2)
        if time.time() > int(until):
            return None
        proof = {"code_verifier": self._verifier(state)} if _HAS_PKCE else {}
        token = await self._auth.token_for_code(code, sync=False, **proof)
        known = await self._auth.user_for_token(token, sync=False)
        if known is None:
            return None
        name = secrets.token_urlsafe(32)
        self._keep(name, Session(str(known["name"]), token))
        return name, page

    def _keep(self, name: str, session: Session) -> None:
        now = time.monotonic()
        self._sessions = {key: one for key, one in self._sessions.items() if now < one.until}
        own = [key for key, one in self._sessions.items() if one.user == session.user]
        for key in own[: max(0, len(own) + 1 - _MOST_OF_ONE)]:
            del self._sessions[key]
        self._sessions[name] = session

    def _signed(self, said: str) -> str:
        return hmac.new(self._key, said.encode(), "sha256").hexdigest()

    def _verifier(self, state: str) -> str:
        """Shows, beside the code, that the login was begun here."""
        return _base64(hmac.digest(self._key, f"verifier {state}".encode(), "sha256"))

    def _challenge(self, state: str) -> dict[str, str]:
        """What of the verifier the Hub is told as the login begins."""
        if not _HAS_PKCE:
            return {}
        challenge = _base64(hashlib.sha256(self._verifier(state).encode()).digest())
        return {"code_challenge": challenge, "code_challenge_method": "S256"}

    def of_cookie(self, name: str) -> Session | None:
        """The browser's session."""
        return _good(self._sessions.get(name))

    def end(self, name: str) -> None:
        """The browser logs in anew when it comes again."""
        self._sessions.pop(name, None)

    def of_page(self, authorization: str) -> Session | None:
        """That whose page sends this header."""
        token = authorization.removeprefix("Bearer ")
        for session in self._sessions.values():
            if _same(session.page_token, token):
                return _good(session)
        return None


def _good(session: Session | None) -> Session | None:
    return session if session is not None and time.monotonic() < session.until else None


def _same(one: str, other: str) -> bool:
    return hmac.compare_digest(one.encode(), other.encode())


def _base64(value: bytes) -> str:
    return base64.urlsafe_b64encode(value).rstrip(b"=").decode()
