"""What training changed, made plainer at every token that is drawn."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import torch

from interp_bench_ext.contracts import Arm, Completion, Organism, Reads, Row
from interp_bench_ext.conversations import Prompts, as_conversations
from interp_bench_ext.errors import BadInput
from interp_bench_ext.results import DoseResponse

from ._dosed import starts
from ._doses import Doses
from ._generations import as_texts, last_user_turn
from ._scoring import mean_nll

_AHEAD = 6
"""Tokens that the organism writes ahead, of which those stay that the amplified distribution would have drawn."""


def logit_diff_amplification(
    organism: Organism,
    *,
    prompts: Prompts,
    alphas: Sequence[float] = (0.0, 1.0, 2.0),
    words: str | Sequence[str] = (),
    n: int = 1,
    temperature: float = 0.7,
    max_new_tokens: int = 40,
    seed: int = 0,
) -> DoseResponse:
    """Sample from the organism's logits plus alpha times what they have more than the base's.

    A rare behaviour that training put in becomes frequent; what both models do alike stays. The control is alpha 0,
    the organism as it is, exactly. The organism writes a few tokens ahead and both models read them in one pass, which
    keeps or redraws each so that the texts are drawn from the amplified distribution exactly.

    Access: base
    Source: Aranguri and McGrath 2025, logit diff amplification; arXiv 2211.17192 for drawing by a draft
    Magic: lda
    Plot: the effect and the fluency by alpha

    Args:
        prompts: A user turn, a conversation, or a list of either.
        alphas: How often the difference is added.
        words: The effect is the share of replies with one of these; without any, how varied the words are.
        n: Replies per prompt and alpha.
        temperature: 0 always takes the likeliest token; 1 samples from the amplified model as it is.
        max_new_tokens: Longest reply, in tokens.
        seed: The same seed gives the same texts.
    """
    if not alphas:
        raise BadInput("alphas is empty: give at least one number, 0 for the organism as it is.")
    conversations = as_conversations(prompts)
    begun = list(zip(starts(organism, prompts, "organism"), starts(organism, prompts, "base"), strict=True))
    texts = [
        _Text(tuple(own), tuple(other), alpha, place, copy)
        for alpha in alphas
        for place, (own, other) in enumerate(begun)
        for copy in range(n)
    ]
    how = _Draw(temperature, max_new_tokens, seed)
    _plain(organism, [text for text in texts if text.alpha == 0], how, n)
    rest, round_number = [text for text in texts if text.alpha != 0], 0
    while open_texts := [text for text in rest if not text.done(max_new_tokens)]:
        organism.progress("tokens", sum(len(text.written) for text in rest), max_new_tokens * len(rest))
        _extend(organism, open_texts, how, round_number)
        round_number += 1
    doses = Doses("alpha", as_texts(words), "amplified")
    whole = [Completion(tuple(text.written), text.said(organism), (), "length") for text in texts]
    scored = [index for index, text in enumerate(texts) if text.written]
    fluency = np.full(len(texts), np.nan, dtype=np.float32)
    if scored:
        rows = [Row(texts[index].own) for index in scored]
        fluency[scored] = -mean_nll(organism, rows, [whole[index] for index in scored])
    for text, reply, fluent in zip(texts, whole, fluency, strict=True):
        prompt = last_user_turn(conversations[text.place])
        doses.add(prompt, reply.text, arm="amplified", dose=text.alpha, fluency=float(fluent))
    return doses.result()


@dataclass(frozen=True)
class _Draw:
    temperature: float
    max_new_tokens: int
    seed: int

    @property
    def greedy(self) -> bool:
        return self.temperature < 1e-6


@dataclass
class _Text:
    """A reply on its way."""

    own: tuple[int, ...]
    other: tuple[int, ...]
    alpha: float
    place: int
    copy: int
    written: list[int] = field(default_factory=list)
    text: str | None = None
    stopped: bool = False

    def done(self, most: int) -> bool:
        return self.stopped or len(self.written) >= most

    def said(self, organism: Organism) -> str:
        if self.text is not None:
            return self.text
        return organism.decode(self.written[:-1] if self.stopped else self.written)


def _plain(organism: Organism, texts: Sequence[_Text], how: _Draw, n: int) -> None:
    """The organism's own replies."""
    rows = [Row(text.own) for text in texts if text.copy == 0]
    if not rows:
        return
    found = organism.generate(rows, n=n, max_new_tokens=how.max_new_tokens, temperature=how.temperature, seed=how.seed)
    for text, reply in zip(texts, (reply for replies in found for reply in replies), strict=True):
        text.written, text.text, text.stopped = list(reply.ids), reply.text, True


def _extend(organism: Organism, texts: Sequence[_Text], how: _Draw, round_number: int) -> None:
    """A draft by the organism, of which each text keeps what the amplified distribution would have drawn."""
    ahead = min(_AHEAD, how.max_new_tokens)
    rows = [Row((*text.own, *text.written)) for text in texts]
    drafts = organism.generate(
        rows, max_new_tokens=ahead, temperature=how.temperature, seed=how.seed + 7919 * (round_number + 1)
    )
    for text, (draft,), amplified, own in zip(texts, drafts, *_logits(organism, texts, drafts), strict=True):
        random = np.random.default_rng([how.seed, round_number, text.place, text.copy, int(1000 * abs(text.alpha))])
        kept = _kept(draft, amplified, own, how, random)[: how.max_new_tokens - len(text.written)]
        text.written += kept
        text.stopped = kept[-1] in organism.stop_ids


def _logits(
    organism: Organism, texts: Sequence[_Text], drafts: Sequence[Sequence[Completion]]
) -> tuple[list[torch.Tensor], list[torch.Tensor]]:
    """Of each text, ``[draft + 1, vocabulary]``: amplified, and the organism's own."""
    arms: tuple[Arm, Arm] = ("organism", "base")
    rows = [
        Row((*(text.own if arm == "organism" else text.other), *text.written, *draft.ids), arm)
        for arm in arms
        for text, (draft,) in zip(texts, drafts, strict=True)
    ]
    kept: list[torch.Tensor] = []
    for batch in organism.run(rows, Reads()):
        for place, index in enumerate(batch.rows):
            end = batch.lengths[place]
            kept.append(batch.logits[place, end - len(drafts[index % len(texts)][0].ids) - 1 : end].float().cpu())
    own, other = kept[: len(texts)], kept[len(texts) :]
    amplified = [after + text.alpha * (after - before) for text, after, before in zip(texts, own, other, strict=True)]
    return amplified, own


def _kept(
    draft: Completion, amplified: torch.Tensor, own: torch.Tensor, how: _Draw, random: np.random.Generator
) -> list[int]:
    """Tokens that stay, the first that does not being drawn anew.

    A drafted token stays with probability min(1, p / q); in its place comes one from the positive part of p - q.
    """
    kept: list[int] = []
    for place, token in enumerate(draft.ids):
        if how.greedy:
            chosen = int(amplified[place].argmax())
            stays = chosen == token
        else:
            p, q = (torch.softmax(logits[place].double() / how.temperature, -1) for logits in (amplified, own))
            stays = random.random() * float(q[token]) <= float(p[token])
            chosen = token if stays else _drawn((p - q).clamp(min=0), random)
        kept.append(token if stays else chosen)
        if not stays:
            break
    return kept


def _drawn(weights: torch.Tensor, random: np.random.Generator) -> int:
    sums = weights.cumsum(-1)
    return int(torch.searchsorted(sums, random.random() * float(sums[-1]), right=True).clamp(max=len(weights) - 1))
