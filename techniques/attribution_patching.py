"""Activation patching everywhere at once, estimated by gradients."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import numpy as np

from interp_bench_ext.contracts import Organism, Reads, Row, Site
from interp_bench_ext.results import EffectGrid

from ._metric import SHORT, Difference, Ends, pair, picked


def attribution_patching(
    organism: Organism,
    *,
    clean: str,
    corrupt: str,
    target: str,
    other: str,
    prefill: str = "",
    part: Literal["resid_pre", "attn_out", "mlp_out", "head"] = "attn_out",
    layers: Sequence[int] | None = None,
    raw: bool = False,
) -> EffectGrid:
    """Estimate what patching every activation would do, in one forward and one backward pass.

    The estimate is the gradient of the logit difference on the corrupt prompt times what patching would change. It is
    good for small changes and misses what attention patterns and norms do about large ones: confirm its largest
    effects with activation_patching, which is the control.

    Access: weights
    Source: Nanda 2023, "Attribution patching"; arXiv 2310.10348
    Magic: attribute
    Plot: a heat map of sites and tokens

    Args:
        clean: A user turn whose answer is the target; with raw, a text.
        corrupt: The same with a word changed, so that the answer is the other; of as many tokens.
        target: The clean answer, one token, mostly with a space before it.
        other: The corrupt answer, one token.
        prefill: How the reply begins before the answer (with raw: more text).
        part: Of what: the stream before a block, or what attention, the MLP or each head gives.
        layers: Blocks to look at; all by default.
        raw: Take the prompts as raw text, without the chat template.
    """
    ids, corrupt_ids = pair(organism, clean, corrupt, prefill, raw)
    metric = Difference.of(organism, target, other)
    at_layers = picked(layers, organism.info.n_layers, "layers")
    sites = tuple(Site(layer, part) for layer in at_layers)

    def score(_row: int, logits: Any) -> Any:
        return metric.value(logits[-1])

    kept = next(iter(organism.run([Row(tuple(ids))], Reads(sites=sites))))
    read = next(iter(organism.run([Row(tuple(corrupt_ids))], Reads(sites=sites, grad_of=score))))
    between = Ends(float(score(0, kept.logits[0])), float(score(0, read.logits[0])))
    lines, names = [], []
    for site in sites:
        change = (kept.sites[site][0].float() - read.sites[site][0].float()) * read.gradients[site][0].float()
        if part == "head":
            lines += list(change.sum(-1).T.cpu().numpy())
            names += [f"L{site.layer} H{head}" for head in range(change.shape[1])]
        else:
            lines.append(change.sum(-1).cpu().numpy())
            names.append(f"L{site.layer} {SHORT[part]}")
    return EffectGrid(
        tokens=tuple(organism.token_strings(corrupt_ids)),
        positions=tuple(range(len(ids))),
        sites=tuple(names),
        effects=between.share(np.stack(lines)).astype(np.float32),
        metric=f"{between.said(metric)}, estimated",
        arm="organism",
    )
