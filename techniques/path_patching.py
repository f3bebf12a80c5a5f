"""Which heads, MLPs or attention blocks act on a later part of the model directly."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
import torch

from interp_bench_ext.contracts import Edit, Organism, Reads, Row, Site
from interp_bench_ext.results import EffectGrid

from ._metric import SHORT, Difference, Ends, last_values, pair, picked


def path_patching(
    organism: Organism,
    *,
    clean: str,
    corrupt: str,
    target: str,
    other: str,
    prefill: str = "",
    receiver: Literal["logits", "q", "k", "v"] = "logits",
    receiver_layer: int | None = None,
    receiver_head: int | None = None,
    senders: Literal["head", "attn_out", "mlp_out"] = "head",
    layers: Sequence[int] | None = None,
    raw: bool = False,
) -> EffectGrid:
    """Give one receiver what each sender alone would add to its input on the clean prompt, all else staying corrupt.

    The direct path is the residual stream: what lies between sender and receiver does not hear of the change. So a head
    that works through others shows nothing at the logits, and shows at the inputs of those others. An effect of 1 is
    the clean prompt's whole logit difference. The control is in the grid: senders that do not matter lie at 0, and at
    the logits the effects of all heads and MLPs add up to nearly 1, as far as the final norm lets them.

    Access: activations
    Source: arXiv 2304.05969; Wang et al. 2022, arXiv 2211.00593
    Magic: paths
    Plot: a heat map of the senders

    Args:
        clean: A user turn whose answer is the target; with raw, a text.
        corrupt: The same with a word changed, so that the answer is the other; of as many tokens.
        target: The clean answer, one token, mostly with a space before it.
        other: The corrupt answer, one token.
        prefill: How the reply begins before the answer (with raw: more text).
        receiver: The logits, or the queries, keys or values of a block.
        receiver_layer: Of q, k or v: the block; the last by default.
        receiver_head: Of q, k or v: one head; all by default. Keys and values may have fewer heads.
        senders: Each head, or what attention or the MLP of a block gives.
        layers: Blocks of the senders; all before the receiver by default.
        raw: Take the prompts as raw text, without the chat template.
    """
    ids, corrupt_ids = pair(organism, clean, corrupt, prefill, raw)
    metric, last = Difference.of(organism, target, other), organism.info.n_layers - 1
    at = last if receiver_layer is None else picked([receiver_layer], last + 1, "receiver_layer")[0]
    most = last + 1 if receiver == "logits" else at
    blocks = [layer for layer in picked(layers, last + 1, "layers") if layer < most]
    names, changes = _changes(organism, senders, blocks, tuple(ids), tuple(corrupt_ids))
    row = Row(tuple(corrupt_ids))
    ends = [float(last_values(organism, metric, [Row(tuple(each))])[0]) for each in (ids, corrupt_ids)]
    entry = Site(last, "resid_post") if receiver == "logits" else Site(at, "resid_pre")
    heard = [Row(row.ids, edits=(Edit(entry, range(len(ids)), "add", change),)) for change in changes]
    if receiver != "logits":
        heard = _received(organism, heard, Site(at, receiver), receiver_head, row)
    values = last_values(organism, metric, heard) if heard else np.zeros(0, np.float32)
    between = Ends(*ends)
    head = "" if receiver_head is None else f" H{receiver_head}"
    return EffectGrid(
        tokens=("logits" if receiver == "logits" else f"{receiver} of L{at}{head}",),
        positions=(0,),
        sites=tuple(names),
        effects=between.share(values - between.corrupt)[:, None].astype(np.float32),
        metric=f"direct to the {receiver}: {between.said(metric)}",
        arm="organism",
    )


def _changes(
    organism: Organism, senders: Any, blocks: Sequence[int], clean: tuple[int, ...], corrupt: tuple[int, ...]
) -> tuple[list[str], list[torch.Tensor]]:
    """Of each sender its name, and ``[T, width]``: what it adds to the stream on the clean prompt less the corrupt."""
    into: Any = "mlp_out" if senders == "mlp_out" else "attn_out"
    sites = tuple(Site(layer, into) for layer in blocks)
    if not sites:
        return [], []
    kept = [_read(organism, Row(each), sites) for each in (clean, corrupt)]
    if senders != "head":
        names = [f"L{layer} {SHORT[into]}" for layer in blocks]
        return names, [kept[0][site] - kept[1][site] for site in sites]
    heads = _read(organism, Row(clean), tuple(Site(layer, "head") for layer in blocks))
    names, changes = [], []
    for site in sites:
        own = heads[Site(site.layer, "head")]
        rows = [
            Row(corrupt, edits=(Edit(Site(site.layer, "head", head), range(len(corrupt)), "set", own[:, head]),))
            for head in range(own.shape[1])
        ]
        for head, found in enumerate(_each(organism, rows, site)):
            names.append(f"L{site.layer} H{head}")
            changes.append(found - kept[1][site])
    return names, changes


def _read(organism: Organism, row: Row, sites: tuple[Site, ...]) -> dict[Site, torch.Tensor]:
    """``[T, *shape]`` float32 of each site."""
    (batch,) = organism.run([row], Reads(logits=False, sites=sites))
    return {site: batch.sites[site][0].float() for site in sites}


def _each(organism: Organism, rows: Sequence[Row], site: Site) -> list[torch.Tensor]:
    """``[T, *shape]`` float32 at one site of each row; all are of one length."""
    batches = organism.run(rows, Reads(logits=False, sites=(site,)))
    return [found.float() for batch in batches for found in batch.sites[site]]


def _received(organism: Organism, heard: Sequence[Row], site: Site, head: int | None, row: Row) -> list[Row]:
    """The corrupt row with the receiver's values as it heard them, and nothing else changed."""
    whole = range(len(row.ids))
    found = _each(organism, heard, site)
    if head is None:
        return [Row(row.ids, edits=(Edit(site, whole, "set", values),)) for values in found]
    one = Site(site.layer, site.part, head)
    organism.site_shape(one)
    return [Row(row.ids, edits=(Edit(one, whole, "set", values[:, head]),)) for values in found]
