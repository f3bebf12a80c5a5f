"""The agent's model over Anthropic's Messages API, streamed with the official SDK."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import Awaitable, Callable, Iterable, Mapping, MutableMapping, Sequence
from dataclasses import asdict
from typing import Any, NoReturn

import anthropic
from anthropic.types import RawMessageStreamEvent

from ..errors import BadInput, ProviderError
from ..events import AgentDelta, Emit, ProviderWaiting
from .prices import Price, cost_usd, load_prices
from .provider import MALFORMED_INPUT, Reply, ToolSpec, Usage
from .waiting import FAILURES, RetryPolicy, StreamCutOff, next_wait

DEFAULT_MODEL = "claude-opus-5-5"
KEY_VARIABLE = "ANTHROPIC_API_KEY"
TOKEN_VARIABLE = "ANTHROPIC_AUTH_TOKEN"  # noqa: S105 - the variable's name

_CACHED = {"type": "ephemeral"}
_UNCACHEABLE = {"thinking", "redacted_thinking"}
_WITHOUT_ADAPTIVE_THINKING = ("claude-3", "claude-haiku-4", "claude-sonnet-4-5", "claude-opus-4-5")
# Pings arrive every few seconds, so a stream that is silent for three minutes is dead.
_TIMEOUT = anthropic.Timeout(connect=15, read=180, write=60, pool=60)


class Key:
    """A credential that prints as nothing, is not pickled, and is no longer in the environment once held."""

    __slots__ = ("_headers",)

    def __init__(self, *, api_key: str | None = None, auth_token: str | None = None) -> None:
        if not (api_key or auth_token):
            raise BadInput(f"A key is empty: set {KEY_VARIABLE}.")
        self._headers = {"api_key": api_key} if api_key else {"auth_token": auth_token}

    @classmethod
    def from_environment(cls, environ: MutableMapping[str, str] = os.environ) -> Key | None:
        """The key in ``environ``, taken out of it; None where there is none.

        No process started afterwards inherits it, so whoever takes it keeps it for as long as it is needed.
        """
        api_key = environ.pop(KEY_VARIABLE, "").strip()
        auth_token = environ.pop(TOKEN_VARIABLE, "").strip()
        return cls(api_key=api_key, auth_token=auth_token) if api_key or auth_token else None

    def client(self, *, base_url: str | None) -> anthropic.AsyncAnthropic:
        """An SDK client with this key, without the SDK's own retries: those would be invisible."""
        return anthropic.AsyncAnthropic(
            **self._headers, base_url=base_url, max_retries=0, timeout=_TIMEOUT, open_telemetry=False
        )

    def __repr__(self) -> str:
        return "Key(…)"

    def __reduce__(self) -> NoReturn:
        raise TypeError("a key is not pickled")


