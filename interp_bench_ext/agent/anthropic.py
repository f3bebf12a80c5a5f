"""The agent's model over the Messages API, streamed with Anthropic's official SDK."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping
from contextlib import asynccontextmanager
from dataclasses import asdict
from typing import Any

import anthropic
from anthropic.types import RawMessageStreamEvent

from ..config import Platform
from ..errors import ProviderError
from ..models.capacity import Capacity, capacity_of, plain_name
from ..models.key import Key
from ..models.key_variables import TOKEN_VARIABLE
from ..models.prices import DEFAULT_MODEL, Price, load_prices
from ..models.usage import Usage
from ..record.events import AgentDelta, Emit
from .conversation import visible
from .failures import FAILURES, Asked, EndlessReply, StreamCutOff, explained
from .images import sendable
from .platforms import KEY_HINTS, SERVED_BY, credential_errors, make_client, sending
from .provider import MALFORMED_INPUT, Prompt, Reply
from .retry import Patience, RetryPolicy

REPLY_LIMIT_S = 1200.0
"""A reply that takes longer is cut off: at most 16,000 tokens never need that long."""

_CACHED = {"type": "ephemeral"}
_UNCACHEABLE = {"thinking", "redacted_thinking"}
_LONGEST_NAME = 200
_WITHOUT_ADAPTIVE_THINKING = ("claude-3", "claude-haiku-4", "claude-sonnet-4-5", "claude-opus-4-5")
# These refuse their own thinking when anything before it has changed, and a resumed run may have new budgets in its
# system prompt, a long one a shorter past. Asked to, the API leaves out such thinking instead.
_BOUND_THINKING = ("claude-fable-5-1", "claude-opus-5-5", "claude-sonnet-5-5", "claude-haiku-5-5")
_BINDING_BETA = {"anthropic-beta": "thinking-binding-controls-2026-08-01"}
_MAX_STREAMED = 64
"""Characters for each token that was asked for; more means that the server does not keep to ``max_tokens``."""


class AnthropicProvider:
    """An agent's turns from the Messages API; see :class:`~interp_bench_ext.agent.provider.Metered`."""

    def __init__(
        self,
        *,
        key: Key | None,
        model: str = DEFAULT_MODEL,
        platform: Platform = "anthropic",
        base_url: str | None = None,
        context_window: int | None = None,
        prices: Mapping[str, Price] | None = None,
        retry: RetryPolicy | None = None,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        reply_limit_s: float = REPLY_LIMIT_S,
    ) -> None:
        self.model = model
        self.capacity: Capacity = capacity_of(
            model, prices=load_prices() if prices is None else prices, context_window=context_window
        )
        self.patience = Patience(retry or RetryPolicy(), sleep)
        self._client = make_client(platform, key=key, base_url=base_url)
        self._failures: tuple[type[Exception], ...] = (*FAILURES, *credential_errors(platform))
        self._asked = Asked(
            model=model,
            who=f"The server at {base_url}" if base_url else SERVED_BY[platform],
            key_hint=f"check {TOKEN_VARIABLE}" if base_url else KEY_HINTS[platform],
        )
        self._reply_limit_s = reply_limit_s
        # The SDK's Bedrock client has no counting.
        self._counts = platform != "bedrock"

    def __repr__(self) -> str:
        return f"AnthropicProvider(model={self.model!r})"

    async def count_tokens(self, prompt: Prompt) -> int | None:
        """Tokens of the prompt, asked of the server; None where it does not count."""
        if not self._counts:
            return None
        request = request_body(self.model, prompt, max_tokens=1)
        del request["max_tokens"]
        try:
            counted = await self._client.messages.count_tokens(**request)
        except (anthropic.NotFoundError, anthropic.UnprocessableEntityError):
            # The model's own name was accepted, or will be refused, by the request that follows.
            self._counts = False
            return None
        except self._failures as failure:
            raise explained(failure, self._asked) from failure
        return counted.input_tokens

    async def reply(self, prompt: Prompt, *, max_tokens: int, emit: Emit) -> Reply:
        """One attempt at the next turn; what it streamed before it failed is replaced by the attempt that follows.

        Raises:
            Unavailable: Another attempt may come through.
            ContextTooLong: The conversation must be shortened first.
            ProviderError: The request was refused.
        """
        request = request_body(self.model, prompt, max_tokens=max_tokens)
        turn = _Turn(emit, _MAX_STREAMED * max_tokens)
        try:
            async with self._in_time():
                await self._stream(request, turn)
        except self._failures as failure:
            usage = turn.usage()
            raise explained(failure, self._asked, usage=usage, cost_usd=self._cost(usage)) from failure
        usage = turn.usage()
        return Reply(
            content=visible(turn.content),
            stop_reason="end_turn" if turn.stop_reason in (None, "stop_sequence") else str(turn.stop_reason),
            usage=usage,
            cost_usd=self._cost(usage),
            served_model=turn.model,
        )

    async def aclose(self) -> None:
        """Closes the connections."""
        await self._client.close()

    def _cost(self, usage: Usage) -> float | None:
        return self.capacity.price.of(usage) if self.capacity.price else None

    @asynccontextmanager
    async def _in_time(self) -> AsyncIterator[None]:
        try:
            async with asyncio.timeout(self._reply_limit_s):
                yield
        except TimeoutError:
            raise EndlessReply(self._reply_limit_s) from None

    async def _stream(self, request: dict[str, Any], turn: _Turn) -> None:
        with sending(request["messages"]):
            opened = await self._client.messages.create(**{**request, "messages": []}, stream=True)
        async with opened as events:
            async for event in events:
                turn.take(event)
        if not turn.complete:
            raise StreamCutOff("the stream ended early")


