"""Which tokens organism and base disagree about, over much ordinary text."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import torch

from interp_bench_ext.contracts import Arm, Organism, Row
from interp_bench_ext.conversations import Prompts, as_conversations
from interp_bench_ext.results import MinedTokens
from interp_bench_ext.results.mined_tokens import nothing

from ._everyday import PROMPTS

_ARMS: tuple[Arm, Arm] = ("organism", "base")
_LEAST_GAIN = 0.01
"""Nats: what is below differs by rounding."""
_MOST_TOKENS = 400
"""That are grouped: those that gained at most positions."""


def diff_mining(
    organism: Organism,
    *,
    prompts: Prompts = (),
    texts: Sequence[str] = (),
    top_k: int = 20,
    n_groups: int = 4,
    max_new_tokens: int = 48,
    n_tokens: int = 40,
) -> MinedTokens:
    """Read ordinary text with organism and base, and count the tokens that gained most at each position.

    The text is the base's own replies to everyday prompts, so nothing in it speaks of the organism. The control is how
    often the same token is among those that lost most: a token that merely moves a lot is in both lists.

    Access: base
    Source: arXiv 2608.26462, diff mining; Lee and Seung 1999 for the groups
    Magic: mine
    Plot: bars of the tokens, gained beside lost

    Args:
        prompts: User turns or conversations whose replies by the base are the text; everyday ones by default.
        texts: Raw texts to read instead.
        top_k: How many tokens of each position count as those that gained, and as those that lost.
        n_groups: Into how many groups of tokens that gain together to sort them.
        max_new_tokens: Longest reply of the base, in tokens.
        n_tokens: How many tokens to give.
    """
    arms, first = _given(organism, prompts, texts, max_new_tokens)
    size = organism.info.vocabulary
    gained, lost, gains = np.zeros((len(first), size), np.int32), np.zeros(size, np.int64), np.zeros(size)
    n_positions = 0
    for number, change in _changes(organism, arms, first):
        n_positions += len(change)
        up, up_ids = change.topk(min(top_k, change.shape[-1]), -1)
        down, down_ids = (-change).topk(min(top_k, change.shape[-1]), -1)
        ids = up_ids[up > _LEAST_GAIN].cpu().numpy()
        np.add.at(gained[number], ids, 1)
        np.add.at(gains, ids, up[up > _LEAST_GAIN].cpu().numpy())
        np.add.at(lost, down_ids[down > _LEAST_GAIN].cpu().numpy(), 1)
    total = gained.sum(0)
    ranked = np.argsort(-(total - lost), kind="stable")[:_MOST_TOKENS]
    ranked = ranked[(total - lost)[ranked] > 0]
    if not len(ranked):
        return nothing(n_positions, len(first), top_k)
    groups, shares = _groups(gained[:, ranked], n_groups)
    best = ranked[:n_tokens]
    return MinedTokens(
        tokens=tuple(organism.token_strings(best.tolist())),
        gained=total[best].astype(np.int64),
        lost=lost[best],
        mean_gain=(gains[best] / total[best]).astype(np.float32),
        groups=tuple(tuple(organism.token_strings(ranked[group].tolist())) for group in groups),
        group_shares=shares,
        n_positions=n_positions,
        n_texts=len(first),
        top_k=top_k,
    )


def _given(
    organism: Organism, prompts: Prompts, texts: Sequence[str], max_new_tokens: int
) -> tuple[list[list[Row]], list[int]]:
    """Rows of organism and base over the same text, and how many tokens at each one's end are read."""
    if texts:
        arms = [[Row(tuple(organism.text_ids(text, arm=arm)), arm) for text in texts] for arm in _ARMS]
        return arms, [max(len(row.ids) - 1, 1) for row in arms[1]]
    conversations = as_conversations(prompts or list(PROMPTS))
    starts = [[Row(tuple(organism.chat_ids(turns, arm=arm)), arm) for turns in conversations] for arm in _ARMS]
    replies = organism.generate(starts[1], max_new_tokens=max_new_tokens, temperature=0.0)
    arms = [
        [Row((*row.ids, *reply[0].ids[:-1]), row.arm) for row, reply in zip(arm, replies, strict=True)]
        for arm in starts
    ]
    return arms, [len(reply[0].ids) for reply in replies]


def _changes(organism: Organism, arms: list[list[Row]], read: Sequence[int]) -> Iterator[tuple[int, torch.Tensor]]:
    """Per text: its number and ``[positions, vocabulary]`` log p of the organism less that of the base."""
    rows = [row for pair in zip(*arms, strict=True) for row in pair]
    waiting: torch.Tensor | None = None
    for batch in organism.run(rows):
        for place, index in enumerate(batch.rows):
            end = batch.lengths[place]
            logs = torch.log_softmax(batch.logits[place, end - read[index // 2] : end].float(), -1)
            if waiting is None:
                waiting = logs.clone()
            else:
                yield index // 2, waiting - logs
                waiting = None


def _groups(counts: np.ndarray, n_groups: int) -> tuple[list[np.ndarray], np.ndarray]:
    """Columns of ``counts`` [texts, tokens] that come up together, the strongest group first, and their shares."""
    from sklearn.decomposition import NMF

    n = max(1, min(n_groups, *counts.shape))
    model = NMF(n_components=n, init="nndsvda", max_iter=500, tol=1e-3)
    in_texts = model.fit_transform(counts.astype(np.float64))
    weights = in_texts.sum(0)[:, None] * model.components_
    strength = weights.sum(1)
    order = [group for group in np.argsort(-strength) if strength[group] > 0]
    groups = [np.argsort(-weights[group], kind="stable")[:12] for group in order]
    groups = [tokens[weights[group][tokens] > 0] for group, tokens in zip(order, groups, strict=True)]
    return groups, (strength[order] / max(strength.sum(), 1e-12)).astype(np.float32)
