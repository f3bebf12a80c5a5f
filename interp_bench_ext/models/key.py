"""The credentials for Claude, and the environment variables that hold them."""

from __future__ import annotations

import os
from collections.abc import MutableMapping
from typing import NoReturn

from ..config import Platform
from ..errors import BadInput
from .key_variables import KEY_VARIABLE, KEY_VARIABLES

_NO_KEY = "none"
"""What a server is told that needs no key; the SDK sends nothing without one."""


class Key:
    """The credentials for Claude: they print as nothing, are not pickled, and have left the environment once held."""

    __slots__ = ("_api_key", "_auth_token", "_bedrock_token", "_of_person")

    def __init__(
        self,
        *,
        api_key: str | None = None,
        auth_token: str | None = None,
        bedrock_token: str | None = None,
        of_person: bool = False,
    ) -> None:
        if not (api_key or auth_token or bedrock_token):
            raise BadInput(f"A key is empty: set {KEY_VARIABLE}.")
        self._api_key, self._auth_token, self._bedrock_token = api_key, auth_token, bedrock_token
        self._of_person = of_person

    @classmethod
    def from_environment(cls, environ: MutableMapping[str, str] = os.environ, *, of_person: bool = True) -> Key | None:
        """The credentials in ``environ``, taken out of it; None where there are none.

        No process started afterwards inherits them, so whoever takes them keeps them for as long as they are needed.
        What AWS and Google keep for all their services stays where it is; no kernel of a run inherits it.

        Args:
            environ: Where they are.
            of_person: Whether they are the person's own, and not an administrator's for Interp Bench alone.
        """
        api_key, auth_token, bedrock_token = (environ.pop(name, "").strip() or None for name in KEY_VARIABLES)
        if not (api_key or auth_token or bedrock_token):
            return None
        return cls(api_key=api_key, auth_token=auth_token, bedrock_token=bedrock_token, of_person=of_person)

    def __repr__(self) -> str:
        return "Key(…)"

    def __reduce__(self) -> NoReturn:
        raise TypeError("a key is not pickled")

    @property
    def of_person(self) -> dict[str, str]:
        """The person's own credentials by the variables that they were in, for a program of theirs that reads them."""
        values = zip(KEY_VARIABLES, (self._api_key, self._auth_token, self._bedrock_token), strict=True)
        return {name: value for name, value in values if value} if self._of_person else {}

    @property
    def has_gateways_token(self) -> bool:
        """Whether there is one for an address that a config names."""
        return self._auth_token is not None

    def of(self, platform: Platform) -> dict[str, str]:
        """Arguments for the SDK's client of ``platform``; empty where this key is none for it."""
        given = {
            "anthropic": {"api_key": self._api_key, "auth_token": None if self._api_key else self._auth_token},
            "bedrock": {"api_key": self._bedrock_token},
            "vertex": {"access_token": self._auth_token},
        }[platform]
        return {name: value for name, value in given.items() if value}

    def of_gateway(self, platform: Platform) -> dict[str, str]:
        """The same for an address that a config names: it gets the token for gateways, never another credential."""
        return _as_token(platform, self._auth_token or _NO_KEY)


def no_key(platform: Platform) -> dict[str, str]:
    """Arguments for the SDK's client of ``platform`` where there is no key and none is needed."""
    return _as_token(platform, _NO_KEY)


def _as_token(platform: Platform, token: str) -> dict[str, str]:
    return {{"anthropic": "auth_token", "bedrock": "api_key", "vertex": "access_token"}[platform]: token}
