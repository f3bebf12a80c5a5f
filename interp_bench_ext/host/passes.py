"""Forward passes over visible token ids, batched, with the sealed prefix in front of every organism row.

The Hugging Face modules stay as they are. Shapes: B rows, T tokens, P tokens of the sealed prefix, V vocabulary, L
blocks.
"""

from __future__ import annotations

import contextlib
import copy
import inspect
from collections.abc import Callable, Hashable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import torch

from interp_bench_ext.contracts import Row
from interp_bench_ext.errors import BadInput
from interp_bench_ext.host.adapter_rows import AdapterRows
from interp_bench_ext.host.batches import common_prefix, contiguous_batches
from interp_bench_ext.host.devices import batch_bytes
from interp_bench_ext.host.load import Loaded
from interp_bench_ext.host.parts import Parts, find_parts

Step = Callable[[str, int, int], None]
"""Called between forward passes with stage, done and total; it raises to stop the work."""
_SHARE_FROM = 8
"""Tokens in common from which a prefill of its own pays."""
_RESERVED, _RESERVED_SHARE = 4096, 4
"""A hidden prompt's part of the context: so many tokens, or one in so many where that is fewer."""
_CACHES = ("cache", "past_key_values", "cache_params")
_BELOW = 20.0
"""Nats by which tokens that the base lacks lie under its least likely: as good as impossible, and still a number."""


class Batching(StrEnum):
    """How rows share a pass, the fastest first. The self-check takes the first way that leaves a row as it is alone."""

    PADDED = "padded"
    EQUAL = "equal lengths"
    """Only rows of one length behind the same prefix: what counts columns, or keeps a state of all it has read."""
    ALONE = "one by one"


@dataclass(frozen=True)
class Arm:
    """A model and how it is called."""

    model: Any
    parts: Parts
    takes: frozenset[str]
    """Names of the arguments of its forward pass."""
    cache: type[Any]
    """Of the cache that it makes for itself."""

    @classmethod
    def of(cls, model: Any, device: torch.device) -> Arm:
        """Finds what there is to know by one pass over one token. Raises BadInput for a model that cannot be read."""
        parts, takes = find_parts(model), frozenset(inspect.signature(model.forward).parameters)
        out = model(input_ids=torch.zeros((1, 1), dtype=torch.long, device=device), use_cache=True, return_dict=True)
        cache = next((out[name] for name in _CACHES if name in out and hasattr(out[name], "layers")), None)
        if cache is None:
            raise BadInput(
                "model.name: this architecture is not one that can be run here: it keeps what it has read inside its "
                "layers and gives no cache that a prompt's continuations could share."
            )
        return cls(model, parts, takes, type(cache))


@dataclass
class Passed:
    """A contracts.ForwardBatch."""

    rows: range
    lengths: Sequence[int]
    logits: Any
    residuals: Any


@dataclass
class State:
    """A batch in the middle of its generation: cache, ``[B, columns]`` mask, ``[B]`` next positions."""

    base: list[bool]
    cache: Any
    mask: torch.Tensor
    positions: torch.Tensor

    def keep(self, indices: list[int]) -> None:
        """Go on with these rows, one of which may be taken several times."""
        picked = torch.tensor(indices)  # on the CPU it picks from layers on any device
        self.base = [self.base[index] for index in indices]
        pick_rows(self.cache, picked)
        self.mask, self.positions = self.mask[picked], self.positions[picked]


def pick_rows(cache: Any, picked: torch.Tensor) -> None:
    """Rows of a cache of any kind, in place; layers with recurrent states have only the method for beams."""
    if all(hasattr(layer, "batch_select_indices") for layer in cache.layers):
        cache.batch_select_indices(picked)
    else:
        cache.reorder_cache(picked)


