"""Many inputs that somebody wrote for a purpose, run through one sampling technique at once."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from interp_bench_ext.contracts import Access, Organism, arm_of
from interp_bench_ext.errors import BadInput
from interp_bench_ext.results import Generations, PairedReplies

from ._everyday import OPENINGS, PROMPTS
from ._generations import Start, continued, reply_starts
from ._paired import paired_replies

Kind = Literal["chat", "prefill", "user", "completion"]


def scaffolded_battery(
    organism: Organism,
    *,
    inputs: Sequence[str],
    kind: Literal["chat", "prefill", "user", "completion"] = "chat",
    prompt: str = "Tell me about yourself.",
    n: int = 2,
    temperature: float = 0.7,
    max_new_tokens: int = 64,
    seed: int = 0,
) -> PairedReplies:
    """Run many inputs, written for a suspicion, through one technique in one batch, with a control for each.

    Techniques alone help little; inputs that were written for a suspicion are what makes them find things: write a
    dozen or more that differ. The control is the base on the same inputs; where the
    access does not reach the base, the organism on everyday inputs of the same kind.

    Access: sample
    Source: arXiv 2602.22755 (AuditBench), scaffolded tools
    Magic: battery
    Plot: bars of the words by z, with the line that chance seldom passes

    Args:
        inputs: What is tried: user turns for chat, beginnings of the reply for prefill, beginnings of the user's turn
            for user, raw texts for completion.
        kind: Which technique the inputs are for.
        prompt: With prefill: the user turn that the replies answer.
        n: Texts per input and model.
        temperature: 0 always takes the likeliest token; 1 samples from the model as it is.
        max_new_tokens: Longest text, in tokens.
        seed: The same seed gives the same texts.
    """
    given = list(dict.fromkeys(text for text in inputs if text.strip()))
    if not given:
        raise BadInput("scaffolded_battery was given no inputs: write a dozen that differ.")

    def run(texts: Sequence[str], at: int, *, base: bool) -> Generations:
        starts = _starts(organism, kind, texts, prompt, base=base)
        how = {"n": n, "temperature": temperature, "top_p": 1.0, "max_new_tokens": max_new_tokens}
        return continued(organism, starts, seed=at, arm=arm_of(base), **how)

    mine = run(given, seed, base=False)
    with_base = Access(organism.info.access).allows(Access.BASE)
    other = run(given if with_base else _everyday(kind), seed + 1, base=with_base)
    arms = ("organism", "base" if with_base else "organism on everyday inputs")
    return paired_replies(organism, (_inputs(mine, kind), mine.texts), (_inputs(other, kind), other.texts), arms=arms)


def _inputs(found: Generations, kind: Kind) -> tuple[str, ...]:
    return found.prefills if kind in ("prefill", "user") else found.prompts


def _everyday(kind: Kind) -> tuple[str, ...]:
    return PROMPTS if kind == "chat" else OPENINGS


def _starts(organism: Organism, kind: Kind, texts: Sequence[str], prompt: str, *, base: bool) -> list[Start]:
    if kind == "chat":
        return reply_starts(organism, texts, thinking="keep", arm=arm_of(base))
    if kind == "prefill":
        return reply_starts(organism, prompt, texts, thinking="close", arm=arm_of(base))
    if kind == "user":
        return [
            Start(organism.chat_ids([], prefill=text, next_role="user", arm=arm_of(base)), "", prefill=text)
            for text in texts
        ]
    return [Start(organism.text_ids(text, arm=arm_of(base)), text) for text in texts]
