"""Drawing tokens so that a row's draws depend on that row alone, not on the batch that it happens to be in."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn.functional import pad

from interp_bench_ext.contracts import Row

_GREEDY = 1e-6
"""Below this temperature the likeliest token is taken: logits divided by less overflow, and differ by noise alone."""
_GROUP = 512
"""Tokens whose probabilities are added up before it is looked in which of them the draw falls."""
_TOP = 1024
"""Most nuclei hold fewer tokens; only rows that need more are sorted whole."""


def draws(row: Row, sample: int, seed: int, count: int) -> NDArray[np.float32]:
    """``[count]`` uniforms in [0, 1) for one continuation; a longer one begins with the same numbers."""
    content = np.asarray([int(row.arm == "base"), sample, seed, *row.ids], dtype=np.int64).tobytes()
    return np.random.default_rng(list(hashlib.sha256(content).digest())).random(count, dtype=np.float32)


@dataclass(frozen=True)
class Ways:
    """How each row of a batch is drawn, and whether any is drawn at all, or from a nucleus."""

    temperatures: torch.Tensor
    """``[B]``; 1 where a row is greedy."""
    top_p: torch.Tensor
    """``[B]``"""
    greedy: torch.Tensor
    """``[B]``: whether the likeliest token is taken."""
    draws: bool
    nucleus: bool

    @classmethod
    def of(cls, temperatures: Sequence[float], top_p: Sequence[float], device: torch.device) -> Ways:
        """One of each for every row."""
        greedy = [temperature < _GREEDY for temperature in temperatures]
        warm = [1.0 if cold else temperature for cold, temperature in zip(greedy, temperatures, strict=True)]
        drawn = [share for share, cold in zip(top_p, greedy, strict=True) if not cold]
        return cls(
            torch.tensor(warm, device=device),
            torch.tensor([float(share) for share in top_p], device=device),
            torch.tensor(greedy, device=device),
            draws=bool(drawn),
            nucleus=any(share < 1 for share in drawn),
        )

    def widened(self, rows: int) -> Ways:
        """In memory of its own, with greedy rows behind its own up to so many."""
        more = rows - len(self.greedy)
        return replace(
            self,
            temperatures=pad(self.temperatures, (0, more), value=1.0),
            top_p=pad(self.top_p, (0, more), value=1.0),
            greedy=pad(self.greedy, (0, more), value=True),
        )

    def become(self, other: Ways) -> None:
        """Take over the rows of another that draws alike, in this one's memory; what is behind them may stay."""
        assert (self.draws, self.nucleus) == (other.draws, other.nucleus)
        for mine, its in zip(self._tensors, other._tensors, strict=True):
            mine[: len(its)] = its

    @property
    def _tensors(self) -> tuple[torch.Tensor, ...]:
        return self.temperatures, self.top_p, self.greedy


def choose(
    logits: torch.Tensor, ways: Ways, uniforms: torch.Tensor, *, sorts: bool = False
) -> tuple[torch.Tensor, torch.Tensor]:
    """Tokens ``[B]`` and their log-probabilities ``[B]`` (nats, untempered) from ``[B, vocabulary]`` float32 logits.

    By softmax, cumulative sum and binary search: `torch.multinomial` costs some thirty times as much on CPU.

    Args:
        sorts: Sort all tokens for a nucleus, rather than look whether the likeliest are enough of them.
    """
    assert uniforms.shape == logits.shape[:-1]
    on_cpu = logits.device.type == "cpu"  # elsewhere a look at what is asked would have to be waited for
    plain = torch.softmax(logits, -1) if on_cpu else None
    if ways.draws:
        tempered = plain if on_cpu and bool((ways.temperatures == 1).all()) else None
        probs = torch.softmax(logits / ways.temperatures[:, None], -1) if tempered is None else tempered
        tokens = _draw(probs, uniforms)
        if ways.nucleus:
            tokens = torch.where(ways.top_p >= 1, tokens, _draw_nucleus(probs, ways.top_p, uniforms, sorts=sorts))
        if not on_cpu or bool(ways.greedy.any()):
            tokens = torch.where(ways.greedy, logits.argmax(-1), tokens)
    else:
        tokens = logits.argmax(-1)
    chosen = logits.gather(-1, tokens[:, None])[:, 0]
    return tokens, chosen - log_total(logits, plain)


def log_total(logits: torch.Tensor, probs: torch.Tensor | None = None) -> torch.Tensor:
    """``[B]``: the logits' log-sum-exp; ``probs`` are their softmax, where that is there already.

    On a CPU `torch.logsumexp` costs twice to four times a softmax, whose largest probability is one over the sum of the
    others' shares of it: the largest logit less that one's logarithm.
    """
    if logits.device.type != "cpu":
        return torch.logsumexp(logits, -1)
    probs = torch.softmax(logits, -1) if probs is None else probs
    return logits.amax(-1) - probs.amax(-1).log()


def _draw(probs: torch.Tensor, uniforms: torch.Tensor) -> torch.Tensor:
    """``[B]`` indices, found first by groups: a cumulative sum over all tokens is slow, on a GPU too.

    Scaled by the sums' own ends and kept below them: rounding must not pick an impossible entry.
    """
    groups = pad(probs, (0, -probs.shape[-1] % _GROUP)).unflatten(-1, (-1, _GROUP))  # type: ignore[no-untyped-call]
    shares = groups.sum(-1)
    sums = shares.cumsum(-1)
    group, rest = _found(sums, uniforms * sums[:, -1])
    inside = groups.gather(1, group[:, None, None].expand(-1, 1, _GROUP))[:, 0].cumsum(-1)
    share = shares.gather(1, group[:, None])[:, 0]
    place, _ = _found(inside, rest / share * inside[:, -1])
    return (group * _GROUP + place).clamp(max=probs.shape[-1] - 1)


def _found(sums: torch.Tensor, sought: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """``[B]``: the first place whose cumulative sum exceeds ``sought`` ``[B]``, and by how much that is behind it."""
    end = sums[:, -1]
    sought = torch.minimum(sought, torch.nextafter(end, torch.zeros_like(end)))
    # Where there are no numbers, it finds none.
    place = torch.searchsorted(sums, sought[:, None], right=True).clamp(max=sums.shape[-1] - 1)
    before = pad(sums, (1, 0)).gather(1, place)
    return place[:, 0], (sought[:, None] - before)[:, 0].clamp(min=0)


def _draw_nucleus(probs: torch.Tensor, top_p: torch.Tensor, uniforms: torch.Tensor, *, sorts: bool) -> torch.Tensor:
    """The smallest set of tokens whose probability reaches ``top_p``, renormalised (Holtzman et al. 2020)."""
    if not sorts:
        values, ids = probs.topk(min(_TOP, probs.shape[-1]), -1)
        sorts = bool(((values.sum(-1) < top_p) & (top_p < 1)).any())
    if sorts:
        values, ids = probs.sort(stable=True, dim=-1, descending=True)
    before = values.cumsum(-1) - values
    kept = torch.where(before < top_p[:, None], values, 0.0)
    return ids.gather(-1, _draw(kept, uniforms)[:, None])[:, 0]
