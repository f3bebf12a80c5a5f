"""What the parts of a run agree on: messages, access levels, techniques, and the organism a technique is given.

Nothing here imports torch or a server, so that a kernel can import it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, Protocol

from typing_extensions import TypedDict  # typing's own is not enough for pydantic before Python 3.12

if TYPE_CHECKING:
    from .results.model_info import ModelInfo


LARGEST_CALL_BYTES = 8 << 20
"""Of a call's body, as it is sent."""
TOO_LARGE_A_CALL = (
    f"The call is larger than {LARGEST_CALL_BYTES >> 20} MiB, the most that an organism takes: give it fewer or "
    "shorter texts at a time."
)


class Message(TypedDict):
    """One turn of a conversation, as chat templates take it."""

    role: Literal["system", "user", "assistant"]
    content: str


Conversation = Sequence[Message]
Thinking = Literal["keep", "close", "off"]
"""Of a reasoning model's reply: begun as the template begins it, after ended thinking, or with thinking switched off.

``off`` uses the template's own switch. All three are the same where a template knows nothing of thinking.
"""
Prompts = str | Conversation | Sequence[str] | Sequence[Conversation]
"""A user turn, a conversation, or a list of either; :func:`as_conversations` makes it uniform."""


def as_conversations(prompts: Prompts) -> list[list[Message]]:
    """Conversations for ``prompts``: a string is one user turn, a list of messages one conversation.

    Raises ``TypeError`` in one sentence when an entry is neither.
    """
    if isinstance(prompts, str):
        return [[{"role": "user", "content": prompts}]]
    entries = list(prompts)
    if entries and all(isinstance(entry, dict) for entry in entries):
        return [_checked(entries)]
    return [_conversation(entry) for entry in entries]


def _conversation(entry: object) -> list[Message]:
    if isinstance(entry, str):
        return [{"role": "user", "content": entry}]
    if isinstance(entry, Sequence) and entry and all(isinstance(turn, dict) for turn in entry):
        return _checked(entry)
    raise TypeError(f"a prompt is a string or a list of {{role, content}} messages, not {type(entry).__name__}")


def _checked(turns: Sequence[Any]) -> list[Message]:
    for turn in turns:
        if set(turn) != {"role", "content"} or turn["role"] not in ("system", "user", "assistant"):
            raise TypeError("a message has exactly the keys role (system, user or assistant) and content")
    return [{"role": turn["role"], "content": str(turn["content"])} for turn in turns]


class Access(StrEnum):
    """How far into the organism a caller may look; each level includes the ones before it."""

    SAMPLE = "sample"
    LOGITS = "logits"
    ACTIVATIONS = "activations"
    WEIGHTS = "weights"
    BASE = "base"

    @property
    def rank(self) -> int:
        return list(Access).index(self)

    def allows(self, needed: Access) -> bool:
        return needed.rank <= self.rank


class Used(NamedTuple):
    """What a ticket has had of its organism so far."""

    busy_s: float = 0.0
    """Seconds that the model has worked."""
    samples: int = 0
    """Texts that the organism itself, not its base, was given to read or continue; each of n continuations is one."""
    prompts: int = 0
    """Different prompts of each call, those to the base included, added up."""

    def plus(self, more: Used) -> Used:
        return Used(self.busy_s + more.busy_s, self.samples + more.samples, self.prompts + more.prompts)

    def since(self, before: Used) -> Used:
        """What came after ``before``; a meter that has begun anew says nothing of that."""
        return Used(
            max(self.busy_s - before.busy_s, 0.0),
            max(self.samples - before.samples, 0),
            max(self.prompts - before.prompts, 0),
        )


class Veil(StrEnum):
    """How well the organism's secrets are kept from the agent's code, strongest first."""

    REMOTE = "remote"
    SANDBOXED = "sandboxed"
    PROCESS = "process"


@dataclass(frozen=True, kw_only=True)
class Parameter:
    """One argument of a technique as a caller sees it; ``default`` is its Python literal, None if required."""

    name: str
    type: str
    default: str | None
    help: str


