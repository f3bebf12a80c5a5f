"""Where Claude is served from, and with which key: Anthropic, Amazon Bedrock, Google Cloud, or a gateway."""

from __future__ import annotations

import importlib.util
import json
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

import anthropic

from ..addresses import messages_root
from ..config import Platform
from ..errors import BadInput
from ..models.key import Key, no_key
from ..models.key_variables import BEDROCK_VARIABLE, KEY_VARIABLE, TOKEN_VARIABLE

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
ADDRESS_VARIABLE = "ANTHROPIC_BASE_URL"
_MESSAGES: ContextVar[Sequence[str] | None] = ContextVar("messages of the request under way", default=None)


def gateway_hint(key: Key | None) -> str:
    """What to do where an address of a config does not accept the key."""
    if key is not None and key.has_gateways_token:
        return f"check {TOKEN_VARIABLE}"
    return f"none was sent; set {TOKEN_VARIABLE} to the one that it wants ({KEY_VARIABLE} is for Anthropic only)"


@contextmanager
def sending(messages: Sequence[str]) -> Iterator[None]:
    """A request that is made in this block sends ``messages``, the JSON of each, in place of its own.

    The SDK copies its arguments block by block, and writes them out: thousands at each step of a long run, of which a
    few are new.
    """
    token = _MESSAGES.set(messages)
    try:
        yield
    finally:
        _MESSAGES.reset(token)


def as_json(value: Any) -> str:
    """As a request holds it. Raises ValueError where it holds a number that JSON has none for."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False)


class _Sending:
    """Puts the messages of :func:`sending` into a request that is otherwise prepared."""

    async def _prepare_options(self, options: Any) -> Any:
        prepared = await super()._prepare_options(options)  # type: ignore[misc]
        messages = _MESSAGES.get()
        if messages is not None:
            rest = as_json({name: value for name, value in prepared.json_data.items() if name != "messages"})
            prepared.content = f'{rest[:-1]},"messages":[{",".join(messages)}]}}'.encode()
            prepared.json_data = None
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
        credentials = key.of_gateway(platform) if key else no_key(platform)
    else:
        credentials = key.of(platform) if key else {}
    if platform == "anthropic" and not credentials:
        raise BadInput(f"Claude needs a key: set {KEY_VARIABLE}, or run with --agent playbook.")
    named = base_url or (os.environ.get(ADDRESS_VARIABLE) if platform == "anthropic" else None)
    address = messages_root(named) if named else None
    try:
        client = _CLIENTS[platform](
            **credentials, base_url=address, max_retries=0, timeout=_TIMEOUT, open_telemetry=False
        )
    except ValueError:
        # The only argument that the SDK's clients miss.
        raise BadInput(f"agent.platform: {platform} needs a region: set {_REGIONS[platform]}") from None
    if isinstance(client, anthropic.AsyncAnthropicVertex) and not client.project_id:
        raise BadInput("agent.platform: vertex needs a project: set ANTHROPIC_VERTEX_PROJECT_ID")
    return client


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
