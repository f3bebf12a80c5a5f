"""Next-token distributions and the probability of whole targets."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np
import torch

from interp_bench_ext.contracts import Organism, Row, arm_of
from interp_bench_ext.conversations import Prompts, as_conversations
from interp_bench_ext.results import TokenProbs

from ._generations import as_texts, before_reading, last_user_turn


def analyze_token_probs(
    organism: Organism,
    *,
    prompts: Prompts,
    targets: str | Sequence[str] = (),
    prefill: str = "",
    top_k: int = 10,
    thinking: Literal["keep", "close", "off"] | None = None,
    base: bool = False,
) -> TokenProbs:
    """Read what the organism would say next, and how probable given answers are, without sampling.

    A target of several tokens is scored whole: the sum of the log-probabilities of all its tokens.

    Access: logits
    Source: the model's own next-token distribution
    Magic: probs
    Plot: bars of the likeliest tokens, and of the targets

    Args:
        prompts: A user turn, a conversation, or a list of either.
        targets: Answers to score, each a text of any number of tokens that follows the prompt (and prefill) directly.
        prefill: How the reply begins before the token that is read.
        top_k: How many of the likeliest tokens to give.
        thinking: Of a reasoning model: "close" reads the reply after ended thinking, "keep" as its chat template begins
            it, "off" with the template's own switch. By default close with a prefill and keep without one. No effect
            where the template knows nothing of thinking.
        base: Ask the base model (no adapter, no hidden prompt) instead; needs base access.
    """
    conversations = as_conversations(prompts)
    opened = before_reading(thinking, prefill)
    starts = [organism.chat_ids(turns, prefill=prefill, arm=arm_of(base), thinking=opened) for turns in conversations]
    wanted = [text for text in as_texts(targets) if text]
    pieces = [organism.piece_ids(text) for text in wanted]
    per_start = max(len(pieces), 1)
    rows = [Row((*start, *piece[:-1]), arm_of(base)) for start in starts for piece in pieces or [[]]]
    entropies, top, top_ids = np.zeros(len(starts)), np.zeros((len(starts), top_k)), [[0] * top_k for _ in starts]
    logprobs, ranks = np.zeros((len(starts), len(pieces))), np.zeros((len(starts), len(pieces)), dtype=np.int64)
    for batch in organism.run(rows):
        for place, index in enumerate(batch.rows):
            prompt, target = divmod(index, per_start)
            first = len(starts[prompt]) - 1
            logs = torch.log_softmax(batch.logits[place, first : batch.lengths[place]], -1)
            if target == 0:
                entropies[prompt] = -(logs[0].exp() * logs[0]).nansum()
                values, ids = logs[0].exp().topk(min(top_k, logs.shape[-1]))
                top[prompt, : len(ids)], top_ids[prompt] = values.cpu().numpy(), ids.tolist()
            if pieces:
                chosen = torch.tensor(pieces[target], device=logs.device)
                logprobs[prompt, target] = logs.gather(1, chosen[:, None]).sum()
                ranks[prompt, target] = 1 + (logs[0] > logs[0, chosen[0]]).sum()
    return TokenProbs(
        prompts=tuple(last_user_turn(turns) for turns in conversations),
        entropies=entropies.astype(np.float32),
        top_tokens=tuple(tuple(organism.token_strings(ids)) for ids in top_ids),
        top_probs=top.astype(np.float32),
        targets=tuple(wanted),
        target_pieces=tuple(tuple(organism.token_strings(piece)) for piece in pieces),
        target_logprobs=logprobs.astype(np.float32),
        target_ranks=ranks,
        arm=arm_of(base),
        prefill=prefill,
    )
