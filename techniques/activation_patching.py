"""Where in the model the difference between two prompts becomes the difference of the answer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal

import numpy as np

from interp_bench_ext.contracts import Edit, Organism, Reads, Row, Site
from interp_bench_ext.results import EffectGrid

from ._metric import SHORT, Difference, Ends, Part, last_values, pair, picked


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
    (corrupted,) = last_values(organism, metric, [Row(tuple(corrupt_ids))])
    between = Ends(float(metric.value(kept.logits[0, len(ids) - 1])), float(corrupted))
    heads = part == "head"
    if heads:
        names, rows = _heads(organism, at_layers, first, tuple(corrupt_ids), kept.sites)
    else:
        names, rows = _places(part, at_layers, at, tuple(corrupt_ids), kept.sites)
    values = last_values(organism, metric, rows).reshape(1 if heads else len(at), len(names)).T
    return EffectGrid(
        tokens=("all",) if heads else tuple(organism.token_strings([corrupt_ids[row] for row in at])),
        positions=(0,) if heads else tuple(at),
        sites=tuple(names),
        effects=between.share(values - between.corrupt).astype(np.float32),
        metric=between.said(metric),
        arm="organism",
    )


def _heads(
    organism: Organism, layers: Sequence[int], first: int, ids: tuple[int, ...], clean: Mapping[Site, Any]
) -> tuple[list[str], list[Row]]:
    """Names of the grid's lines, and a row for each: before the ``first`` token that differs, heads do not differ."""
    pairs = [(layer, head) for layer in layers for head in range(organism.info.n_heads)]
    where = range(first, len(ids))
    rows = [
        Row(ids, edits=(Edit(Site(layer, "head", head), where, "set", clean[Site(layer, "head")][0, first:, head]),))
        for layer, head in pairs
    ]
    return [f"L{layer} H{head}" for layer, head in pairs], rows


def _places(
    part: Part, layers: Sequence[int], at: Sequence[int], ids: tuple[int, ...], clean: Mapping[Site, Any]
) -> tuple[list[str], list[Row]]:
    """Names of the grid's lines, and a row for each of its cells: all lines at the first position, and so on.

    So rows that begin at one position follow each other, and share the passes of what comes before it.
    """
    rows = [
        Row(ids, edits=(Edit(Site(layer, part), (position,), "set", clean[Site(layer, part)][0, position]),))
        for position in at
        for layer in layers
    ]
    return [f"L{layer} {SHORT[part]}" for layer in layers], rows
