"""When a failed request to the Messages API is worth sending again, and how long to wait first."""

from __future__ import annotations

import random
import re
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from email.utils import parsedate_to_datetime

import anthropic
from httpx2 import TransportError

from ..errors import ProviderError

FAILURES = (anthropic.APIError, TransportError)
"""What a request can raise that is answered here; the SDK does not wrap what breaks inside a stream."""

_TRANSIENT_TYPES = {
    "overloaded_error": "Anthropic is overloaded",
    "rate_limit_error": "Anthropic's rate limit is reached",
    "api_error": "Anthropic had an internal error",
    "timeout_error": "Anthropic took too long",
}
_TRANSIENT_STATUSES = {
    408: "Anthropic took too long",
    409: "Anthropic reported a conflict",
    429: "Anthropic's rate limit is reached",
    529: "Anthropic is overloaded",
}
_KEY_LIKE = re.compile(r"sk-[A-Za-z0-9_-]{6,}")


class StreamCutOff(anthropic.AnthropicError):
    """The stream ended without its last event."""


@dataclass(frozen=True, kw_only=True)
class RetryPolicy:
    """Exponential back-off with jitter: about ``first_s``, twice that, and so on up to ``longest_s``."""

    attempts: int = 8
    first_s: float = 1.0
    longest_s: float = 60.0
    longest_hint_s: float = 900.0
    """A server that asks for a longer wait than this ends the run."""

    def wait_s(self, attempt: int, hint_s: float | None, *, draw: float) -> float:
        """Seconds before attempt number ``attempt`` + 1; ``draw`` in [0, 1) is the jitter.

        A server's hint is a minimum: jitter only adds to it, so that many runs do not come back at once.
        """
        if hint_s is not None:
            return hint_s + draw * min(self.first_s, hint_s)
        full: float = min(self.longest_s, self.first_s * 2 ** (attempt - 1))
        return full * (0.5 + draw / 2)


def next_wait(failure: Exception, *, attempt: int, policy: RetryPolicy, model: str) -> tuple[str, float]:
    """Why and for how long to wait before trying again.

    Raises:
        ProviderError: Another attempt would not help, or there have been enough.
    """
    reason = _transient(failure)
    if reason is None:
        raise ProviderError(_final(failure, model)) from failure
    if attempt >= policy.attempts:
        raise ProviderError(f"{reason}, and {attempt} attempts did not get through.") from failure
    hint_s = _hint_s(_headers(failure))
    if hint_s is not None and hint_s > policy.longest_hint_s:
        asked = f"{hint_s / 60:.0f} minutes"
        raise ProviderError(f"{reason} and asks to wait {asked}: resume the run then.") from failure
    return reason, policy.wait_s(attempt, hint_s, draw=random.random())


def _headers(failure: Exception) -> Mapping[str, str]:
    return failure.response.headers if isinstance(failure, anthropic.APIStatusError) else {}


def _transient(failure: Exception) -> str | None:
    if isinstance(failure, anthropic.APITimeoutError):
        return "Anthropic did not answer in time"
    if isinstance(failure, anthropic.APIConnectionError):
        return "Anthropic cannot be reached"
    if isinstance(failure, (StreamCutOff, TransportError)):
        return "The connection to Anthropic broke off"
    if not isinstance(failure, anthropic.APIStatusError):
        return None
    if failure.response.headers.get("x-should-retry") == "false":
        return None
    # An error event inside a stream comes with the stream's status, 200: there only its type tells.
    if failure.status_code < 300:
        return _TRANSIENT_TYPES.get(failure.type or "")
    if failure.status_code in _TRANSIENT_STATUSES:
        return _TRANSIENT_STATUSES[failure.status_code]
    return f"Anthropic had an internal error ({failure.status_code})" if failure.status_code >= 500 else None


def _final(failure: Exception, model: str) -> str:
    if not isinstance(failure, anthropic.APIStatusError):
        return "Anthropic's answer could not be read."
    said = _one_line(failure.api_message)
    match failure.status_code:
        case 401:
            return "Anthropic did not accept the key: check ANTHROPIC_API_KEY."
        case 402:
            return f"Anthropic's billing refused the request: {said}"
        case 403:
            return f"This key may not use {model}: {said}"
        case 404:
            return f"Anthropic does not know the model {model!r}: {said}"
        case 413:
            return "The conversation is too large for one request."
    return f"Anthropic refused the request: {said}"


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
