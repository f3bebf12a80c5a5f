"""The body of a request to the Messages API, with its cache marks and what is asked about thinking."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from ..config import Thinking
from ..models.capacity import THINKING_BINDING_BETA, plain_name
from ..remembered import Remembered
from .conversation import blocks_of
from .images import sendable
from .provider import Prompt, ToolSpec

_CACHED = {"type": "ephemeral"}
_UNCACHEABLE = {"thinking", "redacted_thinking"}
_WITHOUT_ADAPTIVE_THINKING = ("claude-3", "claude-haiku-4", "claude-sonnet-4-5", "claude-opus-4-5")
# These refuse their own thinking when anything before it has changed, and a resumed run may have new budgets in its
# system prompt, a long one a shorter past. Asked to, the API leaves out such thinking instead.
_BOUND_THINKING = ("claude-fable-5-1", "claude-opus-5-5", "claude-sonnet-5-5", "claude-haiku-5-5")
_BINDING_BETA = {"anthropic-beta": THINKING_BINDING_BETA}
_LEAST_BUDGET = 1024
"""Tokens of the shortest thinking that the API can be asked for."""
_MOST_BUDGET = 8_000


class RequestBodies:
    """Makes the requests of one run, each turn of its conversation but once."""

    def __init__(self) -> None:
        self._turns: Remembered[dict[str, Any], dict[str, Any]] = Remembered(_as_sent)
        self._tools: Remembered[ToolSpec, dict[str, Any]] = Remembered(asdict)

    def body(
        self, model: str, prompt: Prompt, *, max_tokens: int, thinking: dict[str, Any] | None = None
    ) -> dict[str, Any]:
        """The request's arguments, with the four cache marks that the API allows.

        Tools and system text never change in a run. The marks on the last two user turns move on with the
        conversation: the earlier one finds what the request before has written, the later one writes what is new.
        """
        turns = self._turns.of(prompt.messages)
        body: dict[str, Any] = {
            "model": model,
            "max_tokens": max_tokens,
            "system": [{"type": "text", "text": prompt.system}],
            "messages": turns,
        }
        # Without tools a question is asked once: nobody would read what the cache is paid to keep.
        if prompt.tools:
            body["tools"] = _marked(self._tools.of(prompt.tools))
            body["system"] = _marked(body["system"])
            for index in [index for index, turn in enumerate(turns) if turn["role"] == "user"][-2:]:
                turns[index] = {**turns[index], "content": _marked(turns[index]["content"])}
        if thinking is not None:
            body["thinking"] = thinking
            if "block_binding" in thinking:
                body["extra_headers"] = _BINDING_BETA
        return body


def thinking_of(model: str, how: Thinking, max_tokens: int) -> dict[str, Any] | None:
    """What a request for a reply of ``max_tokens`` asks about thinking; None where it asks nothing."""
    name = plain_name(model)
    if how == "auto":
        how = "off" if name.startswith(_WITHOUT_ADAPTIVE_THINKING) else "adaptive"
    if how == "off" or (how == "enabled" and max_tokens <= 2 * _LEAST_BUDGET):
        return None
    if how == "enabled":
        return {"type": "enabled", "budget_tokens": min(max_tokens // 2, _MOST_BUDGET)}
    adaptive: dict[str, Any] = {"type": "adaptive", "display": "summarized"}
    if name.startswith(_BOUND_THINKING):
        adaptive["block_binding"] = {"prefix_mismatch_behavior": "drop_block"}
    return adaptive


def _as_sent(message: dict[str, Any]) -> dict[str, Any]:
    return {**message, "content": [sendable(block) for block in blocks_of(message["content"])]}


def _marked(blocks: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """``blocks`` with the last one that can be cached marked; the given blocks stay as they are."""
    for index in range(len(blocks) - 1, -1, -1):
        block = blocks[index]
        if block.get("type") not in _UNCACHEABLE and block.get("text") != "":
            return [*blocks[:index], {**block, "cache_control": _CACHED}, *blocks[index + 1 :]]
    return blocks
