"""What the loop needs of an agent: one reply at a time, given the conversation so far."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar, Protocol, runtime_checkable

from ..errors import ProviderError
from ..models.usage import Usage
from ..record.events import Emit, Lack

if TYPE_CHECKING:
    from ..models.capacity import Capacity
    from .retry import Patience

MALFORMED_INPUT = "malformed_json"
"""Only key of a tool_use block's ``input`` whose arguments were no JSON object; the value is what came."""


@dataclass(frozen=True, kw_only=True)
class ToolSpec:
    """A tool as the agent sees it; ``input_schema`` is JSON Schema."""

    name: str
    description: str
    input_schema: dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class Prompt:
    """What a reply is asked for with: instructions, the conversation so far, and what may be called."""

    system: str
    messages: Sequence[dict[str, Any]]
    """Turns of the Messages API, the last one the user's."""
    tools: Sequence[ToolSpec] = ()
    lacks: frozenset[Lack] = frozenset()
    """What the server is known not to do, so that it is not asked for it."""


@dataclass(frozen=True, kw_only=True)
class Reply:
    """One turn of the agent. ``content`` is a list of Messages API blocks: text, thinking, tool_use."""

    content: list[dict[str, Any]]
    stop_reason: str
    usage: Usage = field(default_factory=Usage)
    cost_usd: float | None = 0.0
    """None when the model's price is not known."""
    served_model: str | None = None
    """The model that the provider says has replied."""


class Unavailable(ProviderError):
    """An attempt failed in a way that another attempt may mend."""

    code: ClassVar[str] = "provider_unavailable"

    def __init__(
        self,
        reason: str,
        *,
        hint_s: float | None = None,
        spent_s: float = 0.0,
        unreachable: bool = False,
        usage: Usage | None = None,
        cost_usd: float | None = 0.0,
    ) -> None:
        super().__init__(f"{reason}.")
        self.reason = reason
        self.hint_s = hint_s
        """How long the server asks to wait."""
        self.spent_s = spent_s
        """How long an attempt was waited for that came to nothing."""
        self.unreachable = unreachable
        """Whether there was no answer at all, which may mean that the address is wrong."""
        self.usage = usage or Usage()
        """What the attempt used up before it failed."""
        self.cost_usd = cost_usd


class ContextTooLong(ProviderError):
    """The conversation is longer than the model or its server takes."""

    code: ClassVar[str] = "context_too_long"


class Provider(Protocol):
    """Stateless between calls: all it knows of a run are its arguments, so a resumed run goes on alike."""

    async def reply(self, prompt: Prompt, *, max_tokens: int, emit: Emit) -> Reply:
        """The next turn; streams ``AgentDelta`` events.

        Raises:
            Unavailable: This attempt failed; the next may not.
            ContextTooLong: The conversation must be shortened first.
            ProviderError: It cannot go on.
        """
        ...


@runtime_checkable
class Holding(Provider, Protocol):
    """A provider that holds something until the run has ended."""

    async def aclose(self) -> None:
        """Let go of it."""
        ...


@runtime_checkable
class Choosing(Provider, Protocol):
    """A provider of several models."""

    @property
    def model(self) -> str:
        """The one that replies."""
        ...

    def capacity_with(self, model: str) -> Capacity:
        """What another one takes, and what it costs. Raises BadInput where it cannot be chosen."""
        ...

    def choose(self, model: str) -> None:
        """Have another one reply from here on. Raises BadInput as :meth:`capacity_with` does."""
        ...


@runtime_checkable
class Metered(Holding, Protocol):
    """A provider whose replies use up tokens, so that they are counted and the conversation is kept within a window."""

    @property
    def capacity(self) -> Capacity:
        """What the model takes, and what it costs."""
        ...

    @property
    def patience(self) -> Patience:
        """How long an outage is waited for."""
        ...

    async def count_tokens(self, prompt: Prompt, *, emit: Emit) -> int | None:
        """Tokens of the prompt, or None where the server does not count, or not now."""
        ...
