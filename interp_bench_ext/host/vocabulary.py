"""What the residual stream says about the next token, read in tiles: no array over all places and the vocabulary.

N places, V tokens, k of the likeliest, P places of a reference (N is a multiple of it), W the stream's width.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch

from interp_bench_ext.contracts import Reading
from interp_bench_ext.host.adapter_rows import is_adapter_layer
from interp_bench_ext.host.packed import product_with
from interp_bench_ext.host.parts import Parts
from interp_bench_ext.host.sampling import log_total

Step = Callable[[str, int, int], None]
Tile = Callable[[torch.Tensor], torch.Tensor]
_TILE = {"cpu": (512, 4096)}
"""Places and tokens of one product: what is read of it several times should stay in the processor's cache."""
_LARGE_TILE = (4096, 16384)
_GROUP = 32
"""Tokens of which the largest logit alone is compared with the likeliest so far."""


@dataclass(frozen=True)
class Question:
    """What is asked of the residual stream; see contracts.Organism.read."""

    top_k: int
    targets: Sequence[int]
    reference: torch.Tensor | None
    step: Step


@dataclass(frozen=True)
class Head:
    """How places become logits: a product with a matrix ``[V, W]``, and what each logit then goes through."""

    weight: torch.Tensor
    bias: torch.Tensor | None
    scale: float
    soft_cap: float | None

    @classmethod
    def of(cls, parts: Parts) -> Head | None:
        """None for a head that is more than a matrix, as under an adapter."""
        weight = getattr(parts.head, "weight", None)
        simple = type(parts.head) is torch.nn.Linear and not is_adapter_layer(parts.head)
        if not simple or not isinstance(weight, torch.Tensor) or hasattr(parts.head, "_hf_hook"):
            return None
        return cls(weight, parts.head.bias, parts.scale, parts.soft_cap)  # type: ignore[arg-type]

    def tile(self, tokens: slice, places: int) -> Tile:
        """Makes float32 logits ``[n, tokens]``, in memory of their own, of ``[n, W]``; so many places there will be."""
        product = product_with(self.weight[tokens], None if self.bias is None else self.bias[tokens], places)

        def logits(normed: torch.Tensor) -> torch.Tensor:
            found = product(normed).float()
            if self.scale != 1:
                found *= self.scale
            if self.soft_cap is not None:
                found.div_(self.soft_cap).tanh_().mul_(self.soft_cap)
            return found

        return logits


class Best:
    """The k likeliest of each of ``n`` places so far."""

    def __init__(self, n: int, top_k: int, like: torch.Tensor) -> None:
        self.values = torch.full((n, top_k), -torch.inf, device=like.device)
        self.ids = torch.zeros((n, top_k), dtype=torch.long, device=like.device)

    def add(self, logits: torch.Tensor, first: int, groups: torch.Tensor) -> None:
        """Take in ``[n, tokens]`` logits of the tokens from ``first`` on; ``groups`` are their maxima by group.

        The k largest of a row are in the k groups with the largest maxima; most rows of later tiles have none at all.
        """
        top_k = self.values.shape[1]
        if not top_k:
            return
        rows = torch.arange(len(logits), device=logits.device)
        if logits.device.type == "cpu":  # a GPU would have to be waited for
            rows = (groups.amax(-1) > self.values[:, -1]).nonzero()[:, 0]
            if not len(rows):
                return
        size, count = logits.shape[1], min(top_k, groups.shape[1])
        picked = groups[rows].topk(count, -1).indices
        columns = (picked[:, :, None] * _GROUP + torch.arange(_GROUP, device=logits.device)).flatten(1)
        inside = columns < size
        values = logits[rows[:, None], columns.clamp(max=size - 1)].masked_fill(~inside, -torch.inf)
        values = torch.cat([self.values[rows], values], 1)
        ids = torch.cat([self.ids[rows], columns + first], 1)
        best, at = values.topk(top_k, -1)
        self.values[rows], self.ids[rows] = best, ids.gather(1, at)


def _group_maxima(logits: torch.Tensor) -> torch.Tensor:
    whole = logits.shape[1] // _GROUP * _GROUP
    groups = [logits[:, :whole].unflatten(1, (-1, _GROUP)).amax(-1)] if whole else []  # type: ignore[no-untyped-call]
    return torch.cat([*groups, *([logits[:, whole:].amax(-1, keepdim=True)] if whole < logits.shape[1] else [])], 1)


