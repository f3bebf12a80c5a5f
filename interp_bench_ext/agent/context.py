"""Keeps the conversation within the model's window and the budgets: counts it, and shortens it in large strokes.

Each cut costs the prompt cache everything behind it, so there are few: first old outputs become one line each, and
where that is not enough a summary stands in the place of everything but the last steps.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from ..errors import ProviderError
from ..models.usage import Usage
from ..record.events import ContextEdited, Emit
from .budget import MIN_REPLY_TOKENS, Budgets
from .conversation import (
    about_tokens,
    at_most_tokens,
    before_last_results,
    cleared,
    compacted,
    cut_keeping,
    prompt_about_tokens,
    prompt_at_most_tokens,
    size_of,
)
from .provider import ContextTooLong, Metered, Prompt, Reply, ToolSpec, Unavailable
from .state import Measured, RunState
from .summary import SUMMARY_SYSTEM, summary_of, transcript

MAX_REPLY_TOKENS = 16_000
CLEAR_AT = 0.6
"""Share of the window from which on old outputs are cleared."""
COMPACT_AT = 0.8
"""Share of the window from which on the conversation is summarised, where clearing saves too little."""
_KEPT_RESULTS = 4
"""Turns with tool results whose outputs stay."""
_KEPT_SHARE = 0.15
"""Of the conversation, in whole steps, behind a summary."""
_WORTH_SAVING = 0.25
"""Share of the conversation that clearing must save."""
_MAX_IMAGES = 80
"""The API takes 100 for a window of 200,000 tokens."""
_SUMMARY_TOKENS = 8_000


@dataclass(frozen=True)
class Context:
    """One run's conversation, as it is sent to its provider."""

    state: RunState
    emit: Emit
    provider: Metered
    budgets: Budgets
    system: str
    tools: Sequence[ToolSpec]

    async def fit(self) -> int:
        """Tokens that the next reply may have; the conversation is shortened first where it must be.

        Raises:
            BudgetReached: The request does not fit into what a budget has left.
            ContextTooLong: It does not fit into the window, however short the conversation is made.
            ProviderError: It could not be counted.
        """
        capacity = self.provider.capacity
        longest = min(MAX_REPLY_TOKENS, capacity.max_output)
        tokens = self._at_most()
        if self._crowded(tokens) or self._room(tokens) < longest:
            tokens = await self._counted(self.state.messages) or tokens
        if self._crowded(tokens) and self._may_be_edited():
            await self._shorten(tokens)
            tokens = self._at_most()
        self.budgets.require(self.state, self.emit, tokens, capacity.price)
        if capacity.window - self._likely(tokens) < MIN_REPLY_TOKENS:
            raise ContextTooLong(f"The conversation does not fit into a window of {capacity.window:,} tokens.")
        return int(min(longest, self._room(tokens)))

    async def compact(self) -> None:
        """Put a summary in the place of everything but the last steps."""
        reply, spent, cost_usd = await self._summarised()
        while True:
            before = self._shape()
            cut = cut_keeping(self.state.messages, _KEPT_SHARE)
            summary = summary_of(self.state, cut, reply)
            tokens = await self._length(compacted(self.state.messages, cut, summary))
            # A person may have sent a message meanwhile.
            if before == self._shape():
                break
        usage = asdict(spent)
        self.emit(
            ContextEdited(before=cut, kind="compacted", summary=summary, tokens=tokens, cost_usd=cost_usd, **usage)
        )

    async def _shorten(self, tokens: int) -> None:
        if self.state.stop_reason != "model_context_window_exceeded" and await self._clear(tokens):
            tokens = self._at_most()
            if not self._crowded(tokens):
                return
        if self._likely(tokens) > COMPACT_AT * self.provider.capacity.window or self._overfull():
            await self.compact()

    async def _clear(self, tokens: int) -> bool:
        """Clear old outputs, if that saves enough; whether it is known by how much."""
        messages = self.state.messages
        cut = before_last_results(messages, _KEPT_RESULTS)
        shorter = cleared(messages, cut)
        saved = 1 - sum(map(size_of, shorter)) / max(1, sum(map(size_of, messages)))
        if saved < _WORTH_SAVING and self.state.images() <= _MAX_IMAGES:
            return True
        before = self._shape()
        counted = await self._counted(shorter)
        if before != self._shape():
            return await self._clear(tokens)
        self.emit(ContextEdited(before=cut, kind="outputs_cleared", tokens=min(counted or tokens, tokens)))
        return counted is not None or self._is_estimated

    async def _summarised(self) -> tuple[str, Usage, float | None]:
        """What the model itself says of the conversation, if it can, and what asking it used up."""
        window = self.provider.capacity.window
        asked = [{"role": "user", "content": [{"type": "text", "text": transcript(self.state.messages, window)}]}]
        question = Prompt(system=SUMMARY_SYSTEM, messages=asked, lacks=frozenset(self.state.lacks))
        tokens = prompt_at_most_tokens(SUMMARY_SYSTEM, (), asked)
        try:
            if self._room_for(tokens, tokens) < _SUMMARY_TOKENS:
                tokens = await self.provider.count_tokens(question, emit=self.emit) or tokens
            likely = prompt_about_tokens(SUMMARY_SYSTEM, (), asked) if self._is_estimated else tokens
            if self._room_for(tokens, likely) < _SUMMARY_TOKENS:
                return "", Usage(), 0.0
            reply = await self.provider.reply(question, max_tokens=_SUMMARY_TOKENS, emit=lambda event: None)
        except Unavailable as failure:
            return "", failure.usage, failure.cost_usd
        except ProviderError:
            return "", Usage(), 0.0
        return _said(reply), reply.usage, reply.cost_usd

    def _room(self, tokens: int) -> float:
        return self._room_for(tokens, self._likely(tokens))

    def _room_for(self, at_most: int, likely: int) -> float:
        capacity = self.provider.capacity
        return min(capacity.window - likely, self.budgets.reply_tokens(self.state, at_most, capacity.price))

    @property
    def _is_estimated(self) -> bool:
        return "token counts" in self.state.lacks

    def _likely(self, at_most: int) -> int:
        """The prompt's length as its window is concerned: a server that does not count refuses what is too long."""
        return min(at_most, self._about()) if self._is_estimated else at_most

    def _about(self) -> int:
        """An estimate of the prompt: what the server said of it up to the last reply, if it did."""
        if self.state.edits or self.state.measured is None:
            tools = [asdict(tool) for tool in self.tools]
            return prompt_about_tokens(self.system, tools, self.state.messages)
        return self.state.measured.tokens + about_tokens(self._unmeasured(self.state.measured))

    def _crowded(self, tokens: int) -> bool:
        return self._likely(tokens) > CLEAR_AT * self.provider.capacity.window or self._overfull()

    def _overfull(self) -> bool:
        ran_over = self.state.stop_reason == "model_context_window_exceeded" and not self.state.edits
        return ran_over or self.state.images() > _MAX_IMAGES

    def _may_be_edited(self) -> bool:
        """Not twice without a reply in between, which says how long the conversation really is."""
        messages = self.state.messages
        return not self.state.edits and len(messages) > 1 and messages[-1]["role"] == "user"

    def _shape(self) -> tuple[int, int]:
        return len(self.state.messages), len(self.state.messages[-1]["content"])

    def _at_most(self) -> int:
        """An upper bound for the prompt: exact up to the last reply or edit."""
        messages, measured = self.state.messages, self.state.measured
        if measured is None:
            return self._whole(messages)
        return measured.tokens + at_most_tokens(self._unmeasured(measured))

    def _unmeasured(self, measured: Measured) -> list[dict[str, Any]]:
        messages = self.state.messages
        last = messages[measured.turns - 1]["content"][measured.blocks :]
        return [*last, *(block for message in messages[measured.turns :] for block in message["content"])]

    def _whole(self, messages: Sequence[dict[str, Any]]) -> int:
        return prompt_at_most_tokens(self.system, [asdict(tool) for tool in self.tools], messages)

    async def _length(self, messages: Sequence[dict[str, Any]]) -> int:
        return await self._counted(messages) or self._whole(messages)

    async def _counted(self, messages: Sequence[dict[str, Any]]) -> int | None:
        lacks = frozenset(self.state.lacks)
        prompt = Prompt(system=self.system, messages=messages, tools=self.tools, lacks=lacks)
        return await self.provider.count_tokens(prompt, emit=self.emit)


def _said(reply: Reply) -> str:
    if reply.stop_reason == "refusal":
        return ""
    return "\n".join(block["text"] for block in reply.content if block["type"] == "text").strip()
