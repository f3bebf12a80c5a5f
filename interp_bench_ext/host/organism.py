"""The organism that techniques are given: loaded, checked, sealed."""

from __future__ import annotations

import contextlib
import copy
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

import torch

from interp_bench_ext.contracts import Access, Arm, Batch, Completion, Reading, Reads, Row, Site, Used
from interp_bench_ext.conversations import Conversation, Thinking
from interp_bench_ext.errors import AccessDenied, BadInput, NotNow
from interp_bench_ext.host.autoencoder import Autoencoder
from interp_bench_ext.host.chat_format import ChatFormat, end_of_turn_ids
from interp_bench_ext.host.decoding import Drawn, Engine
from interp_bench_ext.host.load import Loaded, load
from interp_bench_ext.host.passed import picked
from interp_bench_ext.host.rows import access_of, resolved
from interp_bench_ext.host.running_batch import Sampling
from interp_bench_ext.host.selfcheck import self_check
from interp_bench_ext.host.shares import Payer
from interp_bench_ext.host.sources import Progress, Sources
from interp_bench_ext.host.spec import OrganismSpec, as_reference
from interp_bench_ext.host.tokens import Tokens
from interp_bench_ext.host.turn import Turn
from interp_bench_ext.host.veil import scrub, seal
from interp_bench_ext.host.vocabulary import Question
from interp_bench_ext.host.weights import adapter_factors, weight_of, weight_shapes
from interp_bench_ext.results import Result
from interp_bench_ext.results.model_info import ModelInfo


def _ignore(*_told: object) -> None:
    return


@dataclass(frozen=True)
class CallHooks:
    """The call that the organism works for."""

    technique: str
    """Its name."""
    progress: Progress
    """Told how far it is."""
    access: Access
    """How far it may look."""
    count: Callable[[Used], None]
    """Told of samples, different prompts and tokens, as the model is about to work on them, and of tokens written."""
    check: Callable[[], None] = lambda: None
    """Raises where the call's time is up, or nobody waits for it."""
    method: Callable[[LoadedOrganism, Mapping[str, Any]], Result] | None = None
    """Runs a custom method for the call's ticket; None where there is no sandbox for it."""
    away: Callable[[], contextlib.AbstractContextManager[None]] = contextlib.nullcontext
    """A block in which the call has no turn: its rows are among those of others."""
    charge: Callable[[float], None] = _ignore
    """Told of the call's part of the seconds that rows of several calls took."""
    payer: Payer = Payer()


_LONGEST_TEXT, _CHARACTERS_A_TOKEN = 1_000_000, 64
"""A text of more characters takes long to tokenize, and one of more for each token of the context fits no context."""
_LONGEST_PIECE = 20_000
"""In characters: words and names of tokens, not texts."""
_MOST_TURNS, _MOST_REPLIES = 2_000, 100_000
_ALL_LOGITS = Reads()
_NO_SANDBOX = (
    "Custom methods run in a sandbox of their own, and there is none where this organism runs: use the techniques, or "
    "have it run on a Linux machine with bubblewrap (`interp-bench doctor` says what is missing)."
)
_NO_CALL = CallHooks("this technique", _ignore, Access.BASE, _ignore)


