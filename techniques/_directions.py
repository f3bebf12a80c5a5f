"""Directions of the residual stream: read from contrasting texts, given, or drawn at random as the control."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch

from interp_bench_ext.contracts import Arm, Organism, Reads, Row, Site
from interp_bench_ext.errors import BadInput


def layer_of(organism: Organism, layer: int | None) -> int:
    """The block that is meant: the middle one by default, negative ones counted from the end. Raises BadInput."""
    n = organism.info.n_layers
    if layer is None:
        return n // 2
    if not -n <= layer < n:
        raise BadInput(f"There is no layer {layer}: blocks go from 0 to {n - 1}, or from -{n} to -1.")
    return layer % n


def text_states(
    organism: Organism, texts: Sequence[str], layers: Sequence[int], *, pool: str = "mean", arm: Arm = "organism"
) -> torch.Tensor:
    """``[layers, texts, width]`` float32: the residual stream after each of these blocks (-1: before the first).

    Mean over the text's own tokens, or its last one; what opens every text alike is left out.
    """
    if not texts or not all(text.strip() for text in texts):
        raise BadInput("There is a text without words: give each list at least one text, and none that is empty.")
    rows = [Row(tuple(organism.text_ids(text, arm=arm)), arm) for text in texts]
    own = [max(1, min(len(organism.piece_ids(text)), len(row.ids))) for text, row in zip(texts, rows, strict=True)]
    sites = tuple(Site(0, "resid_pre") if layer < 0 else Site(layer, "resid_post") for layer in layers)
    found: list[torch.Tensor] = []
    for batch in organism.run(rows, Reads(logits=False, sites=sites)):
        stream = torch.stack([batch.sites[site] for site in sites]).float()
        for place, index in enumerate(batch.rows):
            end = batch.lengths[place]
            begin = end - 1 if pool == "last" else end - own[index]
            found.append(stream[:, place, begin:end].mean(1))
    return torch.stack(found, 1)


def contrast_vector(
    organism: Organism, positive: Sequence[str], negative: Sequence[str], layer: int, *, pool: str
) -> torch.Tensor:
    """``[width]`` mean of the positive texts' states less that of the negative ones (CAA, arXiv 2312.06681)."""
    states = text_states(organism, [*positive, *negative], [layer], pool=pool)[0]
    return states[: len(positive)].mean(0) - states[len(positive) :].mean(0)


def given_vector(organism: Organism, vector: Sequence[float]) -> torch.Tensor:
    """A caller's vector ``[width]``. Raises BadInput for another length."""
    width = organism.info.width
    if len(vector) != width:
        raise BadInput(f"The vector has {len(vector)} numbers, and the residual stream of this model has {width}.")
    return torch.tensor(vector, dtype=torch.float32)


def direction(
    organism: Organism,
    positive: Sequence[str],
    negative: Sequence[str],
    vector: Sequence[float],
    layer: int,
    *,
    pool: str = "mean",
) -> torch.Tensor:
    """``[width]`` from a vector or from contrasting texts, whichever was given. Raises BadInput for neither."""
    found: torch.Tensor
    if len(vector):
        found = given_vector(organism, vector)
    elif positive and negative:
        found = contrast_vector(organism, positive, negative, layer, pool=pool)
    else:
        raise BadInput("Give a vector, or texts that have the property (positive) and texts that lack it (negative).")
    if not float(found.norm()) > 0:
        raise BadInput("The direction has no length: the positive and the negative texts leave the same state.")
    return found


def random_like(vector: torch.Tensor, seed: int) -> torch.Tensor:
    """A direction drawn at random, as long as ``vector``: the control."""
    drawn = torch.randn(vector.shape, generator=torch.Generator().manual_seed(seed)).to(vector)
    return drawn * (vector.norm() / drawn.norm())


def numbers(tensor: torch.Tensor) -> Any:
    """As numpy float32."""
    return tensor.detach().float().cpu().numpy()
