"""Every layer's residual stream carried to the last layer as the model itself carries a small change there."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from interp_bench_ext.contracts import Edit, Organism, Reads, Row, Site
from interp_bench_ext.conversations import Conversation
from interp_bench_ext.errors import BadInput
from interp_bench_ext.results import LensGrid

from ._everyday import PASSAGES
from ._lenses import lens_grid, read_places

_STEP = 0.02
"""Of the finite difference, as a share of the stream's own length."""


def jacobian_lens(
    organism: Organism,
    *,
    prompt: str | Conversation,
    prefill: str = "",
    layers: Sequence[int] | None = None,
    positions: Sequence[int] | None = (-4, -3, -2, -1),
    texts: Sequence[str] = (),
    skip: int = 4,
    top_k: int = 5,
    target: str = "",
    raw: bool = False,
) -> LensGrid:
    """Decode J h, J being the average Jacobian from a block's stream to the last one's over ordinary texts.

    It reads what an activation disposes the model to say later, not only at the next token. J h is taken as the
    model's own change when h is added a little at all places of a text, forwards and backwards (a central difference),
    so no matrix is made: a place costs two short passes a text. The last block is read as it is. The control is the
    plain logit lens at the same places.

    Access: activations
    Source: arXiv 2607.15495 (Jacobian lens)
    Magic: jlens
    Plot: a heat map of layers and positions

    Args:
        prompt: A user turn or a conversation; with raw, a text.
        prefill: How the assistant's reply begins (with raw: more text).
        layers: Blocks to read; eight from the first to the last by default, which is always among them.
        positions: Token positions to read; negative counts from the end. The last four by default.
        texts: Raw texts over which the Jacobian is averaged; everyday ones by default.
        skip: How many first tokens of each text are left out, at which models behave oddly.
        top_k: How many of the likeliest tokens to give per layer and position.
        target: A text whose first token is followed through the layers.
        raw: Take the prompt as raw text, without the chat template.
    """
    places = read_places(organism, prompt, prefill, layers, positions, raw)
    given = [Row(tuple(organism.text_ids(text))) for text in texts or PASSAGES]
    corpus = [row for row in given if len(row.ids) > skip + 1]
    if not corpus or skip < 0:
        raise BadInput(f"No text has more than {skip + 1} tokens: give longer texts, or a smaller skip.")
    carried = _carried(organism, corpus, places.layers[:-1], places.streams[:-1], skip)
    whole = torch.cat([carried, places.streams[-1:]])
    note = f"The Jacobian is averaged over {len(corpus)} texts."
    return lens_grid(organism, places, whole, lens="Jacobian lens", top_k=top_k, target=target, note=note)


def _carried(
    organism: Organism, corpus: Sequence[Row], layers: Sequence[int], streams: torch.Tensor, skip: int
) -> torch.Tensor:
    """``[L, P, width]`` of streams ``[L, P, width]``: the mean over texts, and over the places of each, of what all
    later places become.

    One call for all of them: below its block a row is its text's, which is then run once.
    """
    last = Site(organism.info.n_layers - 1, "resid_post")
    cells = [
        (layer, place, sign) for layer in range(len(layers)) for place in range(streams.shape[1]) for sign in (1, -1)
    ]

    def nudged(row: Row, layer: int, place: int, sign: int) -> Row:
        where = range(skip, len(row.ids) - 1)
        return Row(
            row.ids,
            edits=(Edit(Site(layers[layer], "resid_post"), where, "add", sign * _STEP * streams[layer, place]),),
        )

    rows = [nudged(row, *cell) for row in corpus for cell in cells]
    total = torch.zeros_like(streams)
    for batch in organism.run(rows, Reads(logits=False, sites=(last,))) if rows else ():
        for at, index in enumerate(batch.rows):
            layer, place, sign = cells[index % len(cells)]
            end = batch.lengths[at] - 1
            summed = batch.sites[last][at, skip:end].double().sum(0)
            total[layer, place] += (sign * summed / (2 * _STEP * (end - skip))).float()
    return total / len(corpus)
