"""The agent's model over the Messages API, streamed with Anthropic's official SDK."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import asdict, replace
from typing import Any

import anthropic
from httpx2 import Response

from ..config import Platform, Thinking
from ..errors import ProviderError
from ..models.capacity import Capacity, capacity_of
from ..models.key import Key
from ..models.prices import DEFAULT_MODEL, Price, load_prices
from ..models.usage import Usage
from ..record.events import Emit, ProviderLacks
from ..remembered import Remembered
from .conversation import about_tokens, prompt_about_tokens, visible
from .failures import FAILURES, Asked, Declined, EndlessReply, StreamCutOff, explained
from .platforms import KEY_HINTS, SERVED_BY, as_json, credential_errors, gateway_hint, make_client, sending
from .provider import Prompt, Reply
from .request_body import RequestBodies, thinking_of
from .retry import Patience, RetryPolicy
from .streamed import Turn

REPLY_LIMIT_S = 1200.0
"""A reply that takes longer is cut off: at most 16,000 tokens never need that long."""

COUNTING_LIMIT_S = 20.0
"""A server that takes longer to count a prompt is taken for one that does not count."""
_PASSING = (anthropic.RateLimitError, anthropic.OverloadedError, anthropic.ServiceUnavailableError)
"""How counting fails when the next one may come through."""
_NOT_SAID = "does not say all that its replies take: its tokens are estimated, at three bytes each."


class AnthropicProvider:
    """An agent's turns from the Messages API; see :class:`~interp_bench_ext.agent.provider.Metered`.

    Args:
        key: Without one, the key is taken out of the environment, which can be done once per process.
        model: A model's name, as its platform spells it.
        platform: Who serves the model.
        base_url: A gateway or a local server; by default the platform's own address, or what its environment
            variable (``ANTHROPIC_BASE_URL``) says.
        context_window: Tokens that the conversation may have before it is shortened.
        thinking: What is asked about the model's thinking.
        prices: Of models; by default the shipped ones and the user's own.
        retry: How failed requests are sent again.
        sleep: How to wait between attempts.
        reply_limit_s: How long a reply may take.

    Raises:
        BadInput: A key, a region, a project or a package is missing.
    """

    def __init__(
        self,
        *,
        key: Key | None = None,
        model: str = DEFAULT_MODEL,
        platform: Platform = "anthropic",
        base_url: str | None = None,
        context_window: int | None = None,
        thinking: Thinking = "auto",
        prices: Mapping[str, Price] | None = None,
        retry: RetryPolicy | None = None,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        reply_limit_s: float = REPLY_LIMIT_S,
    ) -> None:
        key = key or Key.from_environment()
        self._prices = load_prices() if prices is None else prices
        self._context_window = context_window
        self.model = model
        self.capacity: Capacity = self.capacity_with(model)
        self.patience = Patience(retry or RetryPolicy(), sleep)
        self._client = make_client(platform, key=key, base_url=base_url)
        self._failures: tuple[type[Exception], ...] = (*FAILURES, *credential_errors(platform))
        self._asked = Asked(
            model=model,
            who=f"the server at {base_url}" if base_url else SERVED_BY[platform],
            key_hint=gateway_hint(key) if base_url else KEY_HINTS[platform],
        )
        self._reply_limit_s = reply_limit_s
        self._thinking: Thinking = thinking
        self._has_thought = False
        """Whether a reply has come through for which thinking was asked: then a refusal is about something else."""
        self._counts = True
        self._requests = RequestBodies()
        self._written: Remembered[dict[str, Any], str] = Remembered(as_json)

    def __repr__(self) -> str:
        return f"AnthropicProvider(model={self.model!r})"

    def capacity_with(self, model: str) -> Capacity:
        """What another model of the same server takes, and what it costs. Raises BadInput as ``capacity_of`` does."""
        return capacity_of(model, prices=self._prices, context_window=self._context_window)

    def choose(self, model: str) -> None:
        """Have another model of the same server reply from here on. Raises BadInput as :meth:`capacity_with` does."""
        self.capacity, self.model = self.capacity_with(model), model
        self._asked = replace(self._asked, model=model)
        self._has_thought = False

    async def count_tokens(self, prompt: Prompt, *, emit: Emit) -> int | None:
        """Tokens of the prompt, asked of the server; None where it does not count, whatever it says instead."""
        if not self._counts or "token counts" in prompt.lacks:
            return None
        if isinstance(self._client, anthropic.AsyncAnthropicBedrock):
            self._say_uncounted("Amazon Bedrock does not count tokens through the SDK.", emit)
            return None
        thinking = self._thinking_for(prompt, max_tokens=1)
        request = self._requests.body(self.model, prompt, max_tokens=1, thinking=thinking)
        del request["max_tokens"]
        try:
            counted = await self._client.messages.count_tokens(**request, timeout=COUNTING_LIMIT_S)
        except _PASSING:
            return None
        except self._failures as failure:
            # What is wrong with the key or the model will be said by the request that follows.
            self._say_uncounted(str(explained(failure, self._asked)), emit)
            return None
        tokens = getattr(counted, "input_tokens", None)
        if isinstance(tokens, int) and tokens > 0:
            return tokens
        self._say_uncounted(f"{self._asked.subject} does not count tokens.", emit)
        return None

    async def reply(self, prompt: Prompt, *, max_tokens: int, emit: Emit) -> Reply:
        """One attempt at the next turn; what it streamed before it failed is replaced by the attempt that follows.

        A server that refuses the first request with thinking is asked without it, at once.

        Raises:
            Unavailable: Another attempt may come through.
            ContextTooLong: The conversation must be shortened first.
            ProviderError: The request was refused.
        """
        thinking = self._thinking_for(prompt, max_tokens)
        try:
            reply = await self._attempt(prompt, max_tokens, thinking, emit)
        except Declined as refusal:
            if thinking is None or self._has_thought:
                raise
            reply = await self._attempt(prompt, max_tokens, None, emit)
            text = f"{refusal} It answers without thinking, which it is not asked for any more."
            emit(ProviderLacks(what="thinking", text=text))
            return reply
        self._has_thought = thinking is not None
        return reply

    async def aclose(self) -> None:
        """Closes the connections."""
        await self._client.close()

    def _thinking_for(self, prompt: Prompt, max_tokens: int) -> dict[str, Any] | None:
        return None if "thinking" in prompt.lacks else thinking_of(self.model, self._thinking, max_tokens)

    def _say_uncounted(self, why: str, emit: Emit) -> None:
        self._counts = False
        text = f"{why} The length of prompts is estimated, and counted at its most where a budget is near."
        emit(ProviderLacks(what="token counts", text=text))

    async def _attempt(self, prompt: Prompt, max_tokens: int, thinking: dict[str, Any] | None, emit: Emit) -> Reply:
        request = self._requests.body(self.model, prompt, max_tokens=max_tokens, thinking=thinking)
        turn = Turn(emit, max_tokens)
        try:
            async with self._in_time():
                await self._stream(request, turn)
        except self._failures as failure:
            usage = self._usage(turn, prompt)
            raise explained(failure, self._asked, usage=usage, cost_usd=self._cost(usage)) from failure
        usage = self._usage(turn, prompt)
        if usage.estimated and "usage" not in prompt.lacks:
            emit(ProviderLacks(what="usage", text=f"{self._asked.subject} {_NOT_SAID}"))
        return Reply(
            content=visible(turn.content),
            stop_reason="end_turn" if turn.stop_reason in (None, "stop_sequence") else str(turn.stop_reason),
            usage=usage,
            cost_usd=self._cost(usage),
            served_model=turn.model,
        )

    def _usage(self, turn: Turn, prompt: Prompt) -> Usage:
        """What the reply took, by the server's count and, for what it leaves out, by an estimate."""
        usage = turn.usage
        if not turn.begun:
            return usage
        if not usage.prompt_tokens:
            tools = [asdict(tool) for tool in prompt.tools]
            about = prompt_about_tokens(prompt.system, tools, prompt.messages)
            usage = replace(usage, input_tokens=about, estimated=True)
        if not usage.output_tokens and turn.content:
            usage = replace(usage, output_tokens=about_tokens(turn.content), estimated=True)
        return usage

    def _cost(self, usage: Usage) -> float | None:
        return self.capacity.price.of(usage) if self.capacity.price else None

    @asynccontextmanager
    async def _in_time(self) -> AsyncIterator[None]:
        try:
            async with asyncio.timeout(self._reply_limit_s):
                yield
        except TimeoutError:
            raise EndlessReply(self._reply_limit_s) from None

    async def _stream(self, request: dict[str, Any], turn: Turn) -> None:
        with sending(self._written.of(request["messages"])):
            opened = await self._client.messages.create(**{**request, "messages": []}, stream=True)
        async with opened as events:
            try:
                if "json" in events.response.headers.get("content-type", ""):
                    turn.take_whole(await _message(events.response, turn.longest))
                else:
                    async for event in events:
                        turn.take(event)
            except (LookupError, TypeError, AttributeError, ValueError) as error:
                raise ProviderError(
                    f"{self._asked.subject} sent an answer that is none of the Messages API."
                ) from error
        if not turn.complete:
            raise StreamCutOff("the stream ended early")


async def _message(response: Response, longest: int) -> dict[str, Any]:
    """The message of a server that sends replies whole. Raises APIStatusError where it is an error."""
    body = b""
    async for chunk in response.aiter_bytes():
        body += chunk
        # Each of the characters may be written as an escape of six bytes.
        if len(body) > 6 * longest + 10_000:
            raise ProviderError("The agent's server sent a reply that is longer than it was asked for.")
    message = json.loads(body)
    if not isinstance(message, dict) or "content" not in message:
        raise anthropic.APIStatusError("no message", response=response, body=message)
    return message
