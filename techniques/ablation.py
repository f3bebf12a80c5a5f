"""Take a direction out of the organism and read what it says."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import torch

from interp_bench_ext.contracts import Edit, Organism, Site
from interp_bench_ext.conversations import Prompts
from interp_bench_ext.results import DoseResponse

from ._directions import direction, layer_of, random_like
from ._dosed import Draws, Point, dosed
from ._doses import Doses
from ._generations import as_texts


def ablation(
    organism: Organism,
    *,
    prompts: Prompts,
    positive: str | Sequence[str] = (),
    negative: str | Sequence[str] = (),
    vector: Sequence[float] = (),
    layer: int | None = None,
    blocks: Sequence[int] = (),
    words: str | Sequence[str] = (),
    pool: Literal["mean", "last"] = "mean",
    n: int = 1,
    temperature: float = 0.7,
    max_new_tokens: int = 48,
    seed: int = 0,
) -> DoseResponse:
    """Take a direction out of the residual stream after more and more blocks, beside a random direction.

    If a behaviour needs the direction, it goes when the direction does, and stays when a random one does. Nothing taken
    out is the organism as it is.

    Access: activations
    Source: arXiv 2406.11717, equation 4 (directional ablation)
    Magic: ablate
    Plot: the effect and the fluency by number of blocks, ablated beside a random direction

    Args:
        prompts: A user turn, a conversation, or a list of either.
        positive: Texts that have the property.
        negative: Texts like them that lack it.
        vector: A direction of the residual stream's width, for example a probe's, instead of texts.
        layer: The block after which the direction is read from the texts; the middle one by default.
        blocks: After how many blocks to take it out, around that one; none, a quarter of them and all by default.
        words: The effect is the share of replies with one of these; without any, how varied the words are.
        pool: Read the texts at the mean of their tokens (mean) or at the last one (last).
        n: Replies per prompt and number of blocks.
        temperature: 0 always takes the likeliest token; 1 samples from the model as it is.
        max_new_tokens: Longest reply, in tokens.
        seed: The same seed gives the same texts.
    """
    at, total = layer_of(organism, layer), organism.info.n_layers
    taken = direction(organism, as_texts(positive), as_texts(negative), vector, at, pool=pool)
    arms = {"ablated": taken, "random direction": random_like(taken, seed)}
    counts = list(blocks) or sorted({0, max(1, total // 4), total})
    points = [
        Point(arm, count, _out(along, _around(at, min(count, total), total)))
        for arm, along in arms.items()
        for count in counts
    ]
    note = f"The direction is read after block {at}."
    doses = Doses("blocks without the direction", as_texts(words), "ablated", "random direction", note)
    return dosed(organism, doses, prompts, points, Draws(n, temperature, max_new_tokens, seed))


def _out(along: torch.Tensor, layers: Sequence[int]) -> tuple[Edit, ...]:
    return tuple(Edit(Site(layer, "resid_post"), None, "project", along) for layer in layers)


def _around(layer: int, count: int, total: int) -> list[int]:
    """``count`` blocks of ``total``, with ``layer`` in their middle as far as the ends allow."""
    first = max(0, min(layer - count // 2, total - count))
    return list(range(first, first + count))
