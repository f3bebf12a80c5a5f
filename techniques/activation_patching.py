"""Where in the model the difference between two prompts becomes the difference of the answer."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import numpy as np

from interp_bench_ext.contracts import Edit, Organism, Reads, Row, Site
from interp_bench_ext.results import EffectGrid

from ._metric import SHORT, Difference, Ends, pair, picked


def activation_patching(
    organism: Organism,
    *,
    clean: str,
    corrupt: str,
    target: str,
    other: str,
    prefill: str = "",
    part: Literal["resid_pre", "attn_out", "mlp_out", "head"] = "resid_pre",
    layers: Sequence[int] | None = None,
    positions: Sequence[int] | None = None,
    raw: bool = False,
) -> EffectGrid:
    """Run the corrupt prompt with one activation at a time from the clean one, and see what brings the answer back.

    An effect of 1 is the clean prompt's whole logit difference brought back, 0 none of it. The control is in the grid:
    at tokens before the first that differs the effect is 0.

    Access: activations
    Source: arXiv 2202.05262; arXiv 2309.16042 (denoising, normalised logit difference)
    Magic: patch
    Plot: a heat map of sites and tokens

    Args:
        clean: A user turn whose answer is the target; with raw, a text.
        corrupt: The same with a word changed, so that the answer is the other; of as many tokens.
        target: The clean answer, one token, mostly with a space before it.
        other: The corrupt answer, one token.
        prefill: How the reply begins before the answer (with raw: more text).
        part: What is patched: the stream before a block, or what attention, the MLP or each head gives. Heads are
            patched at all positions at once.
        layers: Blocks to patch; all by default.
        positions: Token positions to patch; all from the first that differs by default.
        raw: Take the prompts as raw text, without the chat template.
    """
    ids, corrupt_ids = pair(organism, clean, corrupt, prefill, raw)
    metric = Difference.of(organism, target, other)
    at_layers = picked(layers, organism.info.n_layers, "layers")
    first = next(row for row, (one, two) in enumerate(zip(ids, corrupt_ids, strict=True)) if one != two)
    at = list(range(first, len(ids))) if positions is None else picked(positions, len(ids), "positions")
    sites = tuple(Site(layer, part) for layer in at_layers)
    kept = next(iter(organism.run([Row(tuple(ids))], Reads(sites=sites))))
    ends = kept.logits[0, len(ids) - 1 :], _last_logits(organism, [Row(tuple(corrupt_ids))])
    between = Ends(*(float(metric.value(end[0])) for end in ends))
    names, rows = _rows(organism, part, at_layers, at, tuple(corrupt_ids), kept.sites)
    values = metric.value(_last_logits(organism, rows)).cpu().numpy()
    effects = between.share(values - between.corrupt)
    heads = part == "head"
    return EffectGrid(
        tokens=("all",) if heads else tuple(organism.token_strings([corrupt_ids[row] for row in at])),
        positions=(0,) if heads else tuple(at),
        sites=tuple(names),
        effects=effects.reshape(len(names), -1).astype(np.float32),
        metric=between.said(metric),
        arm="organism",
    )


def _rows(
    organism: Organism, part: Any, layers: Sequence[int], at: Sequence[int], ids: tuple[int, ...], clean: Any
) -> tuple[list[str], list[Row]]:
    """Names of the grid's lines, and a row for each of its cells, line by line."""
    if part == "head":
        pairs = [(layer, head) for layer in layers for head in range(organism.info.n_heads)]
        everywhere = range(len(ids))
        rows = [
            Row(ids, edits=(Edit(Site(layer, part, head), everywhere, "set", clean[Site(layer, part)][0, :, head]),))
            for layer, head in pairs
        ]
        return [f"L{layer} H{head}" for layer, head in pairs], rows
    rows = [
        Row(ids, edits=(Edit(Site(layer, part), (position,), "set", clean[Site(layer, part)][0, position]),))
        for layer in layers
        for position in at
    ]
    return [f"L{layer} {SHORT[part]}" for layer in layers], rows


def _last_logits(organism: Organism, rows: Sequence[Row]) -> Any:
    """``[rows, vocabulary]`` at the last position of each."""
    import torch

    return torch.cat([batch.logits[:, -1] for batch in organism.run(rows, Reads(positions=(-1,)))])
