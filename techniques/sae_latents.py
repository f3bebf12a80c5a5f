"""Which latents of a sparse autoencoder a text turns on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from interp_bench_ext.contracts import Access, Arm, Organism, Reads, Row, arm_of
from interp_bench_ext.errors import BadInput
from interp_bench_ext.results import SaeLatents

from ._everyday import PASSAGES
from ._generations import as_texts

_SHOWN = 5
"""Tokens that are given of each latent."""


def sae_latents(
    organism: Organism,
    *,
    texts: str | Sequence[str],
    top_k: int = 12,
    skip: int = 1,
    chat: bool = False,
) -> SaeLatents:
    """Read texts through the sparse autoencoder that the config names, and give the latents that stand out.

    Latents are ranked by how much more they are on, in the mean over all positions, than in the control: the base on
    the same texts, or, where the access does not reach it, the organism on everyday passages. How much of the variance
    the autoencoder leaves out is given for both: near 1, it is for another model or place, and no latent means much.
    ``found.direction(latent)`` is what a latent writes, as steering and ablation take it.

    Access: activations
    Source: arXiv 2309.08600, 2408.05147; files of sae-lens
    Magic: sae
    Plot: bars of the latents' means, the control's beside

    Args:
        texts: A text or a list of them.
        top_k: How many latents to give.
        skip: How many of each text's first positions are left out: models put very long vectors there.
        chat: Take each text as a user's turn, with the reply's turn open; else as raw text.
    """
    given = as_texts(texts)
    if not given or not all(text.strip() for text in given):
        raise BadInput("There is a text without words: give at least one text, and none that is empty.")
    with_base = Access(organism.info.access).allows(Access.BASE)
    own = _on(organism, given, skip, chat, "organism")
    texts_beside = given if with_base else PASSAGES
    other = _on(organism, texts_beside, skip, chat and with_base, arm_of(with_base))
    gain = own.means - other.means
    best = gain.topk(min(top_k, len(gain))).indices
    best = best[(own.means[best] > 0)]
    return SaeLatents(
        latents=best.cpu().numpy().astype(np.int64),
        means=_floats(own.means[best]),
        control_means=_floats(other.means[best]),
        shares=_floats(own.shares[best]),
        control_shares=_floats(other.shares[best]),
        top_tokens=tuple(tuple(_strongest(organism, own, int(latent))) for latent in best),
        directions=_floats(organism.autoencoder().decoder[best]),
        left_out=own.left_out,
        control_left_out=other.left_out,
        active=float(own.shares.sum()),
        control_active=float(other.shares.sum()),
        n_positions=len(own.ids),
        site=str(organism.autoencoder().site),
        arm="organism",
        control="base" if with_base else "organism on everyday passages",
    )


@dataclass(frozen=True)
class _On:
    """What texts turn on: P positions, N latents."""

    ids: list[int]
    """[P]"""
    latents: torch.Tensor
    """[P, N]"""
    left_out: float
    """Share of the variance over positions that is not rebuilt."""

    @property
    def means(self) -> torch.Tensor:
        return self.latents.mean(0)

    @property
    def shares(self) -> torch.Tensor:
        """Of the positions, those at which the latent is on."""
        return (self.latents > 0).float().mean(0)


def _on(organism: Organism, texts: Sequence[str], skip: int, chat: bool, arm: Arm) -> _On:
    autoencoder = organism.autoencoder()
    rows = [Row(tuple(_ids(organism, text, chat, arm)), arm) for text in texts]
    ids: list[int] = []
    values: list[torch.Tensor] = []
    for batch in organism.run(rows, Reads(logits=False, sites=(autoencoder.site,))):
        for place, index in enumerate(batch.rows):
            kept = batch.sites[autoencoder.site][place, skip : batch.lengths[place]].float()
            values.append(kept.flatten(1))
            ids += rows[index].ids[skip:]
    if not ids:
        raise BadInput(f"No text has more than the {skip} tokens that are left out: give longer ones, or skip=0.")
    seen = torch.cat(values)
    latents = autoencoder.encode(seen)
    error = (seen - autoencoder.decode(latents)).square().sum()
    spread = (seen - seen.mean(0)).square().sum().clamp(min=1e-12)
    return _On(ids, latents, float(error / spread))


def _ids(organism: Organism, text: str, chat: bool, arm: Arm) -> list[int]:
    if chat:
        return organism.chat_ids([{"role": "user", "content": text}], arm=arm)
    return organism.text_ids(text, arm=arm)


def _strongest(organism: Organism, own: _On, latent: int) -> list[str]:
    """Tokens at which the latent is on most, each once."""
    order = own.latents[:, latent].argsort(descending=True)
    ids = [own.ids[place] for place in order.tolist() if float(own.latents[place, latent]) > 0]
    return organism.token_strings(list(dict.fromkeys(ids))[:_SHOWN])


def _floats(values: Any) -> np.ndarray:
    return values.detach().float().cpu().numpy()
