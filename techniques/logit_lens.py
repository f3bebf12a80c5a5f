"""Every layer's residual stream read through the final norm and the unembedding."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
import torch

from interp_bench_ext.contracts import Conversation, Organism, Row, Thinking, as_conversations
from interp_bench_ext.results import LensGrid

from ._generations import before_reading

_CHUNK_BYTES = 64 << 20


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
    ids = _ids(organism, prompt, prefill, raw, base, before_reading(thinking, prefill))
    at_layers = _picked(layers, organism.info.n_layers + 1, "layers")
    at = _picked(positions, len(ids), "positions")
    wanted = organism.piece_ids(target)[0] if target else None
    (batch,) = organism.forward([Row(tuple(ids), base)], logits=False, residuals=True)
    stream = batch.residuals[:, 0, at]
    read = _Reading(len(at_layers), len(at), min(top_k, organism.info.vocabulary), wanted)
    step = max(1, _CHUNK_BYTES // (4 * organism.info.vocabulary))
    for start in range(0, len(at), step):
        chunk = slice(start, start + step)
        logs = organism.unembed(stream[-1, chunk], base=base)
        logs.sub_(torch.logsumexp(logs, -1, keepdim=True))
        probs = logs.exp()
        negative_entropy = torch.linalg.vecdot(probs, logs)
        for row, layer in enumerate(at_layers):
            organism.progress("lens", start * len(at_layers) + row * len(probs), len(at) * len(at_layers))
            read.add(row, chunk, organism.unembed(stream[layer, chunk], base=base), probs, negative_entropy)
    return LensGrid(
        tokens=tuple(organism.token_strings([ids[position] for position in at])),
        positions=tuple(at),
        layers=tuple(at_layers),
        top_tokens=tuple(tuple(tuple(organism.token_strings(cell)) for cell in row) for row in read.top_ids.tolist()),
        top_probs=read.top_probs,
        kl_to_final=read.kl,
        target=organism.token_strings([wanted])[0] if wanted is not None else "",
        target_probs=read.target_probs,
        target_ranks=read.target_ranks,
        arm="base" if base else "organism",
    )


@dataclass
class _Reading:
    """The grid while it fills, one layer of a chunk of positions at a time."""

    n_layers: int
    n_positions: int
    top_k: int
    target: int | None
    top_ids: Any = field(init=False)
    top_probs: Any = field(init=False)
    kl: Any = field(init=False)
    target_probs: Any = field(init=False)
    target_ranks: Any = field(init=False)

    def __post_init__(self) -> None:
        shape = (self.n_layers, self.n_positions)
        followed = shape if self.target is not None else (0, 0)
        self.top_ids = np.zeros((*shape, self.top_k), dtype=np.int64)
        self.top_probs = np.zeros((*shape, self.top_k), dtype=np.float32)
        self.kl = np.zeros(shape, dtype=np.float32)
        self.target_probs = np.zeros(followed, dtype=np.float32)
        self.target_ranks = np.zeros(followed, dtype=np.int64)

    def add(
        self, row: int, chunk: slice, logits: torch.Tensor, final: torch.Tensor, negative_entropy: torch.Tensor
    ) -> None:
        """Take in one layer.

        ``logits`` are its ``[positions, vocabulary]``, used up here, ``final`` the last layer's probabilities and
        ``negative_entropy`` their sum of p log p. Nothing else of that size is made: memory bounds the speed.
        """
        assert logits.shape == final.shape
        total = torch.logsumexp(logits, -1, keepdim=True)
        values, ids = logits.topk(self.top_k, -1)
        self.top_ids[row, chunk] = ids.cpu().numpy()
        self.top_probs[row, chunk] = (values - total).exp().cpu().numpy()
        if self.target is not None:
            own = logits[:, self.target, None]
            self.target_probs[row, chunk] = (own - total).exp()[:, 0].cpu().numpy()
            self.target_ranks[row, chunk] = 1 + (logits > own).sum(-1).cpu().numpy()
        # Of log-probabilities, by the sum that gave the entropy: large logits would round, and the last layer is at 0.
        divergence = negative_entropy - torch.linalg.vecdot(final, logits.sub_(total))
        self.kl[row, chunk] = divergence.clamp(min=0).cpu().numpy()


def _ids(
    organism: Organism, prompt: str | Conversation, prefill: str, raw: bool, base: bool, thinking: Thinking
) -> list[int]:
    if raw:
        if not isinstance(prompt, str):
            raise TypeError("with raw=True the prompt is a text, not a conversation")
        return organism.text_ids(prompt + prefill, base=base)
    (conversation,) = as_conversations(prompt)
    return organism.chat_ids(conversation, prefill=prefill, base=base, thinking=thinking)


def _picked(wanted: Sequence[int] | None, size: int, what: str) -> list[int]:
    """Indices from the front. Raises IndexError for one that is outside."""
    if wanted is None:
        return list(range(size))
    for index in wanted:
        if not -size <= index < size:
            raise IndexError(f"{what} go from {-size} to {size - 1} here, and {index} is outside")
    return [index % size for index in wanted]
