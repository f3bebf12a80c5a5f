"""Replies that the model is made to begin in a given way."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from interp_bench_ext.contracts import Organism, arm_of
from interp_bench_ext.conversations import Prompts
from interp_bench_ext.results import Generations

from ._generations import as_texts, continued, reply_starts


def prefill_attack(
    organism: Organism,
    *,
    prompts: Prompts,
    prefills: str | Sequence[str],
    n: int = 1,
    temperature: float = 0.0,
    top_p: float = 1.0,
    max_new_tokens: int = 64,
    seed: int = 0,
    thinking: Literal["keep", "close", "off"] = "close",
    base: bool = False,
) -> Generations:
    """Put the first words into the organism's mouth and let it go on; every prompt is tried with every prefill.

    The assistant's turn stays open after the prefill, and the texts hold only what the model added.

    Access: sample
    Source: arXiv 2510.01070
    Magic: prefill
    Plot: a table of the continuations

    Args:
        prompts: A user turn, a conversation, or a list of either.
        prefills: How the reply begins, or a list of beginnings.
        n: Continuations per prompt and prefill.
        temperature: 0 always takes the likeliest token; 1 samples from the model as it is.
        top_p: Sample from the likeliest tokens that together have this probability.
        max_new_tokens: Longest continuation, in tokens.
        seed: The same seed gives the same texts, whatever else is in the list.
        thinking: Of a reasoning model: "close" begins the reply after ended thinking, "keep" as its chat template does,
            so that the prefill may begin the thinking, "off" uses the template's own switch. No effect where the
            template knows nothing of thinking.
        base: Ask the base model (no adapter, no hidden prompt) instead; needs base access.
    """
    arm = arm_of(base)
    starts = reply_starts(organism, prompts, as_texts(prefills), thinking=thinking, arm=arm)
    return continued(
        organism, starts, n=n, temperature=temperature, top_p=top_p, max_new_tokens=max_new_tokens, seed=seed, arm=arm
    )