@dataclass
class _Block:
    """What is known so far of n places: ``[n, W]`` normed, logits and ranks ``[n, targets]``, log-sum-exp ``[n]``."""

    normed: torch.Tensor
    best: Best
    owns: torch.Tensor
    ranks: torch.Tensor
    total: torch.Tensor

    @classmethod
    def of(cls, normed: torch.Tensor, top_k: int, targets: int) -> _Block:
        """Before any token has been looked at."""
        n, device = len(normed), normed.device
        return cls(
            normed,
            Best(n, top_k, normed),
            torch.zeros((n, targets), device=device),
            torch.ones((n, targets), dtype=torch.long, device=device),
            torch.full((n,), -torch.inf, device=device),
        )

    def take(self, logits: torch.Tensor, first: int) -> None:
        """Take in ``[n, tokens]`` logits of the tokens from ``first`` on."""
        for number in range(self.owns.shape[1]):
            self.ranks[:, number] += (logits > self.owns[:, number, None]).sum(-1)
        self.best.add(logits, first, _group_maxima(logits))
        self.total = torch.logaddexp(self.total, log_total(logits))

    @property
    def found(self) -> tuple[torch.Tensor, ...]:
        """Ids and logits of the likeliest ``[n, k]``, logits and ranks of the targets, log-sum-exp ``[n]``."""
        return self.best.ids, self.best.values, self.owns, self.ranks, self.total


@torch.no_grad()
def read(parts: Parts, hidden: torch.Tensor, asked: Question, vocabulary: int) -> Reading | None:
    """See contracts.Organism.read. None for a head that is more than a matrix."""
    head = Head.of(parts)
    if head is None or len(head.weight) != vocabulary:
        return None
    return _Reader(parts, head, asked).read(hidden, asked.reference)


