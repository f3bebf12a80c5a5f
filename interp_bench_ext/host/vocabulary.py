"""What the residual stream says about the next token, read in chunks: no array over all places and the vocabulary."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import torch

from interp_bench_ext.contracts import Reading

Unembed = Callable[[torch.Tensor], torch.Tensor]
_CHUNK_BYTES = 64 << 20


@torch.no_grad()
def read(
    unembed: Unembed,
    vocabulary: int,
    hidden: torch.Tensor,
    *,
    top_k: int,
    targets: Sequence[int],
    reference: torch.Tensor | None,
    step: Callable[[str, int, int], None],
) -> Reading:
    """See contracts.Organism.read."""
    shape = hidden.shape[:-1]
    flat = hidden.reshape(-1, hidden.shape[-1])
    final = None if reference is None else reference.expand(hidden.shape).reshape(flat.shape)
    at = torch.tensor(list(targets), dtype=torch.long, device=flat.device)
    tops, ids, logs, ranks, kls = [], [], [], [], []
    chunk = max(1, _CHUNK_BYTES // (4 * vocabulary))
    for start in range(0, len(flat), chunk):
        step("read", start, len(flat))
        logits = unembed(flat[start : start + chunk])
        total = torch.logsumexp(logits, -1, keepdim=True)
        values, found = logits.topk(top_k, -1)
        own = logits[:, at]
        ids.append(found)
        tops.append(values - total)
        logs.append(own - total)
        ranks.append(1 + torch.stack([(logits > one[:, None]).sum(-1) for one in own.T], -1) if len(at) else own.long())
        if final is not None:
            expected = torch.log_softmax(unembed(final[start : start + chunk]), -1)
            kl = torch.linalg.vecdot(expected.exp(), expected - (logits - total)).clamp(min=0)
            same = (flat[start : start + chunk] == final[start : start + chunk]).all(-1)
            kls.append(kl.masked_fill(same, 0.0))

    def whole(parts: list[torch.Tensor]) -> np.ndarray:
        return torch.cat(parts).reshape(*shape, *parts[0].shape[1:]).cpu().numpy()

    return Reading(whole(ids), whole(tops), whole(logs), whole(ranks), whole(kls) if final is not None else None)
