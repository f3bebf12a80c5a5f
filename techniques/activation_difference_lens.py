"""What the mean difference between organism and base says, on text that has nothing to do with it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch

from interp_bench_ext.contracts import Arm, Edit, Organism, Reads, Row, Site
from interp_bench_ext.results import TokenReadings

from ._directions import layer_of
from ._everyday import OPENINGS, PROMPTS


def activation_difference_lens(
    organism: Organism,
    *,
    texts: Sequence[str] = (),
    layer: int | None = None,
    first: int = 4,
    top_k: int = 12,
    steer: float = 0.0,
    max_new_tokens: int = 40,
    seed: int = 0,
) -> TokenReadings:
    """Average the difference of organism and base on the first tokens of unrelated texts, and read it as tokens.

    Narrow training leaves a trace in the stream that speaks of its subject everywhere. The control is the difference
    between two halves of the same texts in the base alone, scaled to the same length: what it reads is chance.

    Access: base
    Source: arXiv 2510.13900 (activation difference lens)
    Magic: adl
    Plot: a grid of tokens by position, the control's below

    Args:
        texts: Raw texts that have nothing to do with the question; everyday ones by default.
        layer: The block after which to read; the middle one by default.
        first: How many of each text's own first tokens.
        top_k: How many tokens for each position.
        steer: With a number above 0, the organism's texts with so many times the difference added are given too.
        max_new_tokens: Longest of those texts, in tokens.
        seed: Of those texts.
    """
    given = list(texts) or [*PROMPTS, *OPENINGS]
    site = Site(layer_of(organism, layer), "resid_post")
    states = [_first_states(organism, given, site, first, arm) for arm in ("organism", "base")]
    size = min(state.shape[1] for state in states)
    own, base = (state[:, :size] for state in states)
    known = ~base.isnan().any(-1)
    change = _mean(own - base, known)
    half = torch.arange(len(given)) % 2 == 0
    noise = _mean(base[half], known[half]) - _mean(base[~half], known[~half])
    control = noise * (change.norm(dim=-1) / noise.norm(dim=-1).clamp(min=1e-9))[:, None]
    found = organism.read(torch.cat([change, control]), top_k=top_k)
    return TokenReadings(
        labels=tuple(f"token {place + 1} of a text" for place in range(size)) * 2,
        arms=("difference",) * size + ("two halves of the base",) * size,
        tokens=tuple(tuple(organism.token_strings(row.tolist())) for row in found.top_ids),
        scores=np.exp(found.top_logprobs).astype(np.float32),
        score="p",
        norms=torch.cat([change.norm(dim=-1), noise.norm(dim=-1)]).cpu().numpy().astype(np.float32),
        arm="difference",
        control="two halves of the base",
        texts=_steered(organism, site, change.mean(0) * steer, max_new_tokens, seed) if steer else (),
    )


def _first_states(organism: Organism, texts: Sequence[str], site: Site, first: int, arm: Arm) -> torch.Tensor:
    """``[texts, first, width]`` after the first tokens of each text's own, NaN where it is shorter."""
    rows = [Row(tuple(organism.text_ids(text, arm=arm)), arm) for text in texts]
    own = [min(len(organism.piece_ids(text)), len(row.ids)) for text, row in zip(texts, rows, strict=True)]
    found = torch.full((len(texts), first, organism.info.width), float("nan"))
    for batch in organism.run(rows, Reads(logits=False, sites=(site,))):
        for place, index in enumerate(batch.rows):
            begin = batch.lengths[place] - own[index]
            kept = batch.sites[site][place, begin : batch.lengths[place]][:first].float().cpu()
            found[index, : len(kept)] = kept
    return found


def _mean(states: torch.Tensor, known: torch.Tensor) -> torch.Tensor:
    """``[first, width]`` mean over the texts that are long enough."""
    total = torch.where(known[..., None], states, torch.zeros(())).sum(0)
    return total / known.sum(0).clamp(min=1)[:, None]


def _steered(organism: Organism, site: Site, vector: torch.Tensor, max_new_tokens: int, seed: int) -> tuple[str, ...]:
    rows = [Row(tuple(organism.text_ids(text)), edits=(Edit(site, None, "add", vector),)) for text in OPENINGS[:4]]
    written = organism.generate(rows, max_new_tokens=max_new_tokens, temperature=0.7, seed=seed)
    return tuple(f"{opening}{found[0].text}" for opening, found in zip(OPENINGS, written, strict=False))
