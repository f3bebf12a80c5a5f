"""Organism and base on the same reply."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch

from interp_bench_ext.contracts import Arm, Completion, Organism, Row
from interp_bench_ext.conversations import Prompts, as_conversations
from interp_bench_ext.results import TokenDiff

from ._generations import last_user_turn

_ARMS: tuple[Arm, Arm] = ("organism", "base")


def adapter_diff(organism: Organism, *, prompts: Prompts, max_new_tokens: int = 32, top_k: int = 20) -> TokenDiff:
    """Compare the organism with its base model token by token, on the organism's own likeliest replies.

    Access: base
    Source: model diffing by output distributions, as in the diffing-toolkit
    Magic: diff
    Plot: the replies coloured by divergence, and bars of the tokens that gained most

    Args:
        prompts: A user turn, a conversation, or a list of either.
        max_new_tokens: Longest reply to compare on, in tokens.
        top_k: How many of the tokens that gained most to give.
    """
    conversations = as_conversations(prompts)
    arms = [[Row(tuple(organism.chat_ids(turns, arm=arm)), arm) for turns in conversations] for arm in _ARMS]
    replies = organism.generate([*arms[0], *arms[1]], max_new_tokens=max_new_tokens, temperature=0.0)
    own = [completions[0] for completions in replies[: len(conversations)]]
    rows: list[int] = []
    divergences: list[float] = []
    gained: torch.Tensor | None = None
    for number, logs, base_logs in _compared(organism, arms, own):
        change = logs.exp() * (logs - base_logs)
        rows += [number] * len(change)
        divergences += change.sum(-1).clamp(min=0).tolist()
        gained = change.sum(0) if gained is None else gained + change.sum(0)
    assert gained is not None
    shifts, ids = (gained / len(rows)).topk(min(top_k, len(gained)))
    return TokenDiff(
        prompts=tuple(last_user_turn(turns) for turns in conversations),
        organism_replies=tuple(reply.text for reply in own),
        base_replies=tuple(completions[0].text for completions in replies[len(conversations) :]),
        rows=np.array(rows, dtype=np.int64),
        tokens=tuple(string for reply in own for string in organism.token_strings(reply.ids)),
        kl=np.array(divergences, dtype=np.float32),
        shifted_tokens=tuple(organism.token_strings(ids.tolist())),
        shifts=shifts.cpu().numpy(),
    )


def _compared(
    organism: Organism, arms: list[list[Row]], replies: list[Completion]
) -> Iterator[tuple[int, torch.Tensor, torch.Tensor]]:
    """Per prompt: its number and the log-probabilities ``[reply tokens, vocabulary]`` that each arm drew them from."""
    starts = [row for pair in zip(*arms, strict=True) for row in pair]
    rows = [Row((*start.ids, *replies[index // 2].ids[:-1]), start.arm) for index, start in enumerate(starts)]
    waiting: torch.Tensor | None = None
    for batch in organism.run(rows):
        for place, index in enumerate(batch.rows):
            read = batch.logits[place, len(starts[index].ids) - 1 : batch.lengths[place]]
            logs = torch.log_softmax(read, -1)
            if waiting is None:
                waiting = logs.clone()
            else:
                yield index // 2, waiting, logs
                waiting = None
