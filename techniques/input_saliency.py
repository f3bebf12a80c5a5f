"""Which tokens of the prompt a reply depends on."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch

from interp_bench_ext.contracts import Organism, Reads, Row, Site
from interp_bench_ext.errors import BadInput
from interp_bench_ext.results import TokenSaliency

from ._metric import prompt_ids


def input_saliency(
    organism: Organism,
    *,
    prompt: str,
    reply: str,
    leave_out: int = 16,
    raw: bool = False,
) -> TokenSaliency:
    """Find the tokens of the prompt without which a given reply would be less likely.

    Gradient times input says it for all tokens at once, to first order; the tokens that it puts first are then left out
    one by one, which is exact and is the control of the estimate.

    Access: weights
    Source: gradient x input, arXiv 1605.01713; leave-one-out, arXiv 1612.08220
    Magic: saliency
    Plot: bars of the tokens by what leaving them out costs

    Args:
        prompt: A user turn; with raw, a text.
        reply: What the organism said, or might say; its whole log-probability is followed.
        leave_out: How many tokens to leave out in turn.
        raw: Take the prompt as raw text, without the chat template.
    """
    ids, said = prompt_ids(organism, prompt, "", raw), organism.piece_ids(reply)
    if not said:
        raise BadInput("reply is empty: give the words whose cause you look for.")
    start, site = len(ids), Site(0, "embed")

    def score(_row: int, logits: Any) -> Any:
        return _logprob(logits, start, said)

    row = Row((*ids, *said))
    read = next(iter(organism.run([row], Reads(sites=(site,), grad_of=score))))
    estimate = (read.gradients[site][0].float() * read.sites[site][0].float()).sum(-1)[:start].cpu().numpy()
    whole = float(read.scores[0])
    tried = np.argsort(-np.abs(estimate), kind="stable")[: min(leave_out, start if start > 1 else 0)].tolist()
    without = _without(organism, ids, said, tried)
    exact = np.full(start, np.nan, np.float32)
    exact[tried] = whole - without
    return TokenSaliency(
        tokens=tuple(organism.token_strings(ids)),
        reply=reply,
        logprob=whole,
        gradients=estimate.astype(np.float32),
        left_out=exact,
        arm="organism",
    )


def _logprob(logits: Any, start: int, said: Sequence[int]) -> Any:
    """Of ``said`` after the first ``start`` tokens; ``logits`` is ``[T, vocabulary]`` of the row."""
    logs = torch.log_softmax(logits[start - 1 : start - 1 + len(said)].float(), -1)
    return logs.gather(1, torch.tensor(list(said), device=logs.device)[:, None]).sum()


def _without(organism: Organism, ids: Sequence[int], said: Sequence[int], tried: Sequence[int]) -> np.ndarray:
    """``[tried]`` log p of the reply with one token of the prompt left out."""
    rows = [Row((*ids[:at], *ids[at + 1 :], *said)) for at in tried]
    found = np.zeros(len(rows), np.float32)
    for batch in organism.run(rows, Reads()) if rows else ():
        for place, index in enumerate(batch.rows):
            found[index] = float(_logprob(batch.logits[place], len(ids) - 1, said))
    return found
