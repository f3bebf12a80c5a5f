"""Which earlier tokens each head reads."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch

from interp_bench_ext.contracts import Organism, Reads, Row, Site, arm_of
from interp_bench_ext.errors import BadInput
from interp_bench_ext.results import AttentionGrid

from ._metric import picked, prompt_ids


def attention_patterns(
    organism: Organism,
    *,
    prompt: str,
    prefill: str = "",
    layers: Sequence[int] = (),
    heads: Sequence[int] | None = None,
    rollout: bool = False,
    raw: bool = False,
    base: bool = False,
) -> AttentionGrid:
    """Show whom each position attends to, head by head, or how tokens flow through all blocks together (rollout).

    Rollout averages the heads, adds the residual path, and multiplies the blocks up to each layer. The control is the
    base on the same text (base=True); many heads rest on the first token in every model.

    Access: activations
    Source: the model's own attention; rollout: arXiv 2005.00928, section 3
    Magic: attention
    Plot: a square per head, queries down and keys across

    Args:
        prompt: A user turn; with raw, a text.
        prefill: How the reply begins (with raw: more text).
        layers: Blocks to show; the last by default. With rollout: up to which blocks.
        heads: Heads to show; all by default.
        rollout: Give the flow through the blocks instead of heads.
        raw: Take the prompt as raw text, without the chat template.
        base: Read the base model instead; needs base access.
    """
    arm, n = arm_of(base), organism.info.n_layers
    ids = prompt_ids(organism, prompt, prefill, raw, arm)
    shown = picked(list(layers) or [-1], n, "layers")
    needed = range(max(shown) + 1) if rollout else sorted(set(shown))
    sites = tuple(Site(layer, "pattern") for layer in needed)
    read = next(iter(organism.run([Row(tuple(ids), arm)], Reads(logits=False, sites=sites))))
    # [layers][heads, query, key]
    patterns = {site.layer: read.sites[site][0].float().transpose(0, 1) for site in sites}
    if rollout:
        flows = _rollout([patterns[layer] for layer in needed])
        names, weights = [f"up to L{layer}" for layer in shown], torch.stack([flows[layer] for layer in shown])
    else:
        n_heads = patterns[shown[0]].shape[0]
        if any(not -n_heads <= head < n_heads for head in heads or ()):
            raise BadInput(f"Heads go from 0 to {n_heads - 1} here.")
        at = picked(heads, n_heads, "heads")
        names = [f"L{layer} H{head}" for layer in shown for head in at]
        weights = torch.stack([patterns[layer][head] for layer in shown for head in at])
    return AttentionGrid(
        tokens=tuple(organism.token_strings(ids)),
        heads=tuple(names),
        weights=weights.cpu().numpy().astype(np.float32),
        arm=arm,
    )


def _rollout(patterns: Sequence[torch.Tensor]) -> list[torch.Tensor]:
    """``[T, T]`` after each block: half the mean head, half the residual path, rows adding up to 1, multiplied up."""
    flows: list[torch.Tensor] = []
    for pattern in patterns:
        mean = pattern.mean(0)
        mixed = 0.5 * mean + 0.5 * torch.eye(len(mean)).to(mean)
        mixed = mixed / mixed.sum(-1, keepdim=True)
        flows.append(mixed @ flows[-1] if flows else mixed)
    return flows
