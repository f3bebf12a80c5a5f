"""What a failed request to the Messages API means: another attempt, a shorter conversation, or the end."""

from __future__ import annotations

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
from .server_said import Said

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
_DECLINED = (200, 400, 405, 422, 501)
"""Statuses of a request that the server understands otherwise, or not at all; 200: it said so within a stream."""
# After the tier's monthly cap the API answers 429 until the month ends, and names no time to wait.
_SPENT = "enforced_spend_limit_reached"


class StreamCutOff(anthropic.AnthropicError):
    """The stream ended without its last event."""


class EndlessReply(anthropic.AnthropicError):
    """The reply did not end in the time that one may take."""

    def __init__(self, limit_s: float) -> None:
        super().__init__("a reply that does not end")
        self.limit_s = limit_s


class Declined(ProviderError):
    """The server refused what was asked for, or how; asked otherwise, it may answer."""


@dataclass(frozen=True, kw_only=True)
class Asked:
    """What was asked of whom, for sentences about how it failed."""

    model: str
    who: str = "Anthropic"
    """Who serves it."""
    key_hint: str = "check ANTHROPIC_API_KEY"
    """What to do about a key that was not accepted."""

    @property
    def subject(self) -> str:
        """``who`` at the beginning of a sentence."""
        return _begun(self.who)


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
    said = Said.by(failure) if isinstance(failure, anthropic.APIStatusError) else Said()
    reason = _transient(failure, said)
    if reason is None:
        return _final(failure, asked, said)
    return Unavailable(
        _begun(reason.format(who=asked.who)) + (f" (it says: {said.sentence})" if said.sentence else ""),
        hint_s=_hint_s(_headers(failure)),
        spent_s=failure.limit_s if isinstance(failure, EndlessReply) else 0.0,
        unreachable=isinstance(failure, anthropic.APIConnectionError),
        usage=usage,
        cost_usd=cost_usd,
    )


def _headers(failure: Exception) -> Mapping[str, str]:
    return failure.response.headers if isinstance(failure, anthropic.APIStatusError) else {}


def _transient(failure: Exception, said: Said) -> str | None:
    if isinstance(failure, anthropic.APITimeoutError):
        return "{who} did not answer in time"
    if isinstance(failure, anthropic.APIConnectionError):
        return "{who} cannot be reached"
    if isinstance(failure, EndlessReply):
        return f"{{who}} sent a reply that did not end within {failure.limit_s / 60:.0f} minutes"
    if isinstance(failure, (StreamCutOff, TransportError)):
        return "The connection to {who} broke off"
    return _transient_status(failure, said) if isinstance(failure, anthropic.APIStatusError) else None


def _transient_status(failure: anthropic.APIStatusError, said: Said) -> str | None:
    if _headers(failure).get("x-should-retry") == "false" or failure.error_code == _SPENT or _is_spent(failure, said):
        return None
    status = failure.status_code
    if said.too_long and status != 429:
        return None
    # An error event inside a stream comes with the stream's status, 200: there only its type tells.
    if status < 300:
        return _TRANSIENT_TYPES.get(failure.type or "")
    if status in _TRANSIENT_STATUSES:
        return _TRANSIENT_STATUSES[status]
    return f"{{who}} had an internal error ({status})" if status >= 500 and status != 501 else None


def _is_spent(failure: anthropic.APIStatusError, said: Said) -> bool:
    """Whether a quota is used up; some servers call a limit by the minute so too, and say how long to wait."""
    return said.no_credit and _hint_s(_headers(failure)) is None


def _final(failure: Exception, asked: Asked, said: Said) -> ProviderError:
    if not isinstance(failure, anthropic.AnthropicError):
        # What a cloud's own library says may hold part of a credential.
        return ProviderError(_begun(f"{asked.who} could not be asked ({type(failure).__name__}): {asked.key_hint}."))
    if not isinstance(failure, anthropic.APIStatusError):
        return ProviderError(_begun(f"{asked.who}'s answer could not be read ({type(failure).__name__})."))
    if failure.status_code == 413 or (failure.status_code not in (401, 402, 403, 404, 429) and said.too_long):
        return ContextTooLong("The conversation no longer fits into one request.")
    kind = Declined if failure.status_code in _DECLINED and not said.no_credit else ProviderError
    return kind(_begun(_sentence(failure, asked, said)))


def _sentence(failure: anthropic.APIStatusError, asked: Asked, said: Said) -> str:
    who = asked.who
    if failure.status_code == 402 or failure.error_code == _SPENT or said.no_credit:
        return f"{who} refused the request for want of credit; resume the run once there is some: {said.text}"
    match failure.status_code:
        case 401:
            its = f" It says: {said.text}" if said.sentence else ""
            return f"{who} did not accept the key: {asked.key_hint}.{its}"
        case 403:
            return f"This key may not use {asked.model}: {said.text}"
        case 404 if "model" in f"{said.sentence} {said.codes}".lower() or "not_found_error" in said.codes:
            return f"{who} does not know the model {asked.model!r}: {said.text}"
        case 404:
            return f"{who} does not know the model {asked.model!r}, or has no Messages API there: {said.text}"
    return f"{who} refused the request: {said.text}"


def _begun(sentence: str) -> str:
    return sentence[:1].upper() + sentence[1:]


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
