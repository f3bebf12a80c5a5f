"""What a failed request to the Messages API means: another attempt, a shorter conversation, or the end."""

from __future__ import annotations

import re
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from email.utils import parsedate_to_datetime

import anthropic
from httpx2 import TransportError

from ..errors import ProviderError
from ..models.usage import Usage
from .provider import ContextTooLong, Unavailable

FAILURES = (anthropic.AnthropicError, TransportError)
"""What a request can raise that is answered here; the SDK does not wrap what breaks inside a stream."""

_TRANSIENT_TYPES = {
    "overloaded_error": "{who} is overloaded",
    "rate_limit_error": "{who}'s rate limit is reached",
    "api_error": "{who} had an internal error",
    "timeout_error": "{who} took too long",
}
_TRANSIENT_STATUSES = {
    408: "{who} took too long",
    409: "{who} reported a conflict",
    429: "{who}'s rate limit is reached",
    529: "{who} is overloaded",
}
_TOO_LONG = re.compile(
    r"prompt is too long|input is too long|exceeds? (the |your )?(maximum )?context|context (length|limit|window)", re.I
)
_NO_CREDIT = re.compile(r"credit balance|usage limits", re.I)
# After the tier's monthly cap the API answers 429 until the month ends, and names no time to wait.
_SPENT = "enforced_spend_limit_reached"
_KEY_LIKE = re.compile(r"sk-[A-Za-z0-9_-]{6,}|(?i:bearer\s+\S+)|\bA(?:KIA|SIA)[A-Z0-9]{12,}")


class StreamCutOff(anthropic.AnthropicError):
    """The stream ended without its last event."""


class EndlessReply(anthropic.AnthropicError):
    """The reply did not end in the time that one may take."""

    def __init__(self, limit_s: float) -> None:
        super().__init__("a reply that does not end")
        self.limit_s = limit_s


@dataclass(frozen=True, kw_only=True)
class Asked:
    """What was asked of whom, for sentences about how it failed."""

    model: str
    who: str = "Anthropic"
    """Who serves it."""
    key_hint: str = "check ANTHROPIC_API_KEY"
    """What to do about a key that was not accepted."""


def explained(
    failure: Exception, asked: Asked, *, usage: Usage | None = None, cost_usd: float | None = 0.0
) -> ProviderError:
    """``failure`` as the error to raise in its place.

    Args:
        failure: One of :data:`FAILURES`.
        asked: What was asked of whom.
        usage: What the attempt used up before it failed.
        cost_usd: What that cost.
    """
    reason = _transient(failure)
    if reason is None:
        return _final(failure, asked)
    return Unavailable(
        reason.format(who=asked.who),
        hint_s=_hint_s(_headers(failure)),
        spent_s=failure.limit_s if isinstance(failure, EndlessReply) else 0.0,
        unreachable=isinstance(failure, anthropic.APIConnectionError),
        usage=usage,
        cost_usd=cost_usd,
    )


def _headers(failure: Exception) -> Mapping[str, str]:
    return failure.response.headers if isinstance(failure, anthropic.APIStatusError) else {}


def _transient(failure: Exception) -> str | None:
    if isinstance(failure, anthropic.APITimeoutError):
        return "{who} did not answer in time"
    if isinstance(failure, anthropic.APIConnectionError):
        return "{who} cannot be reached"
    if isinstance(failure, EndlessReply):
        return f"{{who}} sent a reply that did not end within {failure.limit_s / 60:.0f} minutes"
    if isinstance(failure, (StreamCutOff, TransportError)):
        return "The connection to {who} broke off"
    return _transient_status(failure) if isinstance(failure, anthropic.APIStatusError) else None


def _transient_status(failure: anthropic.APIStatusError) -> str | None:
    if failure.response.headers.get("x-should-retry") == "false" or failure.error_code == _SPENT:
        return None
    # An error event inside a stream comes with the stream's status, 200: there only its type tells.
    if failure.status_code < 300:
        return _TRANSIENT_TYPES.get(failure.type or "")
    if failure.status_code in _TRANSIENT_STATUSES:
        return _TRANSIENT_STATUSES[failure.status_code]
    return f"{{who}} had an internal error ({failure.status_code})" if failure.status_code >= 500 else None


def _final(failure: Exception, asked: Asked) -> ProviderError:
    if not isinstance(failure, anthropic.AnthropicError):
        # What a cloud's own library says may hold part of a credential.
        return ProviderError(f"{asked.who} could not be asked ({type(failure).__name__}): {asked.key_hint}.")
    if not isinstance(failure, anthropic.APIStatusError):
        return ProviderError(f"{asked.who}'s answer could not be read ({type(failure).__name__}).")
    said = _one_line(failure.api_message)
    if failure.status_code == 413 or (failure.status_code == 400 and _TOO_LONG.search(said)):
        return ContextTooLong("The conversation no longer fits into one request.")
    return ProviderError(_sentence(failure, asked, said))


def _sentence(failure: anthropic.APIStatusError, asked: Asked, said: str) -> str:
    if failure.status_code == 402 or failure.error_code == _SPENT or _NO_CREDIT.search(said):
        return f"{asked.who} refused the request for want of credit; resume the run once there is some: {said}"
    match failure.status_code:
        case 401:
            return f"{asked.who} did not accept the key: {asked.key_hint}."
        case 403:
            return f"This key may not use {asked.model}: {said}"
        case 404:
            return f"{asked.who} does not know the model {asked.model!r}: {said}"
    return f"{asked.who} refused the request: {said}"


def _one_line(text: str | None) -> str:
    line = _KEY_LIKE.sub("…", " ".join((text or "no reason given").split()))[:300]
    return line if line.endswith(".") else f"{line}."


def _hint_s(headers: Mapping[str, str]) -> float | None:
    milliseconds = _number(headers.get("retry-after-ms"))
    if milliseconds is not None:
        return max(0.0, milliseconds / 1000)
    text = headers.get("retry-after")
    seconds = _number(text)
    if seconds is None and text:
        with suppress(ValueError):
            seconds = parsedate_to_datetime(text).timestamp() - time.time()
    return None if seconds is None else max(0.0, seconds)


def _number(text: str | None) -> float | None:
    with suppress(TypeError, ValueError):
        return float(text or "")
    return None