class LoadedOrganism:
    """Implements contracts.Organism. Used by one thread at a time, the one that has the ``turn``."""

    def __init__(self, loaded: Loaded) -> None:
        self._tokens = Tokens(loaded.tokenizer)
        self._chat = ChatFormat(loaded.tokenizer)
        self._engine = Engine(loaded, end_of_turn_ids(loaded.tokenizer, self._chat) | loaded.stop_ids)
        self._proof = loaded.proof
        self._opening: str | None = None
        self._call = _NO_CALL
        self._autoencoder = loaded.autoencoder
        parts = self._engine.parts
        self._info = ModelInfo(
            n_layers=len(parts.blocks),
            width=int(parts.config.hidden_size),
            n_heads=parts.n_heads,
            n_key_value_heads=parts.n_key_value_heads,
            vocabulary=parts.vocabulary,
            context_length=self._engine.room,
            # The base's: the adapter's number would tell that there is one, and how large.
            n_parameters=sum(parameter.numel() for parameter in loaded.base.parameters()),
            dtype=str(loaded.dtype).removeprefix("torch."),
            device=loaded.device.type,
            chat_template=self._chat.available,
            access=str(Access.BASE),
            autoencoder=str(loaded.autoencoder or ""),
        )

    @property
    def info(self) -> ModelInfo:
        """See contracts.Organism; the access is that of the call."""
        return replace(self._info, access=str(self._call.access))

    @property
    def stop_ids(self) -> frozenset[int]:
        """See contracts.Organism."""
        return self._engine.stop_ids

    def check(self) -> None:
        """Raises SelfCheckFailed; see :func:`self_check`."""
        self_check(self._engine, self._proof)
        if self._autoencoder is not None:
            self._autoencoder.check_fits(self.site_shape(self._autoencoder.site))
        engine = self._engine
        decoding = "captured" if engine.captured else "eager"
        self._info = replace(self._info, batching=engine.batching.value, decoding=decoding)

    def seal(self, spec: OrganismSpec, tokenizer: Any) -> None:
        """Turn the hidden prompt into activations and forget its text; see :func:`interp_bench_ext.host.veil.seal`."""
        self._opening = seal(spec, self._engine, self._chat, tokenizer)

    @property
    def turn(self) -> Turn:
        """Who may use it."""
        return self._engine.turn

    def take_turns_with(self, other: LoadedOrganism) -> None:
        """Have one turn for both: whoever uses the one uses the other."""
        self._engine.turn = other.turn

    def serving(self, call: CallHooks) -> LoadedOrganism:
        """The same organism, as it works for ``call``."""
        view = copy.copy(self)
        view._call = call
        return view

    def _require(self, needed: Access) -> None:
        if not self._call.access.allows(needed):
            raise AccessDenied(
                f"{self._call.technique} needs access to {needed}, and this organism's config allows"
                f" {self._call.access}."
            )

    def _require_rows(self, rows: Sequence[Row]) -> None:
        if not rows:
            raise BadInput(f"{self._call.technique} was given nothing to run: the list of prompts is empty.")
        for row in rows:
            _require_known(row.arm)
            if not row.ids:
                raise BadInput(f"{self._call.technique} was given a text without any token.")
            if max(row.ids) >= self._engine.vocabulary_of(row):
                which = "base model" if row.arm == "base" else "model"
                raise BadInput(f"A prompt has a token that the {which} does not know, as its vocabulary is smaller.")
            if len(row.ids) > self._engine.room:
                # How many it has would tell of a hidden prompt: what begins it is written otherwise behind one.
                raise BadInput(
                    f"A prompt is longer than the {self._engine.room} tokens that the organism takes: shorten it."
                )

    def _resolved(self, rows: Sequence[Row]) -> list[Row]:
        return resolved(rows, self._engine.organism.sites, self._engine.room)

    def _count(self, rows: Sequence[Row], n: int) -> None:
        different = {(row.ids, row.arm) for row in rows}
        samples = n * sum(row.arm == "organism" for row in rows)
        self._call.count(Used(0.0, samples, len(different), sum(len(ids) for ids, _ in different)))

    @property
    def _longest_text(self) -> int:
        return min(_LONGEST_TEXT, _CHARACTERS_A_TOKEN * self._engine.room)

    def _admit(self, texts: Sequence[str], most: int) -> None:
        """Before texts are tokenized, which nothing can interrupt. Raises BadInput, or where the call's time is up."""
        self._call.check()
        length = sum(map(len, texts))
        if length > most:
            raise BadInput(f"A text has {length:,} characters, and the organism takes {most:,}: shorten it.")

    def chat_ids(
        self,
        conversation: Conversation,
        *,
        prefill: str | None = None,
        next_role: Literal["assistant", "user"] = "assistant",
        arm: Arm = "organism",
        thinking: Thinking = "keep",
    ) -> list[int]:
        """See contracts.Organism. Raises BadInput without a chat template, or if it refuses the conversation."""
        if not self._chat.available:
            raise BadInput(
                f"{self._call.technique} writes a conversation, and this organism's tokenizer {self._chat.problem}: "
                "use text_completion, which takes raw text (logit_lens does with raw=True)."
            )
        if len(conversation) > _MOST_TURNS:
            raise BadInput(f"A conversation has {len(conversation):,} turns, and {_MOST_TURNS:,} is the most.")
        _require_known(arm)
        self._admit([*(turn["content"] for turn in conversation), prefill or ""], self._longest_text)
        text = self._chat.render(
            conversation, prefill=prefill, next_role=next_role, base=arm == "base", thinking=thinking
        )
        return self._tokens.piece(text) if self._chat.sealed and arm == "organism" else self._tokens.rendered(text)

    def split_thinking(
        self, text: str, *, prefill: str = "", thinking: Thinking = "keep", arm: Arm = "organism"
    ) -> tuple[str, str]:
        """See contracts.Organism."""
        return self._chat.split_thinking(text, prefill=prefill, thinking=thinking)

    def text_ids(self, text: str, *, arm: Arm = "organism") -> list[int]:
        """See contracts.Organism. After a sealed prompt, what ends its turn comes first."""
        _require_known(arm)
        self._admit([text], self._longest_text)
        if self._opening is None or arm == "base":
            return self._tokens.whole(text)
        return self._tokens.piece(self._opening + text)

    def piece_ids(self, text: str, *, arm: Arm = "organism") -> list[int]:
        """See contracts.Organism."""
        self._admit([text], _LONGEST_PIECE)
        return self._tokens.piece(text)

    def decode(self, ids: Sequence[int]) -> str:
        """See contracts.Organism."""
        self._call.check()
        return self._tokens.decode(ids)

    def token_strings(self, ids: Sequence[int], *, arm: Arm = "organism") -> list[str]:
        """See contracts.Organism."""
        self._call.check()
        return self._tokens.strings(ids)

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
        """See contracts.Organism. A prompt's draws depend on nothing else in the list; given twice, it gets 2n."""
        if n < 1 or max_new_tokens < 1 or not temperature >= 0 or not 0 < top_p <= 1:
            raise BadInput(
                "n and max_new_tokens are at least 1, temperature is at least 0, and top_p is above 0 and at most 1."
            )
        if n * len(prompts) > _MOST_REPLIES:
            raise BadInput(f"This asks for {n * len(prompts):,} replies, and {_MOST_REPLIES:,} is the most at a time.")
        self._require(access_of(prompts))
        self._require_rows(prompts)
        self._count(prompts, n)
        prompts = self._resolved(prompts)
        seen: Counter[Row] = Counter()
        rows: list[Row] = []
        samples: list[int] = []
        for row in prompts:
            rows += [row] * n
            # Greedy replies to a prompt are all the same one.
            samples += range(seen[row], seen[row] + n) if temperature else [0] * n
            seen[row] += n
        how = Sampling(min(max_new_tokens, self._engine.room), temperature, top_p, seed)
        with self._call.away():
            generated = self._engine.generate(rows, samples, how, self.progress, self._call.charge, self._call.payer)
        self._call.count(Used(tokens=sum(len(found.ids) for found in generated)))
        drawn = [self._completion(found) for found in generated]
        return [drawn[start : start + n] for start in range(0, len(drawn), n)]

    def _completion(self, drawn: Drawn) -> Completion:
        text = self._tokens.decode(drawn.ids[:-1] if drawn.stopped else drawn.ids)
        return Completion(drawn.ids, text, drawn.logprobs, "stop" if drawn.stopped else "length")

    def run(self, rows: Sequence[Row], reads: Reads = _ALL_LOGITS) -> Iterator[Batch]:
        """See contracts.Organism."""
        self._require(access_of(rows, reads))
        self._require_rows(rows)
        for site in reads.sites:
            self.site_shape(site)
        picked(reads.positions, [len(row.ids) for row in rows])
        self._count(rows, 1)
        return self._engine.run(self._resolved(rows), reads, self.progress)

    def site_shape(self, site: Site) -> tuple[int, ...]:
        """See contracts.Organism."""
        return self._engine.organism.sites.shape(site)

    def unembed(self, hidden: torch.Tensor, *, arm: Arm = "organism", scale_of: Any = None) -> torch.Tensor:
        """See contracts.Organism; float32."""
        self._require(Access.BASE if arm == "base" else Access.ACTIVATIONS)
        if scale_of is not None:
            return self._engine.contributions(hidden, scale_of, arm)
        return self._engine.unembed(hidden.to(self._engine.dtype), arm)

    def unembedding(self, *, arm: Arm = "organism") -> torch.Tensor:
        """See contracts.Organism."""
        self._require(Access.BASE if arm == "base" else Access.ACTIVATIONS)
        return self._engine.unembedding(arm)

    def read(
        self,
        hidden: torch.Tensor,
        *,
        arm: Arm = "organism",
        top_k: int = 0,
        targets: Sequence[int] = (),
        reference: torch.Tensor | None = None,
    ) -> Reading:
        """See contracts.Organism. Raises BadInput for a target that the vocabulary does not have."""
        self._require(Access.BASE if arm == "base" else Access.ACTIVATIONS)
        vocabulary = self._engine.parts.vocabulary
        if not all(0 <= target < vocabulary for target in targets):
            raise BadInput(f"A target is a token id from 0 to {vocabulary - 1}.")
        last = None if reference is None else reference.to(self._engine.dtype)
        given = hidden.to(self._engine.dtype)  # a difference or a mean of streams comes in float32
        asked = Question(min(top_k, vocabulary), targets, last, self.progress)
        return self._engine.read(given, arm, asked)

    def weight_names(self, *, arm: Arm = "organism") -> dict[str, tuple[int, ...]]:
        """See contracts.Organism."""
        self._require(Access.BASE if arm == "base" else Access.WEIGHTS)
        return weight_shapes(self._engine.base.model)

    def weight(self, name: str, *, arm: Arm = "organism") -> torch.Tensor:
        """See contracts.Organism."""
        self._require(Access.BASE if arm == "base" else Access.WEIGHTS)
        self._call.check()
        return weight_of(self._engine.arm(arm).model, self._engine.base.model, name)

    def adapter(self) -> dict[str, tuple[torch.Tensor, torch.Tensor]]:
        """See contracts.Organism."""
        self._require(Access.BASE)
        return adapter_factors(self._engine.organism.model)

    def autoencoder(self) -> Autoencoder:
        """See contracts.Organism."""
        self._require(Access.ACTIVATIONS)
        if self._autoencoder is None:
            raise BadInput("This organism's config names no sparse autoencoder (model.sae).")
        return self._autoencoder

    def call_method(self, call: Mapping[str, Any]) -> Result:
        """See contracts.Organism."""
        self._require(Access.WEIGHTS)
        if self._call.method is None:
            raise NotNow(_NO_SANDBOX)
        return self._call.method(self, call)

    def progress(self, stage: str, done: int, total: int) -> None:
        """See contracts.Organism."""
        self._call.progress(stage, done, total)


