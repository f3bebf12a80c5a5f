"""What the parts of a run agree on: access levels, techniques, and the organism a technique is given.

Nothing here imports torch or a server, so that a kernel can import it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, Protocol

from .conversations import Conversation, Thinking

if TYPE_CHECKING:
    from .results.kit.result import Result
    from .results.model_info import ModelInfo


LARGEST_CALL_BYTES = 8 << 20
"""Of a call's body, as it is sent."""
TOO_LARGE_A_CALL = (
    f"The call is larger than {LARGEST_CALL_BYTES >> 20} MiB, the most that an organism takes: give it fewer or "
    "shorter texts at a time."
)

OutsideAgent = Literal["mcp", "person"]
OUTSIDE_AGENTS: tuple[OutsideAgent, ...] = ("mcp", "person")
"""Agents that lead a run from outside, an MCP client or a person: their own time is not the run's, nor their cost."""


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
    tokens: int = 0
    """Tokens that the model has read and written, each prompt of a call once; not those of a hidden prompt."""

    def plus(self, more: Used) -> Used:
        return Used(
            self.busy_s + more.busy_s,
            self.samples + more.samples,
            self.prompts + more.prompts,
            self.tokens + more.tokens,
        )

    def since(self, before: Used) -> Used:
        """What came after ``before``; a meter that has begun anew says nothing of that."""
        return Used(
            max(self.busy_s - before.busy_s, 0.0),
            max(self.samples - before.samples, 0),
            max(self.prompts - before.prompts, 0),
            max(self.tokens - before.tokens, 0),
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


Arm = Literal["organism", "base", "reference", "oracle"]
"""Which model a row is for: the organism, its base without adapter and hidden prompt, the config's reference model, or
its oracle, the base with an adapter that was trained to answer questions about activations.

A reference has a tokenizer, a chat template and a shape of its own: ids, sites and streams of one are none of another.
An oracle has the base's shape.
"""


def arm_of(base: bool) -> Arm:
    """The arm that a caller's ``base`` asks for."""
    return "base" if base else "organism"


Part = Literal[
    "embed", "resid_pre", "resid_mid", "resid_post", "attn_out", "mlp_out", "head", "q", "k", "v", "pattern", "adapter"
]
"""Of a block, by the names of TransformerLens.

``embed`` is what the token embedding gives (layer 0 alone has it). ``resid_pre``, ``resid_mid`` and ``resid_post`` are
the residual stream before the block, between attention and MLP, and after it; ``attn_out`` and ``mlp_out`` what the two
add to it, after a norm behind them where there is one: ``[width]`` each. ``head`` is each head's result before the
output projection, ``q``, ``k`` and ``v`` what the projections give, before any norm and rotation: ``[heads, head
width]``, with a head named ``[head width]``. ``pattern`` is whom a position attends to, ``[heads, positions]`` over the
visible ones, each head adding up to 1; it can be read and not edited. ``adapter`` is what the adapter adds anywhere in
the block: it can be scaled, or projected to so many of each matrix's leading singular directions as the value says,
and not read; it needs access to the base.
"""


@dataclass(frozen=True)
class Site:
    """A place inside the model. Layers and heads count from 0, and negative ones from the end."""

    layer: int
    part: Part
    head: int | None = None

    def __str__(self) -> str:
        head = "" if self.head is None else f", head {self.head}"
        return f"{self.part} of layer {self.layer}{head}"


@dataclass(frozen=True, eq=False)
class Edit:
    """What is done to a row at a site, before anything after it is computed.

    ``add`` adds the value, ``set`` puts it in the place of what is there, ``scale`` multiplies by it, ``project`` takes
    out the component along it (Arditi et al. 2024, equation 4).
    """

    site: Site
    positions: tuple[int, ...] | range | None
    """Visible positions from 0, those generated after the row's own included; negative ones count from the end of the
    row's own. None is every position."""
    op: Literal["add", "set", "scale", "project"]
    value: Any
    """A tensor, array or list of the site's shape, or ``[positions, *the site's shape]`` with one for each position; a
    number will do; for ``project`` only at an adapter."""


@dataclass(frozen=True)
class Row:
    """Token ids of one visible sequence, the model that it is for, and what is done to it on its way."""

    ids: tuple[int, ...]
    arm: Arm = "organism"
    edits: tuple[Edit, ...] = ()
    """In this order where several meet at a site."""


@dataclass(frozen=True)
class Reads:
    """What to keep of a pass over rows."""

    logits: bool = True
    sites: tuple[Site, ...] = ()
    positions: tuple[int, ...] | None = None
    """Of every row, negative ones counting from its end: logits and sites at no others are kept. None is all."""
    grad_of: Callable[[int, Any], Any] | None = None
    """A scalar of each row, whose gradients at the ``sites`` are kept too: given the row's number and its logits ``[P,
    vocabulary]`` as a tensor, it returns a tensor of one number."""


@dataclass(frozen=True)
class Batch:
    """A slice of the rows of a pass. P is the number of positions kept, or, when all are, the longest row's length."""

    rows: range
    lengths: Sequence[int]
    """Tokens of each row; where all positions are kept, those from there on are padding."""
    logits: Any
    """``[B, P, vocabulary]`` float32 tensor, or None when it was not asked for."""
    sites: Mapping[Site, Any]
    """``[B, P, *the site's shape]`` of each site that was asked for, after the row's edits there; ``pattern`` is
    ``[B, P, heads, longest row]``."""
    gradients: Mapping[Site, Any]
    """Of the row's scalar, shaped as in ``sites``; empty without ``grad_of``."""
    scores: Any
    """``[B]`` float32, the scalars; None without ``grad_of``."""


@dataclass(frozen=True)
class Reading:
    """What places in the residual stream say about the next token; numpy arrays, ``...`` being the places' shape."""

    top_ids: Any
    """``[..., k]`` int64, the likeliest first."""
    top_logprobs: Any
    """``[..., k]`` float32, in nats."""
    target_logprobs: Any
    """``[..., targets]`` float32, in nats."""
    target_ranks: Any
    """``[..., targets]`` int64; 1 is the likeliest."""
    kl: Any
    """``[...]`` float32, in nats: from the reference to the place; None without a reference."""


@dataclass(frozen=True)
class Completion:
    """One generated continuation. ``logprobs`` are of the drawn tokens under the untempered distribution (nats)."""

    ids: tuple[int, ...]
    text: str
    logprobs: tuple[float, ...]
    finish: Literal["stop", "length"]


class Organism(Protocol):
    """What a technique is given: one model, loaded and sealed. All ids are visible ones, never the hidden prompt's."""

    info: ModelInfo
    stop_ids: frozenset[int]
    """Tokens with which a generation ends."""

    def chat_ids(
        self,
        conversation: Conversation,
        *,
        prefill: str | None = None,
        next_role: Literal["assistant", "user"] = "assistant",
        arm: Arm = "organism",
        thinking: Thinking = "keep",
    ) -> list[int]:
        """The conversation rendered by the chat template with the next turn left open, ``prefill`` being its start.

        Give ``arm`` as in the ``Row``: what follows a hidden prompt is no whole conversation by itself. ``thinking``
        says how an assistant's turn is opened, before the prefill.
        """
        ...

    def split_thinking(
        self, text: str, *, prefill: str = "", thinking: Thinking = "keep", arm: Arm = "organism"
    ) -> tuple[str, str]:
        """What a reply thought, and what it said: ``text`` continues ``chat_ids`` of that prefill and thinking."""
        ...

    def text_ids(self, text: str, *, arm: Arm = "organism") -> list[int]:
        """Raw text without a chat template, with a BOS token where the tokenizer adds one; ``arm`` as in ``Row``."""
        ...

    def piece_ids(self, text: str, *, arm: Arm = "organism") -> list[int]:
        """Text that continues a sequence: no BOS, no template."""
        ...

    def token_strings(self, ids: Sequence[int], *, arm: Arm = "organism") -> list[str]:
        """One readable string per id; a leading space stays a space."""
        ...

    def decode(self, ids: Sequence[int]) -> str:
        """The text of what was generated, without special tokens."""
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
        """``n`` continuations per prompt, in padded batches where memory allows; temperature 0 is greedy.

        A row's edits hold in the prompt and in every decoded step. What is drawn depends on ids, arm, ``seed`` and
        the number of the continuation, and never on edits: an edit that does nothing changes nothing.
        """
        ...

    def run(self, rows: Sequence[Row], reads: Reads = ...) -> Iterator[Batch]:
        """Forward passes over ``rows`` in their order, in batches that fit, one at a time as they are taken."""
        ...

    def site_shape(self, site: Site) -> tuple[int, ...]:
        """Of its value at one position. Raises BadInput where the model has no such site."""
        ...

    def unembed(self, hidden: Any, *, arm: Arm = "organism", scale_of: Any = None) -> Any:
        """Final norm, then unembedding (with the model's own soft cap): ``[..., width]`` to ``[..., vocabulary]``.

        Give ``arm`` as in the ``Row``: an adapter may have changed either. With ``scale_of``, a residual stream that
        ``hidden`` broadcasts with, the norm divides as it does there, the soft cap is left out and so are biases: what
        parts of that stream contribute, which then adds up (Elhage et al. 2021).
        """
        ...

    def unembedding(self, *, arm: Arm = "organism") -> Any:
        """The unembedding's rows ``[vocabulary, width]``."""
        ...

    def read(
        self,
        hidden: Any,
        *,
        arm: Arm = "organism",
        top_k: int = 0,
        targets: Sequence[int] = (),
        reference: Any = None,
    ) -> Reading:
        """What ``unembed`` of ``hidden`` ``[..., width]`` says, without ever holding it whole.

        ``reference`` is a residual stream ``[..., width]`` that ``hidden`` broadcasts with: the last layer's, for a
        lens. Targets are token ids.
        """
        ...

    def weight_names(self, *, arm: Arm = "organism") -> Mapping[str, tuple[int, ...]]:
        """The shape of every weight by its name."""
        ...

    def weight(self, name: str, *, arm: Arm = "organism") -> Any:
        """A copy of one weight as a tensor, with what an adapter adds to it; the base's without."""
        ...

    def adapter(self) -> Mapping[str, tuple[Any, Any]]:
        """Of each weight that a LoRA adapter changes, by its name: ``[r, in]`` and ``[out, r]`` float32 tensors.

        The second times the first is added to the weight. Empty without such an adapter.
        """
        ...

    def autoencoder(self) -> Any:
        """The config's sparse autoencoder, see :mod:`.host.autoencoder`. Raises BadInput where it names none."""
        ...

    def call_method(self, call: Mapping[str, Any]) -> Result:
        """Run a caller's own function in a process of its own; see :mod:`interp_bench_ext.methods`."""
        ...

    def progress(self, stage: str, done: int, total: int) -> None:
        """Tell the caller how far the call is; raises when it was cancelled or ran out of time."""
        ...
