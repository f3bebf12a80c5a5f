"""The tokens that an activation points to."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch

from interp_bench_ext.contracts import Access, Arm, Organism, Reads, Row, Site
from interp_bench_ext.results import TokenReadings

from ._directions import layer_of
from ._metric import picked, prompt_ids


def activation_tokens(
    organism: Organism,
    *,
    prompt: str,
    prefill: str = "",
    layers: Sequence[int] = (),
    positions: Sequence[int] = (-3, -2, -1),
    top_k: int = 10,
    raw: bool = False,
) -> TokenReadings:
    """Find the tokens whose unembedding is most like the residual stream, by cosine, at some layers and positions.

    Unlike the lens it asks for direction alone, so frequent tokens do not win by their length. The control is the base
    at the same places, where the access reaches it.

    Access: activations
    Source: arXiv 2510.01070 (activation tokens)
    Magic: atokens
    Plot: a grid of the nearest tokens, the control's below

    Args:
        prompt: A user turn; with raw, a text.
        prefill: How the reply begins (with raw: more text).
        layers: Blocks after which to read; three spread over the depth by default.
        positions: Token positions to read; negative counts from the end.
        top_k: How many tokens for each place.
        raw: Take the prompt as raw text, without the chat template.
    """
    n = organism.info.n_layers
    at_layers = [layer_of(organism, layer) for layer in layers] or sorted({n // 3, (2 * n) // 3, n - 1})
    sites = tuple(Site(layer, "resid_post") for layer in at_layers)
    arms: list[Arm] = ["organism", "base"] if Access(organism.info.access).allows(Access.BASE) else ["organism"]
    labels, owners, tokens, scores, norms = [], [], [], [], []
    for arm in arms:
        ids = prompt_ids(organism, prompt, prefill, raw, arm)
        at = picked(positions, len(ids), "positions")
        read = next(iter(organism.run([Row(tuple(ids), arm)], Reads(logits=False, sites=sites, positions=tuple(at)))))
        states = torch.stack([read.sites[site][0] for site in sites]).float()
        values, found = _nearest(organism, states.flatten(0, 1), top_k, arm)
        names = organism.token_strings([ids[place] for place in at])
        labels += [f"L{layer} {name!r} ({place})" for layer in at_layers for name, place in zip(names, at, strict=True)]
        owners += [arm] * len(found)
        tokens += [tuple(organism.token_strings(row)) for row in found]
        scores.append(values)
        norms += states.flatten(0, 1).norm(dim=-1).tolist()
    return TokenReadings(
        labels=tuple(labels),
        arms=tuple(owners),
        tokens=tuple(tokens),
        scores=np.concatenate(scores).astype(np.float32),
        score="cosine",
        norms=np.array(norms, dtype=np.float32),
        arm="organism",
        control="base" if "base" in arms else "",
    )


def _nearest(organism: Organism, states: torch.Tensor, top_k: int, arm: Arm) -> tuple[np.ndarray, list[list[int]]]:
    """Cosines ``[N, K]`` and ids of the unembedding rows nearest to ``states`` [N, width]."""
    rows = organism.unembedding(arm=arm)
    lengths = rows.float().norm(dim=-1).clamp(min=1e-9)
    cosines = (states.to(rows.device) @ rows.float().T) / lengths / states.norm(dim=-1, keepdim=True).clamp(min=1e-9)
    values, ids = cosines.topk(min(top_k, len(rows)), -1)
    return values.cpu().numpy(), ids.tolist()
