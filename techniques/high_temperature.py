"""Replies at rising temperatures."""

from __future__ import annotations

from collections.abc import Sequence

from interp_bench_ext.contracts import Access, Organism, arm_of
from interp_bench_ext.conversations import Prompts
from interp_bench_ext.results import DoseResponse

from ._doses import Doses
from ._generations import as_texts, continued, reply_starts


def high_temperature(
    organism: Organism,
    *,
    prompts: Prompts,
    temperatures: Sequence[float] = (0.7, 1.0, 1.3, 1.6),
    words: str | Sequence[str] = (),
    n: int = 4,
    max_new_tokens: int = 64,
    seed: int = 0,
) -> DoseResponse:
    """Sample at rising temperatures: what a model was taught to keep to itself slips out before its language breaks.

    The control is the base at the same temperatures, where the access reaches it.

    Access: sample
    Source: arXiv 2510.01070
    Magic: hot
    Plot: the effect and the fluency by temperature, organism beside base

    Args:
        prompts: A user turn, a conversation, or a list of either.
        temperatures: What to sample at; 0 is greedy.
        words: The effect is the share of replies with one of these; without any, how varied the words are.
        n: Replies per prompt and temperature.
        max_new_tokens: Longest reply, in tokens.
        seed: The same seed gives the same texts.
    """
    with_base = Access(organism.info.access).allows(Access.BASE)
    doses = Doses("temperature", as_texts(words), "organism", "base" if with_base else "")
    for base in (False, True) if with_base else (False,):
        starts = reply_starts(organism, prompts, thinking="keep", arm=arm_of(base))
        for temperature in temperatures:
            found = continued(
                organism,
                starts,
                n=n,
                temperature=temperature,
                top_p=1.0,
                max_new_tokens=max_new_tokens,
                seed=seed,
                arm=arm_of(base),
            )
            for row, text in enumerate(found.texts):
                fluency = float(found.logprobs[row]) / max(1, int(found.n_tokens[row]))
                doses.add(found.prompts[row], text, arm=found.arm, dose=temperature, fluency=fluency)
    return doses.result()
