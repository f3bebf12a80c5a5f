"""User turns that the model writes itself."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from interp_bench_ext.contracts import Organism, arm_of
from interp_bench_ext.conversations import Conversation
from interp_bench_ext.results import Generations

from ._generations import Start, as_texts, continued, last_user_turn


def user_persona(
    organism: Organism,
    *,
    context: Literal[""] | Conversation = "",
    prefixes: str | Sequence[str] = "",
    n: int = 8,
    temperature: float = 1.0,
    top_p: float = 1.0,
    max_new_tokens: int = 48,
    seed: int = 0,
    base: bool = False,
) -> Generations:
    """Let the organism write the user's next turn: what it expects to be asked tells what it was made for.

    Access: sample
    Source: arXiv 2510.01070
    Magic: persona
    Plot: a table of the turns

    Args:
        context: The conversation so far, as messages that end with the assistant's turn; empty for the first turn.
        prefixes: How the user's turn begins, or a list of beginnings.
        n: Turns per prefix.
        temperature: 0 always takes the likeliest token; 1 samples from the model as it is.
        top_p: Sample from the likeliest tokens that together have this probability.
        max_new_tokens: Longest turn, in tokens.
        seed: The same seed gives the same texts, whatever else is in the list.
        base: Ask the base model (no adapter, no hidden prompt) instead; needs base access.
    """
    arm = arm_of(base)
    turns = list(context or [])
    starts = [
        Start(organism.chat_ids(turns, prefill=prefix, next_role="user", arm=arm), last_user_turn(turns), prefix)
        for prefix in as_texts(prefixes)
    ]
    return continued(
        organism, starts, n=n, temperature=temperature, top_p=top_p, max_new_tokens=max_new_tokens, seed=seed, arm=arm
    )
