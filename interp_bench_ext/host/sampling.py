"""Drawing tokens so that a row's draws depend on that row alone, not on the batch that it happens to be in."""

from __future__ import annotations

import hashlib

import numpy as np
import torch
from numpy.typing import NDArray

from interp_bench_ext.contracts import Row

_GREEDY = 1e-6
"""Below this temperature the likeliest token is taken: logits divided by less overflow, and differ by noise alone."""
_TOP = 1024
"""Most nuclei hold fewer tokens; only rows that need more are sorted whole."""


def draws(row: Row, sample: int, seed: int, count: int) -> NDArray[np.float32]:
    """``[count]`` uniforms in [0, 1) for one continuation; a longer one begins with the same numbers."""
    content = np.asarray([int(row.arm == "base"), sample, seed, *row.ids], dtype=np.int64).tobytes()
    return np.random.default_rng(list(hashlib.sha256(content).digest())).random(count, dtype=np.float32)


def choose(
    logits: torch.Tensor, temperature: float, top_p: float, uniforms: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor]:
    """Tokens ``[B]`` and their log-probabilities ``[B]`` (nats, untempered) from ``[B, vocabulary]`` float32 logits.

    By softmax, cumulative sum and binary search: `torch.multinomial` costs some thirty times as much on CPU.
    """
    assert uniforms.shape == logits.shape[:-1]
    if temperature < _GREEDY:
        tokens = logits.argmax(-1)
    else:
        probs = torch.softmax(logits / temperature, -1)
        tokens = _draw(probs, uniforms) if top_p >= 1 else _draw_nucleus(probs, top_p, uniforms)
    chosen = logits.gather(-1, tokens[:, None])[:, 0]
    return tokens, chosen - torch.logsumexp(logits, -1)


def _draw(probs: torch.Tensor, uniforms: torch.Tensor) -> torch.Tensor:
    """``[B]`` indices. Scaled by the sum's own end and kept below it: rounding must not pick an impossible entry."""
    sums = probs.cumsum(-1)
    end = sums[:, -1]
    sought = torch.minimum(uniforms * end, torch.nextafter(end, torch.zeros_like(end)))
    # Where there are no numbers, it finds none.
    return torch.searchsorted(sums, sought[:, None], right=True)[:, 0].clamp(max=probs.shape[-1] - 1)


def _draw_nucleus(probs: torch.Tensor, top_p: float, uniforms: torch.Tensor) -> torch.Tensor:
    """The smallest set of tokens whose probability reaches ``top_p``, renormalised (Holtzman et al. 2020)."""
    values, ids = probs.topk(min(_TOP, probs.shape[-1]), -1)
    if bool((values.sum(-1) < top_p).any()):
        values, ids = probs.sort(stable=True, dim=-1, descending=True)
    before = values.cumsum(-1) - values
    kept = torch.where(before < top_p, values, 0.0)
    return ids.gather(-1, _draw(kept, uniforms)[:, None])[:, 0]
