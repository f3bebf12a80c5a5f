"""Every layer's residual stream read through the final norm and the unembedding."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import torch

from interp_bench_ext.contracts import Organism, Reads, Row, Site, arm_of
from interp_bench_ext.conversations import Conversation, Thinking, as_conversations
from interp_bench_ext.results import LensGrid

from ._generations import before_reading
from ._lenses import read_grid


def logit_lens(
    organism: Organism,
    *,
    prompt: str | Conversation,
    prefill: str = "",
    layers: Sequence[int] | None = None,
    positions: Sequence[int] | None = None,
    top_k: int = 5,
    target: str = "",
    raw: bool = False,
    thinking: Literal["keep", "close", "off"] | None = None,
    base: bool = False,
) -> LensGrid:
    """Decode the residual stream after every layer, to see where in depth and position an answer forms.

    Access: activations
    Source: nostalgebraist 2020, "interpreting GPT: the logit lens"; with the final norm applied
    Magic: lens
    Plot: a heat map of layers and positions

    Args:
        prompt: A user turn or a conversation; with raw, a text.
        prefill: How the assistant's reply begins (with raw: more text).
        layers: Layers to read: 0 is the embedding, then each block; negative counts from the end. All by default.
        positions: Token positions to read; negative counts from the end. All by default.
        top_k: How many of the likeliest tokens to give per layer and position.
        target: A text whose first token is followed through the layers.
        raw: Take the prompt as raw text, without the chat template.
        thinking: Of a reasoning model: "close" reads the reply after ended thinking, "keep" as its chat template begins
            it, "off" with the template's own switch. By default close with a prefill and keep without one. No effect
            where the template knows nothing of thinking.
        base: Read the base model (no adapter, no hidden prompt) instead; needs base access.
    """
    arm = arm_of(base)
    ids = _ids(organism, prompt, prefill, raw, base, before_reading(thinking, prefill))
    at_layers = _picked(layers, organism.info.n_layers + 1, "layers")
    at = _picked(positions, len(ids), "positions")
    wanted = organism.piece_ids(target)[:1] if target else []
    sites = [Site(0, "resid_pre"), *(Site(layer, "resid_post") for layer in range(organism.info.n_layers))]
    (batch,) = organism.run([Row(tuple(ids), arm)], Reads(logits=False, sites=tuple(sites), positions=tuple(at)))
    stream = torch.stack([batch.sites[sites[layer]][0] for layer in at_layers])
    read = organism.read(stream, arm=arm, top_k=top_k, targets=wanted, reference=batch.sites[sites[-1]][0])
    shown = [ids[position] for position in at]
    return read_grid(organism, read, ids=shown, positions=at, layers=at_layers, wanted=wanted, arm=arm)


def _ids(
    organism: Organism, prompt: str | Conversation, prefill: str, raw: bool, base: bool, thinking: Thinking
) -> list[int]:
    if raw:
        if not isinstance(prompt, str):
            raise TypeError("with raw=True the prompt is a text, not a conversation")
        return organism.text_ids(prompt + prefill, arm=arm_of(base))
    (conversation,) = as_conversations(prompt)
    return organism.chat_ids(conversation, prefill=prefill, arm=arm_of(base), thinking=thinking)


def _picked(wanted: Sequence[int] | None, size: int, what: str) -> list[int]:
    """Indices from the front. Raises IndexError for one that is outside."""
    if wanted is None:
        return list(range(size))
    for index in wanted:
        if not -size <= index < size:
            raise IndexError(f"{what} go from {-size} to {size - 1} here, and {index} is outside")
    return [index % size for index in wanted]
