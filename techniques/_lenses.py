"""What the lenses share: which places are read, and the grid that comes of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch

from interp_bench_ext.contracts import Arm, Organism, Reading, Reads, Row, Site
from interp_bench_ext.conversations import Conversation, as_conversations
from interp_bench_ext.errors import BadInput
from interp_bench_ext.results import LensGrid

from ._metric import picked

_LAYERS = 8
"""Blocks that are read unless some are named."""


@dataclass(frozen=True)
class Places:
    """The streams of a text: of which blocks and positions."""

    ids: tuple[int, ...]
    layers: tuple[int, ...]
    """Blocks, the last one included."""
    positions: tuple[int, ...]
    streams: torch.Tensor
    """``[L, P, width]`` float32 after those blocks."""


def read_places(
    organism: Organism,
    prompt: str | Conversation,
    prefill: str,
    layers: Sequence[int] | None,
    positions: Sequence[int] | None,
    raw: bool,
) -> Places:
    """The streams that a lens is asked about. Raises BadInput."""
    ids = _ids(organism, prompt, prefill, raw)
    last = organism.info.n_layers - 1
    if layers is None:
        blocks = sorted({round(last * step / (_LAYERS - 1)) for step in range(_LAYERS)})
    else:
        blocks = sorted({*picked(layers, last + 1, "layers"), last})
    at = picked(positions, len(ids), "positions")
    sites = tuple(Site(layer, "resid_post") for layer in blocks)
    (batch,) = organism.run([Row(ids)], Reads(logits=False, sites=sites, positions=tuple(at)))
    streams = torch.stack([batch.sites[site][0].float() for site in sites])
    return Places(ids, tuple(blocks), tuple(at), streams)


def _ids(organism: Organism, prompt: str | Conversation, prefill: str, raw: bool) -> tuple[int, ...]:
    if raw:
        if not isinstance(prompt, str):
            raise BadInput("With raw the prompt is a text, not a conversation.")
        return tuple(organism.text_ids(prompt + prefill))
    (conversation,) = as_conversations(prompt)
    return tuple(organism.chat_ids(conversation, prefill=prefill, thinking="close" if prefill else "keep"))


def lens_grid(
    organism: Organism, places: Places, carried: torch.Tensor, *, lens: str, top_k: int, target: str, note: str
) -> LensGrid:
    """The grid of streams ``carried`` ``[L, P, width]`` to the last layer's basis, beside the plain logit lens."""
    wanted = organism.piece_ids(target)[:1] if target else []
    last = places.streams[-1]
    read = organism.read(carried, top_k=top_k, targets=wanted, reference=last)
    plain = organism.read(places.streams, reference=last)
    ids, layers = [places.ids[at] for at in places.positions], [layer + 1 for layer in places.layers]
    grid = read_grid(organism, read, ids=ids, positions=places.positions, layers=layers, wanted=wanted)
    return replace(grid, lens=lens, control_kl=plain.kl, note=note)


def read_grid(
    organism: Organism,
    read: Reading,
    *,
    ids: Sequence[int],
    positions: Sequence[int],
    layers: Sequence[int],
    wanted: Sequence[int],
    arm: Arm = "organism",
) -> LensGrid:
    """What was read ``[L, P]`` of the layers at the positions, where the tokens ``ids`` ``[P]`` stand.

    ``wanted`` is the target's first token, or nothing.
    """
    empty = np.zeros((0, 0), dtype=np.float32)
    return LensGrid(
        tokens=tuple(organism.token_strings(ids)),
        positions=tuple(positions),
        layers=tuple(layers),
        top_tokens=tuple(tuple(tuple(organism.token_strings(cell)) for cell in row) for row in read.top_ids.tolist()),
        top_probs=np.exp(read.top_logprobs),
        kl_to_final=read.kl,
        target=organism.token_strings(wanted)[0] if wanted else "",
        target_probs=np.exp(read.target_logprobs[..., 0]) if wanted else empty,
        target_ranks=read.target_ranks[..., 0] if wanted else empty.astype(np.int64),
        arm=arm,
    )
