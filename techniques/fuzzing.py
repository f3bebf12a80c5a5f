"""Noise in the residual stream."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from interp_bench_ext.contracts import Access, Arm, Edit, Organism, Site
from interp_bench_ext.conversations import Prompts
from interp_bench_ext.results import DoseResponse

from ._directions import layer_of, text_states
from ._dosed import Draws, Point, dosed, starts
from ._doses import Doses
from ._everyday import PROMPTS
from ._generations import as_texts


def fuzzing(
    organism: Organism,
    *,
    prompts: Prompts,
    layer: int | None = None,
    sigmas: Sequence[float] = (0.0, 0.1, 0.2, 0.4),
    words: str | Sequence[str] = (),
    n: int = 2,
    temperature: float = 0.7,
    max_new_tokens: int = 48,
    seed: int = 0,
) -> DoseResponse:
    """Add Gaussian noise to the residual stream after one block: trained concealment breaks before knowledge does.

    Noise of strength 1 is as long as the stream itself. The control is the base under the same noise, where the access
    reaches it. Strength 0 is the organism as it is.

    Access: activations
    Source: arXiv 2510.01070 (fuzzing)
    Magic: fuzz
    Plot: the effect and the fluency by strength, organism beside base

    Args:
        prompts: A user turn, a conversation, or a list of either.
        layer: The block after which the noise is added; the middle one by default.
        sigmas: Strengths of the noise, in lengths of the stream there.
        words: The effect is the share of replies with one of these; without any, how varied the words are.
        n: Replies per prompt and strength.
        temperature: 0 always takes the likeliest token; 1 samples from the model as it is.
        max_new_tokens: Longest reply, in tokens.
        seed: The same seed gives the same noise and the same texts.
    """
    at = layer_of(organism, layer)
    # The mean of lengths, not the length of means, over everyday texts.
    length = float(text_states(organism, PROMPTS[:6], [at], pool="last").norm(dim=-1).mean())
    arms: list[Arm] = ["organism", "base"] if Access(organism.info.access).allows(Access.BASE) else ["organism"]
    size = max_new_tokens + max(len(ids) for arm in arms for ids in starts(organism, prompts, arm))
    noise = torch.randn(size, organism.info.width, generator=torch.Generator().manual_seed(seed))
    noise *= length / organism.info.width**0.5
    site = Site(at, "resid_post")
    points = [
        Point(arm, sigma, (Edit(site, range(size), "add", noise * sigma),), arm) for arm in arms for sigma in sigmas
    ]
    note = f"The noise is added after block {at}, where the stream's length is about {length:.1f}."
    doses = Doses(
        "strength of the noise, lengths of the stream",
        as_texts(words),
        "organism",
        "base" if "base" in arms else "",
        note,
    )
    return dosed(organism, doses, prompts, points, Draws(n, temperature, max_new_tokens, seed))