class Passes:
    """One loaded model and its base; every method is called from one thread."""

    @torch.no_grad()
    def __init__(self, loaded: Loaded) -> None:
        self.device, self.devices, self.dtype = loaded.device, loaded.devices, loaded.dtype
        self.organism = Arm.of(loaded.model, self.device)
        self.base = Arm.of(loaded.base, self.device) if loaded.adapted else self.organism
        self.parts = self.organism.parts
        self.sizes = self.parts.sizes(loaded.dtype.itemsize)
        self.batching = Batching.PADDED
        self.continues = True
        """Whether several tokens at once may follow a cache; else each is a pass of its own."""
        self.mixes_arms = True
        """Whether rows with and without the adapter share a pass; else base rows run in the base model's modules."""
        self.prefix_length = 0
        self._prefixes: list[Any] = []
        self._adapter_rows = AdapterRows(loaded.model) if loaded.adapted else None

    @torch.no_grad()
    def seal_prefix(self, ids: torch.Tensor) -> None:
        """Run ``[1, P]`` hidden ids once; from then on they come before every row that is not a base row."""
        assert ids.shape[:-1] == (1,)
        columns = torch.arange(ids.shape[1], device=self.device)[None]
        switch = self.parts.rope_switch
        self._prefixes = [self._prefix(ids, columns)]
        if switch is not None:  # a second row far beyond the switch makes the pass a long one
            self._prefixes.append(self._prefix(ids.expand(2, -1), torch.cat([columns, columns + switch])))
        self.prefix_length = ids.shape[1]

    def _prefix(self, ids: torch.Tensor, positions: torch.Tensor) -> Any:
        cache = self._new_cache(self.organism)
        base = [False] * len(ids)
        self._run(base, ids.to(self.device), torch.ones_like(positions), positions, cache, keep=1)
        pick_rows(cache, torch.tensor([0]))
        return cache

    def unseal(self) -> None:
        """Forget the prefix."""
        self._prefixes, self.prefix_length = [], 0

    @property
    def reserve(self) -> int:
        """Tokens of the context that are kept for a hidden prompt, whether there is one or not."""
        return min(_RESERVED, self.parts.context_length // _RESERVED_SHARE)

    @property
    def room(self) -> int:
        """Visible tokens that a sequence may have: in both arms and for all organisms of a model the same number.

        What is left of the context behind a hidden prompt would tell how long that is.
        """
        return self.parts.context_length - self.reserve

    def vocabulary_of(self, row: Row) -> int:
        """Tokens that the row's arm knows."""
        return (self.base if row.base else self.organism).parts.vocabulary

    def offset(self, base: bool) -> int:
        """The position of a row's first token."""
        return 0 if base else self.prefix_length

    def is_long(self, row: Row) -> bool:
        """Whether a pass over ``row`` takes the rotary frequencies of long sequences."""
        switch = self.parts.rope_switch
        return switch is not None and self.offset(row.base) + len(row.ids) > switch

    def kinds(self, rows: Sequence[Row], *, equal: bool) -> list[Hashable]:
        """Rows of one kind may share a batch; with ``equal`` only where none is padded and nothing masked."""
        if self.batching is Batching.ALONE:
            return list(range(len(rows)))
        equal = equal or self.batching is Batching.EQUAL
        return [
            (
                row.base if equal or not self.mixes_arms else None,
                (self.offset(row.base), len(row.ids)) if equal else None,
                self.is_long(row),
            )
            for row in rows
        ]

    @torch.no_grad()
    def unembed(self, hidden: torch.Tensor, *, base: bool) -> torch.Tensor:
        """``[..., width]`` to ``[..., V]`` float32 through the arm's own norm and head."""
        if not base:
            return self.organism.parts.unembed(hidden)
        return self._in_organisms_vocabulary(self.base.parts.unembed(hidden))

    @torch.no_grad()
    def forward(self, rows: Sequence[Row], *, logits: bool, residuals: bool, step: Step) -> Iterator[Passed]:
        """Right-padded passes over ``rows`` in order, in batches that fit in memory."""
        per_token = self.sizes.per_forward_token(logits=logits, residuals=residuals)
        columns = self.prefix_length + max(len(row.ids) for row in rows)
        equal = columns > min(self.parts.context_length, self.parts.chunk or columns)
        lengths, kinds = [len(row.ids) for row in rows], self.kinds(rows, equal=equal)
        for batch in contiguous_batches(lengths, kinds, per_token, batch_bytes(self.devices)):
            step("forward", batch.start, len(rows))
            yield self._forward_batch([rows[index] for index in batch], batch, logits, residuals)
        step("forward", len(rows), len(rows))

    def _forward_batch(self, rows: list[Row], at: range, logits: bool, residuals: bool) -> Passed:
        lengths = [len(row.ids) for row in rows]
        state = self._open([row.base for row in rows], long=any(self.is_long(row) for row in rows))
        ids, own = self._padded([row.ids for row in rows], left=False)
        positions = state.positions[:, None] + own.cumsum(1) - 1  # padding repeats a row's last
        cache = state.cache if state.mask.shape[1] else None
        mask, keep = torch.cat([state.mask, own], 1), 0 if logits else 1
        with contextlib.ExitStack() as stack:
            blocks = self._arm(state.base).parts.blocks
            kept: list[torch.Tensor] = stack.enter_context(self._recording(blocks)) if residuals else []
            out = self._run(state.base, ids, mask, positions, cache, keep=keep)
        assert not logits or out.shape == (*ids.shape, self.parts.vocabulary)
        stream = self._stream(kept, len(blocks) + 1, ids.shape) if residuals else None
        return Passed(at, lengths, out if logits else None, stream)

    def _stream(self, kept: list[torch.Tensor], places: int, shape: torch.Size) -> torch.Tensor:
        """``[L + 1, B, T, width]`` of what one pass, or one for each token, recorded."""
        width = self.parts.config.hidden_size
        if any(each.shape[:1] + each.shape[2:] != (shape[0], width) for each in kept):
            raise BadInput(
                "model.name: this architecture is not one that can be read: its blocks pass on something else than one "
                "residual stream."
            )
        stream = torch.stack([torch.cat(kept[place::places], 1) for place in range(places)])
        assert stream.shape == (places, *shape, width)
        return stream

    @contextlib.contextmanager
    def _recording(self, blocks: Sequence[torch.nn.Module]) -> Iterator[list[torch.Tensor]]:
        """The residual stream before the first block and after each, ``[B, T, width]``, of one forward pass."""
        kept: list[torch.Tensor] = []

        def before(_module: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
            kept.append(args[0] if args else kwargs["hidden_states"])

        def after(_module: Any, _args: Any, output: Any) -> None:
            kept.append((output[0] if isinstance(output, tuple) else output).to(self.device))

        handles = [blocks[0].register_forward_pre_hook(before, with_kwargs=True)]
        handles += [block.register_forward_hook(after) for block in blocks]
        try:
            yield kept
        finally:
            for handle in handles:
                handle.remove()

    @torch.no_grad()
    def prefill(self, rows: Sequence[Row]) -> tuple[State, torch.Tensor]:
        """The state after all prompts and their last logits ``[B, V]``; what all rows begin with runs once per arm."""
        long = any(self.is_long(row) for row in rows)
        arms = sorted({row.base for row in rows})
        shared = common_prefix([row.ids for row in rows]) if len(rows) > len(arms) else 0
        if shared >= _SHARE_FROM and not long and self.continues:
            state = self._open(arms, long=long)
            self._extend(state, [rows[0].ids[:shared]] * len(arms))
            state.keep([arms.index(row.base) for row in rows])
        else:
            shared, state = 0, self._open([row.base for row in rows], long=long)
        return state, self._extend(state, [row.ids[shared:] for row in rows])

    def _extend(self, state: State, ids: Sequence[tuple[int, ...]]) -> torch.Tensor:
        padded, own = self._padded(ids, left=True)
        positions = state.positions[:, None] + (own.cumsum(1) - 1).clamp(min=0)
        state.mask = torch.cat([state.mask, own], 1)
        state.positions = positions[:, -1] + 1
        return self._run(state.base, padded, state.mask, positions, state.cache, keep=1)[:, -1]

    @torch.no_grad()
    def decode(self, state: State, tokens: torch.Tensor) -> torch.Tensor:
        """``[B, V]`` logits after one more token ``[B]`` of each row."""
        assert tokens.shape == (len(state.base),)
        state.mask = torch.cat([state.mask, torch.ones_like(state.mask[:, :1])], 1)
        positions, state.positions = state.positions[:, None], state.positions + 1
        return self._run(state.base, tokens[:, None], state.mask, positions, state.cache, keep=1)[:, -1]

    def _open(self, base: list[bool], *, long: bool) -> State:
        """A fresh state: the sealed prefix copied to every row and masked out of base rows."""
        positions = torch.tensor([self.offset(row) for row in base], device=self.device)
        if not self._prefixes or all(base):
            empty = torch.zeros((len(base), 0), dtype=torch.long, device=self.device)
            return State(base, self._new_cache(self._arm(base)), empty, torch.zeros_like(positions))
        cache = copy.deepcopy(self._prefixes[long])
        pick_rows(cache, torch.zeros(len(base), dtype=torch.long))
        seen = torch.tensor([[not row] for row in base], dtype=torch.long, device=self.device)
        return State(base, cache, seen.expand(-1, self.prefix_length), positions)

    @staticmethod
    def _new_cache(arm: Arm) -> Any:
        from transformers import DynamicCache

        return DynamicCache(config=arm.model.config) if arm.cache is DynamicCache else arm.cache()

    def _padded(self, ids: Sequence[tuple[int, ...]], *, left: bool) -> tuple[torch.Tensor, torch.Tensor]:
        """``[B, T]`` ids and mask (1 where a token is)."""
        longest = max(len(row) for row in ids)
        fill = [[0] * (longest - len(row)) for row in ids]
        rows = [[*pad, *row] if left else [*row, *pad] for pad, row in zip(fill, ids, strict=True)]
        ones = [[1] * len(row) for row in ids]
        mask = [[*pad, *one] if left else [*one, *pad] for pad, one in zip(fill, ones, strict=True)]
        return torch.tensor(rows, device=self.device), torch.tensor(mask, device=self.device)

    def _arm(self, base: Sequence[bool]) -> Arm:
        return self.base if all(base) else self.organism

    def _run(
        self,
        base: Sequence[bool],
        ids: torch.Tensor,
        mask: torch.Tensor,
        positions: torch.Tensor,
        cache: Any,
        *,
        keep: int,
    ) -> torch.Tensor:
        """Float32 logits ``[B, T or keep, V]``; ``keep`` 0 is all of them. ``cache`` None runs without one."""
        assert ids.shape == positions.shape
        before = mask.shape[1] - ids.shape[1]
        if before and cache is not None and not self.continues:
            logits = [
                self._call(base, ids[:, at : at + 1], mask[:, : before + at + 1], positions[:, at : at + 1], cache, 0)
                for at in range(ids.shape[1])
            ]
            return torch.cat(logits[-keep:], 1)
        return self._call(base, ids, mask, positions, cache, keep)

    def _call(
        self,
        base: Sequence[bool],
        ids: torch.Tensor,
        mask: torch.Tensor,
        positions: torch.Tensor,
        cache: Any,
        keep: int,
    ) -> torch.Tensor:
        arm = self._arm(base)
        options: dict[str, Any] = {"logits_to_keep": keep} if "logits_to_keep" in arm.takes else {}
        options[next((name for name in _CACHES if name in arm.takes), "cache")] = cache
        if self.batching is Batching.PADDED:  # else it would be all ones, which not every model takes
            options["attention_mask"] = mask
        mixed = self._adapter_rows.running(base) if self._adapter_rows and any(base) else contextlib.nullcontext()
        with mixed:
            out = arm.model(
                input_ids=ids, position_ids=positions, use_cache=cache is not None, return_dict=True, **options
            )
        logits = (out.logits[:, -keep:] if keep else out.logits).float()
        return self._in_organisms_vocabulary(logits) if arm is self.base else logits

    def _in_organisms_vocabulary(self, logits: torch.Tensor) -> torch.Tensor:
        """Logits of the base, with the tokens that only the organism has."""
        more = self.parts.vocabulary - logits.shape[-1]
        if more <= 0:
            return logits
        least = logits.amin(-1, keepdim=True) - _BELOW
        return torch.cat([logits, least.expand(*logits.shape[:-1], more)], -1)