class _Reader:
    def __init__(self, parts: Parts, head: Head, asked: Question) -> None:
        self._parts, self._head, self._top_k, self._step = parts, head, asked.top_k, asked.step
        self._places, self._tokens = _TILE.get(head.weight.device.type, _LARGE_TILE)
        self._targets = list(asked.targets)

    def read(self, hidden: torch.Tensor, reference: torch.Tensor | None) -> Reading:
        shape = hidden.shape[:-1]
        flat = hidden.reshape(-1, hidden.shape[-1])
        if hidden.device.type != "cpu":  # few places of all tokens are as much as many of some, and fewer kernels
            self._tokens *= max(1, self._places // max(1, len(flat)))
        normed = self._parts.norm(flat)
        found = [block.found for block in self._read_out(normed)]
        ids, tops, owns, ranks, totals = (torch.cat(each) for each in zip(*found, strict=True))
        kl = None
        if reference is not None:
            kl = self._divergence(flat, normed, reference.expand(_shared(reference, hidden)), totals)

        def whole(each: torch.Tensor) -> object:
            return each.reshape(*shape, *each.shape[1:]).cpu().numpy()

        return Reading(
            whole(ids),
            whole(tops - totals[:, None]),
            whole(owns - totals[:, None]),
            whole(ranks),
            None if kl is None else whole(kl),
        )

    def _read_out(self, normed: torch.Tensor) -> list[_Block]:
        """What is read of all places, some of them after others; a tile's matrix is made ready once for all."""
        places = torch.split(normed, self._places)
        blocks = [_Block.of(each, self._top_k, len(self._targets)) for each in places]
        slices = self._slices()
        for number, target in enumerate(self._targets):  # from the very products in which their ranks are counted
            tokens = next(tokens for tokens in slices if target < tokens.stop)
            tile = self._head.tile(tokens, len(normed))
            for block in blocks:
                block.owns[:, number] = tile(block.normed)[:, target - tokens.start]
        for tokens in slices:
            self._step("read", tokens.start, slices[-1].stop)
            tile = self._head.tile(tokens, len(normed))
            for block in blocks:
                block.take(tile(block.normed), tokens.start)
        return blocks

    def _slices(self, most: int | None = None) -> list[slice]:
        size = len(self._head.weight)
        each = min(self._tokens, most or self._tokens)
        return [slice(start, min(start + each, size)) for start in range(0, size, each)]

    def _divergence(
        self, flat: torch.Tensor, normed: torch.Tensor, reference: torch.Tensor, totals: torch.Tensor
    ) -> torch.Tensor:
        """``[N]``: the sum of p (log p - log q) over the vocabulary, p being the reference's.

        Where logits are a product, so is their difference weighted by p: p times the matrix, times the difference.
        """
        given = reference.reshape(-1, reference.shape[-1])
        final = self._parts.norm(given)
        if torch.equal(flat[-len(given) :], given):  # a lens' last layer
            ends = totals[-len(given) :]
        else:
            ends = torch.cat([block.found[-1] for block in self._read_out(final)])
        times = len(flat) // len(given)
        if self._head.soft_cap is None:
            difference = self._weighted(final, ends, normed.unflatten(0, (times, -1)))  # type: ignore[no-untyped-call]
        else:
            difference = self._weighted_capped(final, ends, normed.unflatten(0, (times, -1)))  # type: ignore[no-untyped-call]
        kl = (difference - (ends - totals.reshape(times, -1))).reshape(-1).clamp(min=0)
        same = (flat.reshape(times, *given.shape) == given).all(-1).reshape(-1)
        return kl.masked_fill(same, 0.0)

    def _weighted(self, final: torch.Tensor, ends: torch.Tensor, others: torch.Tensor) -> torch.Tensor:
        """``[times, P]``: the mean under p of how much more the reference's logits are."""
        weights = torch.zeros(final.shape, device=final.device)
        centre = self._head.weight.mean(0).float()
        for tokens in self._slices(_LARGE_TILE[1]):  # of the matrix there is a copy in float32
            probs = (self._head.tile(tokens, len(final))(final) - ends[:, None]).exp()
            # What all tokens have in common cancels, and would round what they do not.
            apart = self._head.weight[tokens] - centre  # in float32, as the centre is
            weights += product_with(apart.T, None, len(final))(probs)
        change = (final - others).float()
        mean: torch.Tensor = torch.linalg.vecdot(weights, change) + change @ centre  # as p adds up to 1
        return self._head.scale * mean

    def _weighted_capped(self, final: torch.Tensor, ends: torch.Tensor, others: torch.Tensor) -> torch.Tensor:
        found = torch.zeros(others.shape[:-1], device=final.device)
        for tokens in self._slices():
            tile = self._head.tile(tokens, len(final) * (1 + len(others)))
            logits = tile(final)
            probs = (logits - ends[:, None]).exp()
            for number, other in enumerate(others):
                found[number] += torch.linalg.vecdot(probs, logits - tile(other))
        return found


def _shared(reference: torch.Tensor, hidden: torch.Tensor) -> torch.Size:
    """The reference's own shape where it repeats along leading dimensions only, else that of ``hidden``."""
    return reference.shape if hidden.shape[hidden.dim() - reference.dim() :] == reference.shape else hidden.shape


@torch.no_grad()
def read_in_chunks(
    unembed: Callable[[torch.Tensor], torch.Tensor], hidden: torch.Tensor, asked: Question, vocabulary: int
) -> Reading:
    """The same by whole logits of a few places at a time, for heads that are more than a matrix."""
    reference = asked.reference
    shape = hidden.shape[:-1]
    flat = hidden.reshape(-1, hidden.shape[-1])
    final = None if reference is None else reference.expand(hidden.shape).reshape(flat.shape)
    at = torch.tensor(list(asked.targets), dtype=torch.long, device=flat.device)
    found: list[tuple[torch.Tensor, ...]] = []
    chunk = max(1, _TILE["cpu"][0] * _TILE["cpu"][1] // vocabulary)
    for start in range(0, len(flat), chunk):
        asked.step("read", start, len(flat))
        places = slice(start, start + chunk)
        logits = unembed(flat[places])
        total = torch.logsumexp(logits, -1, keepdim=True)
        values, ids = logits.topk(asked.top_k, -1)
        own = logits[:, at]
        ranks = [1 + (logits > one[:, None]).sum(-1) for one in own.T]
        kl = total[:, 0] * 0
        if final is not None:
            expected = torch.log_softmax(unembed(final[places]), -1)
            kl = torch.linalg.vecdot(expected.exp(), expected - (logits - total)).clamp(min=0)
            kl = kl.masked_fill((flat[places] == final[places]).all(-1), 0.0)
        found.append((ids, values - total, own - total, torch.stack(ranks, -1) if ranks else own.long(), kl))
    whole = [torch.cat(each).reshape(*shape, *each[0].shape[1:]).cpu().numpy() for each in zip(*found, strict=True)]
    return Reading(whole[0], whole[1], whole[2], whole[3], None if final is None else whole[4])
