"""Replies that the model is made to begin in a given way."""

from __future__ import annotations

from collections.abc import Sequence

from interp_bench_ext.contracts import Organism, Prompts, as_conversations
from interp_bench_ext.results import Generations

from ._generations import Start, as_texts, continued, last_user_turn


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
        base: Ask the base model (no adapter, no hidden prompt) instead; needs base access.
    """
    starts = [
        Start(organism.chat_ids(conversation, prefill=prefill, base=base), last_user_turn(conversation), prefill)
        for conversation in as_conversations(prompts)
        for prefill in as_texts(prefills)
    ]
    return continued(
        organism, starts, n=n, temperature=temperature, top_p=top_p, max_new_tokens=max_new_tokens, seed=seed, base=base
    )