def make_provider(
    *,
    model: str = DEFAULT_MODEL,
    key: Key | None = None,
    platform: Platform = "anthropic",
    base_url: str | None = None,
    context_window: int | None = None,
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
) -> AnthropicProvider:
    """A provider for ``model``.

    Args:
        model: A model's name, as its platform spells it.
        key: Without one, the key is taken out of the environment, which can be done once per process.
        platform: Who serves the model.
        base_url: A gateway or a local server; by default the platform's own address, or what its environment
            variable (``ANTHROPIC_BASE_URL``) says.
        context_window: Tokens that the conversation may have before it is shortened.
        sleep: How to wait between attempts.

    Raises:
        BadInput: A key, a region, a project or a package is missing.
    """
    return AnthropicProvider(
        key=key or Key.from_environment(),
        model=model,
        platform=platform,
        base_url=base_url,
        context_window=context_window,
        sleep=sleep,
    )


def request_body(model: str, prompt: Prompt, *, max_tokens: int) -> dict[str, Any]:
    """The request's arguments, with the four cache marks that the API allows.

    Tools and system text never change in a run. The marks on the last two user turns move on with the
    conversation: the earlier one finds what the request before has written, the later one writes what is new.
    """
    turns = [
        {**message, "content": [sendable(block) for block in _blocks(message["content"])]}
        for message in prompt.messages
    ]
    body: dict[str, Any] = {
        "model": model,
        "max_tokens": max_tokens,
        "system": [{"type": "text", "text": prompt.system}],
        "messages": turns,
    }
    # Without tools a question is asked once: nobody would read what the cache is paid to keep.
    if prompt.tools:
        specs: list[dict[str, Any]] = [asdict(tool) for tool in prompt.tools]
        body["tools"] = _marked(specs)
        body["system"] = _marked(body["system"])
        for index in [index for index, turn in enumerate(turns) if turn["role"] == "user"][-2:]:
            turns[index]["content"] = _marked(turns[index]["content"])
    name = plain_name(model)
    if not name.startswith(_WITHOUT_ADAPTIVE_THINKING):
        body["thinking"] = {"type": "adaptive", "display": "summarized"}
    if name.startswith(_BOUND_THINKING):
        body["thinking"]["block_binding"] = {"prefix_mismatch_behavior": "drop_block"}
        body["extra_headers"] = _BINDING_BETA
    return body