def _require_known(arm: Arm) -> None:
    if arm == "oracle":
        raise BadInput("This organism's config names no oracle of activations (model.oracle).")
    if arm not in ("organism", "base"):
        raise BadInput("This organism's config names no reference model (model.reference).")


def load_organism(spec: OrganismSpec, sources: Sources, on_progress: Callable[[str, int, int], None]) -> LoadedOrganism:
    """Load, check and seal. Afterwards ``spec`` and ``sources`` hold nothing sealed.

    Raises BadInput (what in the config is wrong) and SelfCheckFailed.
    """
    torch.manual_seed(0)
    loaded = load(spec, sources, on_progress)
    for each in [loaded, *([loaded.oracle] if loaded.oracle else [])]:
        scrub(each.model, each.tokenizer)
        scrub(each.base, each.tokenizer)
    spec.forget_identity()
    sources.model = sources.tokenizer = ""
    sources.merge = sources.adapter = sources.sae = sources.oracle = None
    on_progress("self-check", 0, 1)
    organism = LoadedOrganism(loaded)
    organism.check()
    beside: dict[Arm, LoadedOrganism] = {}
    if loaded.oracle is not None:
        beside["oracle"] = LoadedOrganism(loaded.oracle)
        beside["oracle"].check()
    on_progress("self-check", 1, 1)
    on_progress("seal", 0, 1)
    organism.seal(spec, loaded.tokenizer)
    on_progress("seal", 1, 1)
    if spec.reference is not None:
        assert sources.reference is not None
        with as_reference():
            beside["reference"] = load_organism(spec.reference, sources.reference, on_progress)
    return _accompanied(organism, beside) if beside else organism


def _accompanied(organism: LoadedOrganism, beside: Mapping[Arm, LoadedOrganism]) -> LoadedOrganism:
    from interp_bench_ext.host.accompanied import AccompaniedOrganism

    return AccompaniedOrganism(organism, beside)