class AnthropicProvider:
    """An agent's turns from the Messages API; see :class:`~interp_bench_ext.agent.provider.Provider`."""

    def __init__(
        self,
        *,
        key: Key,
        model: str = DEFAULT_MODEL,
        base_url: str | None = None,
        prices: Mapping[str, Price] | None = None,
        retry: RetryPolicy | None = None,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self.model = model
        self._client = key.client(base_url=base_url)
        self._prices = load_prices() if prices is None else prices
        self._retry = retry or RetryPolicy()
        self._sleep = sleep

    def __repr__(self) -> str:
        return f"AnthropicProvider(model={self.model!r})"

    async def reply(
        self,
        *,
        system: str,
        messages: Sequence[dict[str, Any]],
        tools: Sequence[ToolSpec],
        max_tokens: int,
        emit: Emit,
    ) -> Reply:
        """The next turn. What was streamed before a failed attempt is replaced by the attempt that follows.

        Raises:
            ProviderError: The request was refused, or the attempts are used up.
        """
        request = request_body(model=self.model, system=system, messages=messages, tools=tools, max_tokens=max_tokens)
        attempt = 1
        while True:
            try:
                turn = await self._stream(request, emit)
                break
            except (*FAILURES, StreamCutOff) as failure:
                reason, wait_s = next_wait(failure, attempt=attempt, policy=self._retry, model=self.model)
            emit(ProviderWaiting(reason=reason, wait_s=wait_s))
            await self._sleep(wait_s)
            attempt += 1
        usage = turn.usage()
        return Reply(
            # The API refuses an empty text block when it comes back.
            content=[block for block in turn.content if block.get("text") != ""],
            stop_reason=_stop_reason(turn.stop_reason),
            usage=usage,
            cost_usd=cost_usd(self._prices, model=self.model, usage=usage),
        )

    async def aclose(self) -> None:
        """Closes the connections."""
        await self._client.close()

    async def _stream(self, request: dict[str, Any], emit: Emit) -> _Turn:
        turn = _Turn(emit)
        async with await self._client.messages.create(**request, stream=True) as events:
            async for event in events:
                turn.take(event)
        if not turn.complete:
            raise StreamCutOff("the stream ended early")
        return turn


def make_provider(
    *,
    model: str = DEFAULT_MODEL,
    key: Key | None = None,
    base_url: str | None = None,
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
) -> AnthropicProvider:
    """A provider for ``model``.

    Args:
        model: A model's name at Anthropic.
        key: Without one, the key is taken out of the environment, which can be done once per process.
        base_url: Where the API is; by default ``ANTHROPIC_BASE_URL``, or Anthropic's own address.
        sleep: How to wait between attempts.

    Raises:
        BadInput: There is no key.
    """
    key = key or Key.from_environment()
    if key is None:
        raise BadInput(f"The agent {model} needs a key: set {KEY_VARIABLE}, or run with --agent playbook.")
    return AnthropicProvider(key=key, model=model, base_url=base_url, sleep=sleep)


def request_body(
    *, model: str, system: str, messages: Sequence[dict[str, Any]], tools: Sequence[ToolSpec], max_tokens: int
) -> dict[str, Any]:
    """The request's JSON, with the four cache marks that the API allows.

    Tools and system text never change in a run. The marks on the last two user turns move on with the
    conversation: the earlier one finds what the request before has written, the later one writes what is new.
    """
    turns = [{**message, "content": _blocks(message["content"])} for message in messages]
    recent = [index for index, turn in enumerate(turns) if turn["role"] == "user"][-2:]
    for index in recent:
        turns[index]["content"] = _marked(turns[index]["content"])
    body: dict[str, Any] = {
        "model": model,
        "max_tokens": max_tokens,
        "system": [{"type": "text", "text": system, "cache_control": _CACHED}],
        "messages": turns,
    }
    if tools:
        specs: list[dict[str, Any]] = [asdict(tool) for tool in tools]
        body["tools"] = [*specs[:-1], {**specs[-1], "cache_control": _CACHED}]
    if not model.startswith(_WITHOUT_ADAPTIVE_THINKING):
        body["thinking"] = {"type": "adaptive", "display": "summarized"}
    return body


def _blocks(content: str | Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    return [{"type": "text", "text": content}] if isinstance(content, str) else list(content)


def _marked(blocks: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """``blocks`` with the last one that can be cached marked; the given blocks stay as they are."""
    for index in range(len(blocks) - 1, -1, -1):
        block = blocks[index]
        if block["type"] not in _UNCACHEABLE and block.get("text") != "":
            return [*blocks[:index], {**block, "cache_control": _CACHED}, *blocks[index + 1 :]]
    return blocks


def _stop_reason(reason: str | None) -> str:
    if reason == "model_context_window_exceeded":
        raise ProviderError("The conversation no longer fits into the model's context window.")
    return "end_turn" if reason in (None, "stop_sequence") else str(reason)


class _Turn:
    """One reply while its events arrive.

    The SDK's own accumulator raises on tool arguments that are not JSON; here they become something the
    agent can be told about.
    """

    def __init__(self, emit: Emit) -> None:
        self.content: list[dict[str, Any]] = []
        self.stop_reason: str | None = None
        self.complete = False
        self._emit = emit
        self._counts: dict[str, int] = {}
        self._arguments: dict[int, str] = {}

    def take(self, event: RawMessageStreamEvent) -> None:
        match event.type:
            case "message_start":
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
                block["text"] += delta.text
                self._emit(AgentDelta(kind="text", text=delta.text))
            case "thinking_delta":
                block["thinking"] += delta.thinking
                self._emit(AgentDelta(kind="thinking", text=delta.thinking))
            case "signature_delta":
                block["signature"] = delta.signature
            case "input_json_delta":
                self._arguments[index] = self._arguments.get(index, "") + delta.partial_json

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