def _blocks(content: str | Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    return [{"type": "text", "text": content}] if isinstance(content, str) else list(content)


def _marked(blocks: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """``blocks`` with the last one that can be cached marked; the given blocks stay as they are."""
    for index in range(len(blocks) - 1, -1, -1):
        block = blocks[index]
        if block.get("type") not in _UNCACHEABLE and block.get("text") != "":
            return [*blocks[:index], {**block, "cache_control": _CACHED}, *blocks[index + 1 :]]
    return blocks


class _Turn:
    """One reply while its events arrive.

    The SDK's own accumulator raises on tool arguments that are not JSON; here they become something the
    agent can be told about.
    """

    def __init__(self, emit: Emit, longest: int) -> None:
        self.content: list[dict[str, Any]] = []
        self.model: str | None = None
        self.stop_reason: str | None = None
        self.complete = False
        self._emit = emit
        self._left = longest
        """Characters that may still come."""
        self._counts: dict[str, int] = {}
        self._arguments: dict[int, str] = {}

    def take(self, event: RawMessageStreamEvent) -> None:
        match event.type:
            case "message_start":
                self.model = str(event.message.model)[:_LONGEST_NAME] or None
                self._count(event.message.usage)
            case "content_block_start":
                self.content.append(event.content_block.to_dict(mode="json"))
            case "content_block_delta":
                self._add(event.index, event.delta)
            case "content_block_stop":
                self._close(event.index)
            case "message_delta":
                self.stop_reason = event.delta.stop_reason
                self._count(event.usage)
            case "message_stop":
                self.complete = True

    def usage(self) -> Usage:
        return Usage(
            input_tokens=self._counts.get("input_tokens", 0),
            output_tokens=self._counts.get("output_tokens", 0),
            cache_read_tokens=self._counts.get("cache_read_input_tokens", 0),
            cache_write_tokens=self._counts.get("cache_creation_input_tokens", 0),
        )

    def _count(self, usage: Any) -> None:
        # Counts are totals so far, and those of a later event that leaves one out still stand.
        names = ("input_tokens", "output_tokens", "cache_read_input_tokens", "cache_creation_input_tokens")
        given = {name: getattr(usage, name, None) for name in names}
        self._counts |= {name: count for name, count in given.items() if count is not None}

    def _add(self, index: int, delta: Any) -> None:
        block = self.content[index]
        match delta.type:
            case "text_delta":
                block["text"] += self._counted(delta.text)
                self._emit(AgentDelta(kind="text", text=delta.text))
            case "thinking_delta":
                block["thinking"] += self._counted(delta.thinking)
                self._emit(AgentDelta(kind="thinking", text=delta.thinking))
            case "signature_delta":
                block["signature"] = delta.signature
            case "input_json_delta":
                self._arguments[index] = self._arguments.get(index, "") + self._counted(delta.partial_json)

    def _counted(self, text: str) -> str:
        self._left -= len(text)
        if self._left < 0:
            raise ProviderError("The agent's server sent a reply that is longer than it was asked for.")
        return text

    def _close(self, index: int) -> None:
        block = self.content[index]
        if block["type"] == "tool_use":
            block["input"] = _arguments(self._arguments.get(index, ""), block.get("input"))


def _arguments(text: str, initial: object) -> dict[str, Any]:
    if not text.strip():
        return initial if isinstance(initial, dict) else {}
    try:
        value = json.loads(text)
    except ValueError:
        value = None
    return value if isinstance(value, dict) else {MALFORMED_INPUT: text[:2000]}
