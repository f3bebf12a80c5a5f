"""Push the organism along a direction and read what it says."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from interp_bench_ext.contracts import Edit, Organism, Site
from interp_bench_ext.conversations import Prompts
from interp_bench_ext.results import DoseResponse

from ._directions import direction, layer_of, random_like
from ._dosed import Draws, Point, dosed
from ._doses import Doses
from ._generations import as_texts


def steering(
    organism: Organism,
    *,
    prompts: Prompts,
    positive: str | Sequence[str] = (),
    negative: str | Sequence[str] = (),
    vector: Sequence[float] = (),
    layer: int | None = None,
    coefficients: Sequence[float] = (0.0, 1.0, 2.0, 4.0),
    words: str | Sequence[str] = (),
    pool: Literal["mean", "last"] = "mean",
    n: int = 1,
    temperature: float = 0.7,
    max_new_tokens: int = 48,
    seed: int = 0,
) -> DoseResponse:
    """Add a direction to the residual stream at several strengths, in one batch, beside a random direction as long.

    The direction is the mean state of the positive texts less that of the negative ones, or the vector that you give.
    It is added after one block, at every position and in every decoded step. Strength 0 is the organism as it is.

    Access: activations
    Source: CAA, arXiv 2312.06681; ActAdd, arXiv 2308.10248
    Magic: steer
    Plot: the effect and the fluency by coefficient, steered beside a random direction

    Args:
        prompts: A user turn, a conversation, or a list of either.
        positive: Texts that have the property.
        negative: Texts like them that lack it.
        vector: A direction of the residual stream's width, for example a probe's, instead of texts.
        layer: The block after which it is added, and read; the middle one by default.
        coefficients: What the direction is multiplied by.
        words: The effect is the share of replies with one of these; without any, how varied the words are.
        pool: Read the texts at the mean of their tokens (mean) or at the last one (last).
        n: Replies per prompt and coefficient.
        temperature: 0 always takes the likeliest token; 1 samples from the model as it is.
        max_new_tokens: Longest reply, in tokens.
        seed: The same seed gives the same texts.
    """
    at = layer_of(organism, layer)
    steered = direction(organism, as_texts(positive), as_texts(negative), vector, at, pool=pool)
    arms = {"steered": steered, "random direction": random_like(steered, seed)}
    site = Site(at, "resid_post")
    points = [
        Point(arm, dose, (Edit(site, None, "add", along * dose),))
        for arm, along in arms.items()
        for dose in coefficients
    ]
    note = f"The direction is added after block {at}; its length is {float(steered.norm()):.2f}."
    doses = Doses("coefficient", as_texts(words), "steered", "random direction", note)
    return dosed(organism, doses, prompts, points, Draws(n, temperature, max_new_tokens, seed))
