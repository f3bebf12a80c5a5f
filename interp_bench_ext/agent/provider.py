"""What the loop needs of an agent: one reply at a time, given the conversation so far."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from ..events import Emit

MALFORMED_INPUT = "malformed_json"
"""Only key of a tool_use block's ``input`` whose arguments were no JSON object; the value is what came."""


@dataclass(frozen=True, kw_only=True)
class ToolSpec:
    """A tool as the agent sees it; ``input_schema`` is JSON Schema."""

    name: str
    description: str
    input_schema: dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class Usage:
    """Tokens of one reply. ``input`` counts those neither read from nor written to the provider's cache."""

    input_tokens: int = 0
    output_tokens: int = 0
    cache_read_tokens: int = 0
    cache_write_tokens: int = 0


@dataclass(frozen=True, kw_only=True)
class Reply:
    """One turn of the agent. ``content`` is a list of Messages API blocks: text, thinking, tool_use."""

    content: list[dict[str, Any]]
    stop_reason: str
    usage: Usage = field(default_factory=Usage)
    cost_usd: float | None = 0.0
    """None when the model's price is not known."""


class Provider(Protocol):
    """Stateless between calls: all it knows of a run are its arguments, so a resumed run goes on alike."""

    async def reply(
        self,
        *,
        system: str,
        messages: Sequence[dict[str, Any]],
        tools: Sequence[ToolSpec],
        max_tokens: int,
        emit: Emit,
    ) -> Reply:
        """The next turn; streams ``AgentDelta`` events. Raises ProviderError when it cannot go on."""
        ...