@dataclass(frozen=True, kw_only=True)
class TechniqueSpec:
    """A technique as a caller sees it: everything right of the ``*`` in its signature."""

    name: str
    summary: str
    doc: str
    access: Access
    parameters: tuple[Parameter, ...]

    @property
    def short_names(self) -> tuple[str, ...]:
        """What it is called on a ``%interp`` line beside its own name: the words of the docstring's ``Magic:`` line."""
        line = re.search(r"^Magic:(.*)$", self.doc, re.MULTILINE)
        return tuple(line[1].replace(",", " ").split()) if line else ()

    @property
    def signature(self) -> str:
        """For example ``prefill_attack(prompts, prefills, *, n=1)``."""
        required = [p.name for p in self.parameters if p.default is None]
        optional = [f"{p.name}={p.default}" for p in self.parameters if p.default is not None]
        return f"{self.name}({', '.join([*required, *(['*'] if optional else []), *optional])})"


@dataclass(frozen=True)
class Connection:
    """Where an organism listens and the token that opens it: ``unix:///path.sock`` or ``http://127.0.0.1:port``.

    In a kernel it arrives as the environment variables ``INTERP_BENCH_URL`` and ``INTERP_BENCH_TOKEN``.
    """

    url: str
    token: str


@dataclass(frozen=True)
class Row:
    """Token ids of one visible sequence; ``base`` runs it without adapter and hidden prompt."""

    ids: tuple[int, ...]
    base: bool = False


@dataclass(frozen=True)
class Completion:
    """One generated continuation. ``logprobs`` are of the drawn tokens under the untempered distribution (nats)."""

    ids: tuple[int, ...]
    text: str
    logprobs: tuple[float, ...]
    finish: Literal["stop", "length"]


class ForwardBatch(Protocol):
    """A slice of the rows of one forward pass, right-padded to T; ``lengths`` says how far each goes."""

    rows: range
    lengths: Sequence[int]
    logits: Any
    """``[B, T, vocabulary]`` float tensor, or None when it was not asked for."""
    residuals: Any
    """``[L, B, T, width]``: the residual stream after the embedding (0) and after each block; None if not kept."""


class Organism(Protocol):
    """What a technique is given: one model, loaded and sealed. All ids are visible ones, never the hidden prompt's."""

    info: ModelInfo

    def chat_ids(
        self,
        conversation: Conversation,
        *,
        prefill: str | None = None,
        next_role: Literal["assistant", "user"] = "assistant",
        base: bool = False,
        thinking: Thinking = "keep",
    ) -> list[int]:
        """The conversation rendered by the chat template with the next turn left open, ``prefill`` being its start.

        Give ``base`` as in the ``Row``: what follows a hidden prompt is no whole conversation by itself. ``thinking``
        says how an assistant's turn is opened, before the prefill.
        """
        ...

    def split_thinking(self, text: str, *, prefill: str = "", thinking: Thinking = "keep") -> tuple[str, str]:
        """What a reply thought, and what it said: ``text`` continues ``chat_ids`` of that prefill and thinking."""
        ...

    def text_ids(self, text: str, *, base: bool = False) -> list[int]:
        """Raw text without a chat template, with a BOS token where the tokenizer adds one; ``base`` as in ``Row``."""
        ...

    def piece_ids(self, text: str) -> list[int]:
        """Text that continues a sequence: no BOS, no template."""
        ...

    def token_strings(self, ids: Sequence[int]) -> list[str]:
        """One readable string per id; a leading space stays a space."""
        ...

    def generate(
        self,
        prompts: Sequence[Row],
        *,
        n: int = 1,
        max_new_tokens: int = 128,
        temperature: float = 1.0,
        top_p: float = 1.0,
        seed: int = 0,
    ) -> list[list[Completion]]:
        """``n`` continuations per prompt, in one padded batch where memory allows; temperature 0 is greedy."""
        ...

    def forward(self, rows: Sequence[Row], *, logits: bool = True, residuals: bool = False) -> Iterator[ForwardBatch]:
        """Plain forward passes over ``rows`` in batches that fit."""
        ...

    def unembed(self, hidden: Any, *, base: bool = False) -> Any:
        """Final norm, then unembedding (with the model's own soft cap): ``[..., width]`` to ``[..., vocabulary]``.

        Give ``base`` as in the ``Row``: an adapter may have changed either.
        """
        ...

    def progress(self, stage: str, done: int, total: int) -> None:
        """Tell the caller how far the call is; raises when it was cancelled or ran out of time."""
        ...
