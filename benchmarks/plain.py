"""The work that is compared: by plain passes of Hugging Face's modules, and by an organism."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch

from interp_bench_ext.contracts import Reads, Row, Site
from interp_bench_ext.host.organism import LoadedOrganism


def streams(organism: LoadedOrganism) -> tuple[Site, ...]:
    """The residual stream before the first block and behind each."""
    return (Site(0, "resid_pre"), *(Site(layer, "resid_post") for layer in range(organism.info.n_layers)))


def lens(organism: LoadedOrganism, ids: tuple[int, ...], top_k: int, positions: tuple[int, ...] | None = None) -> Any:
    """The likeliest tokens of all layers, with the KL to the last."""
    sites = streams(organism)
    (batch,) = organism.run([Row(ids)], Reads(logits=False, sites=sites, positions=positions))
    stream = torch.stack([batch.sites[site][0] for site in sites])
    return organism.read(stream, top_k=top_k, reference=stream[-1])


@torch.no_grad()
def forward(model: Any, ids: tuple[int, ...]) -> torch.Tensor:
    """``[T, width]``: one pass without the unembedding."""
    given = torch.tensor([ids], device=model.device)
    states: torch.Tensor = model.model(input_ids=given, use_cache=False).last_hidden_state[0]
    return states


@torch.no_grad()
def lens_floor(model: Any, ids: tuple[int, ...], products: int) -> None:
    """The least that a lens does: the pass, and so many products with the unembedding."""
    states = forward(model, ids)
    for _ in range(products):
        model.lm_head(states)


def replies(model: Any, rows: Sequence[Row], tokens: int) -> Any:
    """Hugging Face's ``generate``: replies of one length at temperature 1, padded in front."""
    longest = max(len(row.ids) for row in rows)
    fill = [longest - len(row.ids) for row in rows]
    given = torch.tensor([[0] * pad + list(row.ids) for pad, row in zip(fill, rows, strict=True)], device=model.device)
    mask = torch.tensor([[0] * pad + [1] * len(row.ids) for pad, row in zip(fill, rows, strict=True)])
    fixed = {"max_new_tokens": tokens, "min_new_tokens": tokens, "pad_token_id": 0}
    return model.generate(given, attention_mask=mask.to(model.device), do_sample=True, top_k=0, **fixed)
