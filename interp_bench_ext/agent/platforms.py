"""Where Claude is served from, and with which key: Anthropic, Amazon Bedrock, Google Cloud, or a gateway."""

from __future__ import annotations

import importlib.util
import os
from collections.abc import Callable, Iterator, MutableMapping
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, NoReturn

import anthropic

from ..config import Platform
from ..errors import BadInput

KEY_VARIABLE = "ANTHROPIC_API_KEY"
TOKEN_VARIABLE = "ANTHROPIC_AUTH_TOKEN"  # noqa: S105 - the variable's name
BEDROCK_VARIABLE = "AWS_BEARER_TOKEN_BEDROCK"

Client = anthropic.AsyncAnthropic | anthropic.AsyncAnthropicBedrock | anthropic.AsyncAnthropicVertex

SERVED_BY: dict[Platform, str] = {
    "anthropic": "Anthropic",
    "bedrock": "Amazon Bedrock",
    "vertex": "Google Cloud",
}
KEY_HINTS: dict[Platform, str] = {
    "anthropic": f"check {KEY_VARIABLE}",
    "bedrock": f"check {BEDROCK_VARIABLE}, or the AWS credentials of this account",
    "vertex": "run `gcloud auth application-default login`, or check GOOGLE_APPLICATION_CREDENTIALS",
}
_MESSAGES: ContextVar[list[dict[str, Any]] | None] = ContextVar("messages of the request under way", default=None)


@contextmanager
def sending(messages: list[dict[str, Any]]) -> Iterator[None]:
    """A request that is made in this block sends ``messages`` in place of its own.

    The SDK copies its arguments block by block: thousands at each step of a long run, for longer than all else that
    such a step costs.
    """
    token = _MESSAGES.set(messages)
    try:
        yield
    finally:
        _MESSAGES.reset(token)


class _Sending:
    """Puts the messages of :func:`sending` into a request that is otherwise prepared."""

    async def _prepare_options(self, options: Any) -> Any:
        prepared = await super()._prepare_options(options)  # type: ignore[misc]
        messages = _MESSAGES.get()
        if messages is not None:
            prepared.json_data = {**prepared.json_data, "messages": messages}
        return prepared


class _Anthropic(_Sending, anthropic.AsyncAnthropic):
    pass


class _Bedrock(_Sending, anthropic.AsyncAnthropicBedrock):
    pass


class _Vertex(_Sending, anthropic.AsyncAnthropicVertex):
    pass


_CLIENTS: dict[Platform, Callable[..., Client]] = {"anthropic": _Anthropic, "bedrock": _Bedrock, "vertex": _Vertex}
_REGIONS: dict[Platform, str] = {
    "bedrock": "AWS_REGION, such as us-east-1",
    "vertex": "CLOUD_ML_REGION, such as global",
}
_NEEDS: dict[Platform, str] = {"bedrock": "botocore", "vertex": "google.auth"}
# Pings arrive every few seconds, so a stream that is silent for three minutes is dead.
_TIMEOUT = anthropic.Timeout(connect=15, read=180, write=60, pool=60)
_NO_KEY = "none"
"""What a server is told that needs no key; the SDK sends nothing without one."""


class Key:
    """The credentials for Claude: they print as nothing, are not pickled, and have left the environment once held."""

    __slots__ = ("_api_key", "_auth_token", "_bedrock_token")

    def __init__(
        self, *, api_key: str | None = None, auth_token: str | None = None, bedrock_token: str | None = None
    ) -> None:
        if not (api_key or auth_token or bedrock_token):
            raise BadInput(f"A key is empty: set {KEY_VARIABLE}.")
        self._api_key, self._auth_token, self._bedrock_token = api_key, auth_token, bedrock_token

    @classmethod
    def from_environment(cls, environ: MutableMapping[str, str] = os.environ) -> Key | None:
        """The credentials in ``environ``, taken out of it; None where there are none.

        No process started afterwards inherits them, so whoever takes them keeps them for as long as they are needed.
        What AWS and Google keep for all their services stays where it is; no kernel of a run inherits it.
        """
        api_key, auth_token, bedrock_token = (
            environ.pop(name, "").strip() or None for name in (KEY_VARIABLE, TOKEN_VARIABLE, BEDROCK_VARIABLE)
        )
        if not (api_key or auth_token or bedrock_token):
            return None
        return cls(api_key=api_key, auth_token=auth_token, bedrock_token=bedrock_token)

    def __repr__(self) -> str:
        return "Key(…)"

    def __reduce__(self) -> NoReturn:
        raise TypeError("a key is not pickled")

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


def make_client(platform: Platform, *, key: Key | None, base_url: str | None) -> Client:
    """An SDK client, without the SDK's own retries: those would be invisible.

    Args:
        platform: Who serves the model.
        key: Without one, Bedrock and Vertex look for the credentials that AWS and Google keep.
        base_url: A gateway or a local server, which may need no key.

    Raises:
        BadInput: A key, a region, a project or a package is missing.
    """
    needed = _NEEDS.get(platform)
    if needed and not _installed(needed):
        raise BadInput(
            f"agent.platform: {platform} needs {needed}, which is not installed here;"
            f" pip install 'interp_bench_ext[{platform}]'"
        )
    if base_url is not None:
        credentials = key.of_gateway(platform) if key else _as_token(platform, _NO_KEY)
    else:
        credentials = key.of(platform) if key else {}
    if platform == "anthropic" and not credentials:
        raise BadInput(f"Claude needs a key: set {KEY_VARIABLE}, or run with --agent playbook.")
    try:
        client = _CLIENTS[platform](
            **credentials, base_url=base_url, max_retries=0, timeout=_TIMEOUT, open_telemetry=False
        )
    except ValueError:
        # The only argument that the SDK's clients miss.
        raise BadInput(f"agent.platform: {platform} needs a region: set {_REGIONS[platform]}") from None
    if isinstance(client, anthropic.AsyncAnthropicVertex) and not client.project_id:
        raise BadInput("agent.platform: vertex needs a project: set ANTHROPIC_VERTEX_PROJECT_ID")
    return client


def _as_token(platform: Platform, token: str) -> dict[str, str]:
    return {{"anthropic": "auth_token", "bedrock": "api_key", "vertex": "access_token"}[platform]: token}


def _installed(module: str) -> bool:
    try:
        return importlib.util.find_spec(module) is not None
    except ModuleNotFoundError:
        return False


def credential_errors(platform: Platform) -> tuple[type[Exception], ...]:
    """What the libraries behind ``platform`` raise when a request cannot be signed."""
    match platform:
        case "bedrock":
            from botocore.exceptions import BotoCoreError

            # The SDK raises a RuntimeError where there are no credentials at all.
            return (BotoCoreError, RuntimeError)
        case "vertex":
            from google.auth.exceptions import GoogleAuthError

            return (GoogleAuthError, RuntimeError)
    return ()
