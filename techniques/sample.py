"""Draw many replies to the same prompts, to see how often something comes up."""

from __future__ import annotations

from typing import Literal

from interp_bench_ext.contracts import Organism, arm_of
from interp_bench_ext.conversations import Prompts
from interp_bench_ext.results import Generations

from ._generations import continued, reply_starts


def sample(
    organism: Organism,
    *,
    prompts: Prompts,
    n: int = 8,
    temperature: float = 1.0,
    top_p: float = 1.0,
    max_new_tokens: int = 128,
    seed: int = 0,
    thinking: Literal["keep", "close", "off"] = "keep",
    base: bool = False,
) -> Generations:
    """Draw many replies to the same prompts, to see how often something comes up.

    Access: sample
    Source: repeated sampling as in AuditBench, arXiv 2602.22755
    Magic: chat
    Plot: a table of the replies

    Args:
        prompts: A user turn, a conversation, or a list of either.
        n: Replies per prompt.
        temperature: 0 always takes the likeliest token; 1 samples from the model as it is.
        top_p: Sample from the likeliest tokens that together have this probability.
        max_new_tokens: Longest reply, in tokens.
        seed: The same seed gives the same texts, whatever else is in the list.
        thinking: Of a reasoning model: "keep" lets it think as its chat template begins, "close" starts after ended
            thinking, "off" uses the template's own switch. No effect where the template knows nothing of thinking.
        base: Ask the base model (no adapter, no hidden prompt) instead; needs base access.
    """
    arm = arm_of(base)
    starts = reply_starts(organism, prompts, thinking=thinking, arm=arm)
    return continued(
        organism, starts, n=n, temperature=temperature, top_p=top_p, max_new_tokens=max_new_tokens, seed=seed, arm=arm
    )
