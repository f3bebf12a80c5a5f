"""Every layer's residual stream read through a map to the last layer that was fitted for it."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from interp_bench_ext.contracts import Organism, Reads, Row, Site
from interp_bench_ext.conversations import Conversation
from interp_bench_ext.errors import BadInput
from interp_bench_ext.results import LensGrid

from ._everyday import OPENINGS
from ._lenses import lens_grid, read_places

_PARTS = 4
"""Of every four texts one is held out, and one chooses the ridge's strength."""
_LEAST = 8
"""Texts that a fit needs."""
_STRENGTHS = (0.01, 0.1, 1.0, 10.0)
"""Of the ridge, in units of the mean variance of a stream's number; the one that predicts other texts best."""


def tuned_lens(
    organism: Organism,
    *,
    prompt: str | Conversation,
    prefill: str = "",
    layers: Sequence[int] | None = None,
    positions: Sequence[int] | None = None,
    texts: Sequence[str] = (),
    top_k: int = 5,
    target: str = "",
    raw: bool = False,
    seed: int = 0,
) -> LensGrid:
    """Decode the stream after some blocks through h + A h + b, fitted so that it predicts the last block's stream.

    Early layers write in another basis than the last one reads: the plain logit lens then shows noise where there is
    something. The control is the plain lens at the same places, and the note says how both do on texts that were not
    fitted to. The maps are fitted here by ridge regression on the streams, not by descent on the KL as in the paper.

    Access: activations
    Source: arXiv 2303.08112 (tuned lens); the fit by ridge regression
    Magic: tuned
    Plot: a heat map of layers and positions

    Args:
        prompt: A user turn or a conversation; with raw, a text.
        prefill: How the assistant's reply begins (with raw: more text).
        layers: Blocks to read; eight from the first to the last by default, which is always among them.
        positions: Token positions to read; negative counts from the end. All by default.
        texts: Raw texts to fit on, the more the better; what the organism writes by itself by default.
        top_k: How many of the likeliest tokens to give per layer and position.
        target: A text whose first token is followed through the layers.
        raw: Take the prompt as raw text, without the chat template.
        seed: Of the texts that the organism writes.
    """
    places = read_places(organism, prompt, prefill, layers, positions, raw)
    rows = _texts(organism, texts, seed)
    sites = tuple(Site(layer, "resid_post") for layer in places.layers)
    fitted_to, chosen_by, held_out = _streams(organism, rows, sites)
    target_held = held_out[-1]
    carried, tuned_held = [], []
    for place in range(len(sites)):
        if place == len(sites) - 1:  # the last block is read as it is
            carried.append(places.streams[place])
            tuned_held.append(target_held)
            continue
        fit = _Fit.best(fitted_to[place], fitted_to[-1], chosen_by[place], chosen_by[-1])
        carried.append(fit.of(places.streams[place]))
        tuned_held.append(fit.of(held_out[place]))
    kl = organism.read(torch.stack(tuned_held), reference=target_held).kl.mean(-1)
    plain = organism.read(held_out, reference=target_held).kl.mean(-1)
    pairs = "; ".join(
        f"L{layer + 1} {one:.2f} against {two:.2f}" for layer, one, two in zip(places.layers, kl, plain, strict=True)
    )
    note = (
        f"Fitted on {fitted_to.shape[1]:,} tokens. KL to final on {held_out.shape[1]:,} tokens of other texts, by this "
        f"lens against the plain one, nats: {pairs}."
    )
    return lens_grid(organism, places, torch.stack(carried), lens="tuned lens", top_k=top_k, target=target, note=note)


class _Fit:
    """``h + (h - m) A + b``: what is left between a layer's stream and the last one's, by ridge regression."""

    def __init__(self, streams: torch.Tensor, last: torch.Tensor, strength: float) -> None:
        self._mean = streams.double().mean(0)
        centred, rest = streams.double() - self._mean, last.double() - streams.double()
        self._offset = rest.mean(0)
        gram = centred.mT @ centred
        ridge = strength * float(gram.diagonal().mean()) * torch.eye(len(gram), dtype=gram.dtype, device=gram.device)
        self._matrix = torch.linalg.solve(gram + ridge, centred.mT @ (rest - self._offset))

    @classmethod
    def best(cls, streams: torch.Tensor, last: torch.Tensor, other: torch.Tensor, other_last: torch.Tensor) -> _Fit:
        """Of the strengths, the one with the least squared error on other streams."""
        fits = [cls(streams, last, strength) for strength in _STRENGTHS]
        return min(fits, key=lambda fit: float((fit.of(other) - other_last).square().sum()))

    def of(self, streams: torch.Tensor) -> torch.Tensor:
        """``[..., width]`` in the last layer's basis."""
        given = streams.double()
        return (given + (given - self._mean) @ self._matrix + self._offset).float()


def _texts(organism: Organism, texts: Sequence[str], seed: int) -> list[Row]:
    if texts:
        if len(texts) < _LEAST:
            raise BadInput(f"tuned_lens was given {len(texts)} texts to fit on: give at least {_LEAST}, or none.")
        return [Row(tuple(organism.text_ids(text))) for text in texts]
    starts = [Row(tuple(organism.text_ids(text))) for text in OPENINGS]
    written = organism.generate(starts, n=2, max_new_tokens=64, temperature=1.0, seed=seed)
    return [Row((*start.ids, *reply.ids)) for start, replies in zip(starts, written, strict=True) for reply in replies]


def _streams(
    organism: Organism, rows: Sequence[Row], sites: tuple[Site, ...]
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """``[L, tokens, width]`` float32 of the texts to fit to, to choose by, and to hold out; first tokens left out."""
    parts: list[list[torch.Tensor]] = [[], [], []]
    for batch in organism.run(rows, Reads(logits=False, sites=sites)):
        for place, index in enumerate(batch.rows):
            stream = torch.stack([batch.sites[site][place, 1 : batch.lengths[place]] for site in sites]).float()
            parts[{0: 2, 1: 1}.get(index % _PARTS, 0)].append(stream)
    fitted, chosen, held = (torch.cat(part, 1) for part in parts)
    if not fitted.shape[1] or not chosen.shape[1] or not held.shape[1]:
        raise BadInput("The texts to fit on have no more than one token each: give longer ones.")
    return fitted, chosen, held
