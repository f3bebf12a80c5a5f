"""A request to the Messages API as it came in: what it asks for, whether it may, and what it can cost at most."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel, ConfigDict, PositiveInt

from ...models.prices import Price
from ...models.usage import Usage
from .ledger import Charge

LARGEST_BODY_BYTES = 32 << 20
"""As the Messages API itself."""
_IMAGE_TOKENS = 5_000
"""More than any picture takes, however small its file is."""
_PREAMBLE_TOKENS = 2_000
"""More than what the provider says of tools, or of a reply's form, before a prompt that has them."""
_PASSED = {
    *("model", "max_tokens", "messages", "system", "stream", "stop_sequences", "temperature", "top_k", "top_p"),
    *("tools", "tool_choice", "thinking", "metadata", "output_config", "cache_control"),
}
_COUNTED = {"model", "messages", "system", "tools", "tool_choice", "thinking"}
_BLOCKS = {"text", "image", "thinking", "redacted_thinking", "tool_use", "tool_result"}


class Unasked(Exception):
    """The request asks for what this gateway does not pass on; one sentence."""


class _Body(BaseModel):
    model_config = ConfigDict(extra="allow")
    model: str
    messages: list[Any]
    max_tokens: PositiveInt = 1
    stream: bool = False


@dataclass(frozen=True, kw_only=True)
class Asked:
    """One request."""

    model: str
    max_tokens: int
    bounded_by_bytes: int
    """Tokens that its prompt has at most: none is shorter than a byte."""
    thinks: bool

    @classmethod
    def of(cls, raw: bytes) -> Asked:
        """Read a body. Raises Unasked."""
        try:
            body = json.loads(raw, object_pairs_hook=_once)
            asked = _Body.model_validate(body)
        except (ValueError, RecursionError):
            raise Unasked("The body is not a request of the Messages API.") from None
        unknown = sorted(set(body) - _PASSED)
        if unknown:
            raise Unasked(f"This Hub's gateway does not pass on {unknown[0]!r}: leave it out.")
        if not all(isinstance(message, dict) for message in asked.messages):
            raise Unasked("The body is not a request of the Messages API.")
        _check_cache(body)
        images = 0
        for part in _parts(body):
            _check(part)
            images += part.get("type") == "image"
        preamble = _PREAMBLE_TOKENS if body.get("tools") or body.get("output_config") else 0
        return cls(
            model=asked.model,
            max_tokens=asked.max_tokens,
            bounded_by_bytes=len(raw) + preamble + _IMAGE_TOKENS * images,
            thinks=body.get("thinking") is not None,
        )

    def most(self, prompt_tokens: int, price: Price | None) -> Charge:
        """What it can cost with a prompt of that many tokens."""
        usd = 0.0
        if price is not None:
            prompt_usd, reply_usd = price.at_most(prompt_tokens)
            usd = prompt_usd + self.max_tokens * reply_usd
        return Charge(tokens=prompt_tokens + self.max_tokens, usd=usd)


def counting_body(raw: bytes) -> bytes:
    """The same prompt, as a request that only asks for its length."""
    body = json.loads(raw)
    return json.dumps({name: value for name, value in body.items() if name in _COUNTED}).encode()


def charge_of(usage: Usage, price: Price | None) -> Charge:
    """What a reply took."""
    return Charge(tokens=usage.prompt_tokens + usage.output_tokens, usd=price.of(usage) if price else 0.0)


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """An object whose names are there once: of two, the provider might read the other one. Raises ValueError."""
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("a name is there twice")
    return found


def _parts(body: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """All tools and content blocks, those within tool results included."""
    messages = [message.get("content") for message in body["messages"]]
    waiting: list[Any] = [messages, body.get("system"), body.get("tools")]
    while waiting:
        part = waiting.pop()
        if isinstance(part, list):
            waiting += part
        elif isinstance(part, dict):
            yield part
            waiting.append(part.get("content"))


def _check(part: dict[str, Any]) -> None:
    kind, source = part.get("type"), part.get("source")
    if "input_schema" in part:
        if kind not in (None, "custom"):
            raise Unasked(f"This Hub's gateway does not pass on tools of the provider's own ({kind}).")
    elif kind not in _BLOCKS:
        raise Unasked(f"This Hub's gateway does not pass on {str(kind)!r}: only text, images and tools of your own.")
    if isinstance(source, dict) and source.get("type") != "base64":
        raise Unasked("This Hub's gateway passes on images that are in the request, not addresses of some.")
    _check_cache(part)


def _check_cache(part: dict[str, Any]) -> None:
    cache = part.get("cache_control")
    if isinstance(cache, dict) and cache.get("ttl") not in (None, "5m"):
        raise Unasked("This Hub's gateway keeps prompts in the cache for five minutes only: leave `ttl` out.")
