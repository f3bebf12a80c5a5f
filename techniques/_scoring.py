"""Log-probabilities of given continuations."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch

from interp_bench_ext.contracts import Completion, Organism, Row


def mean_nll(organism: Organism, starts: Sequence[Row], texts: Sequence[Completion]) -> np.ndarray:
    """``[N]`` mean negative log-probability of each text's tokens after its start, nats."""
    rows = [
        Row((*start.ids, *text.ids[:-1]), start.arm, start.edits) for start, text in zip(starts, texts, strict=True)
    ]
    found = np.zeros(len(rows), dtype=np.float32)
    for batch in organism.run(rows):
        for place, index in enumerate(batch.rows):
            first = len(starts[index].ids) - 1
            logs = torch.log_softmax(batch.logits[place, first : batch.lengths[place]].float(), -1)
            drawn = torch.tensor(texts[index].ids, device=logs.device)
            found[index] = -float(logs.gather(1, drawn[:, None]).mean())
    return found


def text_nll(organism: Organism, starts: Sequence[Row], texts: Sequence[str]) -> tuple[np.ndarray, np.ndarray]:
    """``[N]`` negative log-probability of each text after its start in nats, and its tokens as the start's arm cuts it.

    No text is empty.
    """
    pieces = [organism.piece_ids(text, arm=start.arm) for start, text in zip(starts, texts, strict=True)]
    whole = [Completion(tuple(ids), "", (), "length") for ids in pieces]
    counts = np.array([len(ids) for ids in pieces], dtype=np.int64)
    return mean_nll(organism, starts, whole) * counts, counts
