"""A described trait as a direction, and how far the organism's own replies lie along it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch

from interp_bench_ext.contracts import Arm, Organism, Reads, Row, Site
from interp_bench_ext.conversations import Message
from interp_bench_ext.errors import BadInput
from interp_bench_ext.results import TraitProjection

from ._directions import numbers
from ._everyday import PROMPTS
from ._metric import picked

_ARMS: tuple[Arm, Arm] = ("organism", "base")
_RANDOM = 20
"""Directions drawn at random in each layer."""


def persona_vector(
    organism: Organism,
    *,
    trait: str,
    opposite: str,
    prompts: Sequence[str] = (),
    layers: Sequence[int] | None = None,
    n: int = 1,
    max_new_tokens: int = 32,
    seed: int = 0,
) -> TraitProjection:
    """Make a direction of a described trait from the base, and see how far the organism's replies lie along it.

    The base answers everyday prompts under an instruction to show the trait and under one to show the opposite; the
    difference of the mean states over its replies is the trait's direction in each layer. Then organism and base
    answer the same prompts without instruction, and the distance of the two along the direction is given in deviations
    of the base's replies. The control is the same along random directions.

    Access: base
    Source: arXiv 2507.21509 (persona vectors)
    Magic: trait
    Plot: by layer, how far organism and base are apart along the trait, beside random directions

    Args:
        trait: An instruction that brings the trait out, such as "You love the sea and speak of it in every reply."
        opposite: One that leaves it out, as like the first as can be.
        prompts: User turns, at least two; everyday ones by default.
        layers: Blocks after which to read; all by default.
        n: Replies per prompt and condition.
        max_new_tokens: Longest reply, in tokens.
        seed: The same seed gives the same texts.
    """
    asked = list(prompts) or list(PROMPTS[:6])
    if len(asked) * n < 2:
        raise BadInput("persona_vector needs at least two replies of each kind: give more prompts, or a larger n.")
    at = picked(layers, organism.info.n_layers, "layers")
    told = {
        name: [[_system(text), _user(prompt)] for prompt in asked] for name, text in (("+", trait), ("-", opposite))
    }
    plain = [[_user(prompt)] for prompt in asked]
    kinds: list[tuple[Arm, list[list[Message]]]] = [
        ("base", told["+"]),
        ("base", told["-"]),
        *((arm, plain) for arm in _ARMS),
    ]
    rows = [Row(tuple(organism.chat_ids(turns, arm=arm)), arm) for arm, talks in kinds for turns in talks]
    written = organism.generate(rows, n=n, max_new_tokens=max_new_tokens, temperature=0.7, seed=seed)
    states = _reply_states(organism, rows, [[reply.ids for reply in found] for found in written], at)
    size = len(asked) * n
    positive, negative, own, base = (states[:, start : start + size] for start in range(0, 4 * size, size))
    direction = positive.mean(1) - negative.mean(1)
    generator = torch.Generator().manual_seed(seed)
    random = [
        _apart(own, base, torch.randn(direction.shape, generator=generator).to(direction)) for _ in range(_RANDOM)
    ]
    return TraitProjection(
        trait=trait,
        layers=tuple(at),
        shift=numbers(_apart(own, base, direction)),
        random_high=np.abs(np.stack([numbers(one) for one in random])).max(0),
        taught=numbers(_apart(positive, negative, direction)),
        directions=numbers(direction),
        texts=tuple(reply.text for found in written[2 * len(asked) : 3 * len(asked)] for reply in found),
    )


def _system(text: str) -> Message:
    return {"role": "system", "content": text}


def _user(text: str) -> Message:
    return {"role": "user", "content": text}


def _reply_states(
    organism: Organism, starts: Sequence[Row], replies: Sequence[Sequence[tuple[int, ...]]], layers: Sequence[int]
) -> torch.Tensor:
    """``[layers, replies, width]`` float32: the mean state over each reply's tokens."""
    pairs = [(start, ids) for start, found in zip(starts, replies, strict=True) for ids in found]
    sites = tuple(Site(layer, "resid_post") for layer in layers)
    found: list[torch.Tensor] = []
    for batch in organism.run([Row((*start.ids, *ids), start.arm) for start, ids in pairs], Reads(False, sites)):
        stream = torch.stack([batch.sites[site] for site in sites]).float()
        for place, index in enumerate(batch.rows):
            found.append(stream[:, place, len(pairs[index][0].ids) : batch.lengths[place]].mean(1))
    return torch.stack(found, 1)


def _apart(first: torch.Tensor, second: torch.Tensor, direction: torch.Tensor) -> torch.Tensor:
    """``[layers]`` mean of the first less that of the second along the direction, in deviations of the second."""
    unit = direction / direction.norm(dim=-1, keepdim=True).clamp(min=1e-9)
    one, two = ((states * unit[:, None]).sum(-1) for states in (first, second))
    return (one.mean(1) - two.mean(1)) / two.std(1).clamp(min=1e-9)
