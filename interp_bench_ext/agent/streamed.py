"""One reply of the Messages API while it arrives, event by event or whole."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from ..errors import ProviderError
from ..models.usage import ReportedUsage, Usage
from ..record.events import AgentDelta, Emit
from .provider import MALFORMED_INPUT

if TYPE_CHECKING:
    from anthropic.types import RawMessageStreamEvent  # the SDK takes a second, and not every run needs it

_LONGEST_NAME = 200
_STREAMED_FOR_EACH = 64
"""Characters for each token that was asked for; more means that the server does not keep to ``max_tokens``."""


class Turn:
    """One reply while its events arrive.

    The SDK's own accumulator raises on tool arguments that are not JSON; here they become something the
    agent can be told about.
    """

    def __init__(self, emit: Emit, max_tokens: int) -> None:
        self.content: list[dict[str, Any]] = []
        self.model: str | None = None
        self.stop_reason: str | None = None
        self.begun = False
        self.complete = False
        self.longest = _STREAMED_FOR_EACH * max_tokens
        """Characters that the reply may have."""
        self._emit = emit
        self._left = self.longest
        self._reported = ReportedUsage()
        self._arguments: dict[int, str] = {}

    @property
    def usage(self) -> Usage:
        """What the server has said of what was used up."""
        return self._reported.usage

    def take(self, event: RawMessageStreamEvent) -> None:
        """Add one event."""
        self.begun = True
        match event.type:
            case "message_start":
                self._served_by(event.message.model)
                self._reported.add(event.message.usage)
            case "content_block_start":
                self.content.append(event.content_block.to_dict(mode="json"))
            case "content_block_delta":
                self._add(event.index, event.delta)
            case "content_block_stop":
                self._close(event.index)
            case "message_delta":
                self.stop_reason = event.delta.stop_reason
                self._reported.add(event.usage)
                # The reply's end is said here; some servers send no other event.
                self.complete = self.complete or self.stop_reason is not None
            case "message_stop":
                self.complete = True

    def take_whole(self, message: Mapping[str, Any]) -> None:
        """Add a message that came in one piece, from a server that does not stream."""
        self.begun = True
        self._served_by(message.get("model"))
        for block in message["content"]:
            match block["type"]:
                case "text" | "thinking" as kind:
                    self._emit(AgentDelta(kind=kind, text=self._counted(block[kind])))
                case "tool_use" if isinstance(block["input"], str):
                    block = {**block, "input": _arguments(block["input"], {})}
            self.content.append(block)
        self.stop_reason = message.get("stop_reason")
        self._reported.add(message.get("usage"))
        self.complete = True

    def _served_by(self, model: object) -> None:
        self.model = str(model or "")[:_LONGEST_NAME] or None

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
    value = written_json(text)
    return value if isinstance(value, dict) else {MALFORMED_INPUT: text[:2000]}


def written_json(text: str) -> Any:
    """What a model has written as JSON; None where that is none, goes too deep, or has halves of characters."""
    try:
        value = json.loads(text)
        json.dumps(value, ensure_ascii=False).encode()  # what cannot be sent can be kept in no journal either
    except (ValueError, RecursionError):
        return None
    return value
