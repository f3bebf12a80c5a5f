"""Forward passes and generation over visible token ids, batched, with the sealed prefix in front of every organism row.

The Hugging Face modules stay as they are; the decode loop is ours. Shapes: B rows, T tokens, P tokens of the sealed
prefix, V vocabulary.
"""

from __future__ import annotations

import contextlib
import copy
import inspect
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import torch

from interp_bench_ext.contracts import Row
from interp_bench_ext.host.adapter_rows import Arms
from interp_bench_ext.host.batches import Sizes, common_prefix, contiguous_batches, generation_batches
from interp_bench_ext.host.devices import batch_bytes
from interp_bench_ext.host.load import Loaded
from interp_bench_ext.host.parts import Parts
from interp_bench_ext.host.sampling import choose, draws

Step = Callable[[str, int, int], None]
"""Called between forward passes with stage, done and total; it raises to stop the work."""
_SHARE_FROM = 8
"""Tokens in common from which a prefill of its own pays."""


@dataclass
class Passed:
    """A contracts.ForwardBatch."""

    rows: range
    lengths: Sequence[int]
    logits: Any
    residuals: Any


@dataclass(frozen=True)
class Drawn:
    """Ids (a stop token included) and their log-probabilities in nats, and whether the model stopped by itself."""

    ids: tuple[int, ...]
    logprobs: tuple[float, ...]
    stopped: bool


@dataclass(frozen=True)
class Sampling:
    """How to draw; ``temperature`` 0 is greedy."""

    max_new_tokens: int
    temperature: float
    top_p: float
    seed: int


@dataclass
class _State:
    """A batch in the middle of its generation: key-value cache, ``[B, columns]`` mask, ``[B]`` next positions."""

    base: list[bool]
    cache: Any
    mask: torch.Tensor
    positions: torch.Tensor

    def keep(self, indices: list[int]) -> None:
        picked = torch.tensor(indices)  # on the CPU it picks from layers on any device
        self.base = [self.base[index] for index in indices]
        self.cache.batch_select_indices(picked)
        self.mask, self.positions = self.mask[picked], self.positions[picked]


class Engine:
    """One loaded model; every method is called from one thread."""

    def __init__(self, loaded: Loaded, parts: Parts, stop_ids: frozenset[int]) -> None:
        self.model, self.parts, self.stop_ids = loaded.model, parts, stop_ids
        self.device, self.devices, self.dtype = loaded.device, loaded.devices, loaded.dtype
        self.sizes = Sizes.of(parts, loaded.dtype)
        self.arms = Arms(loaded.model, adapted=loaded.adapted, mixes=loaded.mixes_arms)
        self.prefix_length = 0
        self._prefix: Any = None
        self._keeps = "logits_to_keep" in inspect.signature(loaded.model.forward).parameters

    @torch.no_grad()
    def seal_prefix(self, ids: torch.Tensor) -> None:
        """Run ``[1, P]`` hidden ids once; from then on they come before every row that is not a base row."""
        assert ids.shape[:-1] == (1,)
        cache = self._new_cache()
        columns = torch.arange(ids.shape[1], device=self.device)[None]
        with self.arms.running([False]):
            self._run(ids.to(self.device), torch.ones_like(columns), columns, cache, keep=1)
        self._prefix, self.prefix_length = cache, ids.shape[1]

    @property
    def room(self) -> int:
        """Visible tokens that a sequence may have."""
        return self.parts.context_length - self.prefix_length

    @torch.no_grad()
    def forward(self, rows: Sequence[Row], *, logits: bool, residuals: bool, step: Step) -> Iterator[Passed]:
        """Right-padded passes over ``rows`` in order, in batches that fit in memory."""
        per_token = self.sizes.per_forward_token(logits=logits, residuals=residuals)
        batches = contiguous_batches([len(row.ids) for row in rows], per_token, batch_bytes(self.devices))
        for batch in batches:
            step("forward", batch.start, len(rows))
            yield self._forward_batch([rows[index] for index in batch], batch, logits, residuals)
        step("forward", len(rows), len(rows))

    def _forward_batch(self, rows: list[Row], at: range, logits: bool, residuals: bool) -> Passed:
        state = self._open([row.base for row in rows])
        ids, own = self._padded([row.ids for row in rows], left=False)
        positions = state.positions[:, None] + torch.arange(ids.shape[1], device=self.device)
        positions = positions.clamp(max=self.parts.context_length - 1)  # only padding is ever beyond
        mask = torch.cat([state.mask, own], 1)
        cached = state.mask.shape[1] > 0
        with contextlib.ExitStack() as stack:
            stack.enter_context(self.arms.running(state.base))
            kept: list[torch.Tensor] = stack.enter_context(self._recording()) if residuals else []
            out = self._run(ids, mask, positions, state.cache if cached else None, keep=0 if logits else 1)
        stacked = torch.stack(kept) if residuals else None
        return Passed(at, [len(row.ids) for row in rows], out.float() if logits else None, stacked)

    @contextlib.contextmanager
    def _recording(self) -> Iterator[list[torch.Tensor]]:
        """The residual stream before the first block and after each, ``[B, T, width]``, of one forward pass."""
        kept: list[torch.Tensor] = []

        def before(_module: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
            kept.append(args[0] if args else kwargs["hidden_states"])

        def after(_module: Any, _args: Any, output: Any) -> None:
            kept.append((output[0] if isinstance(output, tuple) else output).to(self.device))

        handles = [self.parts.blocks[0].register_forward_pre_hook(before, with_kwargs=True)]
        handles += [block.register_forward_hook(after) for block in self.parts.blocks]
        try:
            yield kept
        finally:
            for handle in handles:
                handle.remove()

    @torch.no_grad()
    def generate(self, rows: Sequence[Row], samples: Sequence[int], how: Sampling, step: Step) -> list[Drawn]:
        """One continuation per row; ``samples[i]`` tells apart continuations of the same row.

        Rows end at a stop token, at ``max_new_tokens``, or where the context is full.
        """
        found: list[Drawn | None] = [None] * len(rows)
        window = self.parts.sliding_window
        longest = self.prefix_length + max(len(row.ids) for row in rows) + how.max_new_tokens
        equal = window is not None and longest > window  # padding would move tokens apart inside a sliding window
        batches = generation_batches(
            [len(row.ids) for row in rows],
            how.max_new_tokens + self.prefix_length,
            self.sizes,
            batch_bytes(self.devices),
            equal_lengths=equal,
        )
        total = len(batches) * how.max_new_tokens
        for number, batch in enumerate(batches):
            start = number * how.max_new_tokens

            def report(done: int, start: int = start) -> None:
                step("generate", start + done, total)

            part = self._generate_batch([rows[i] for i in batch], [samples[i] for i in batch], how, report)
            for index, drawn in zip(batch, part, strict=True):
                found[index] = drawn
        step("generate", total, total)
        return [drawn for drawn in found if drawn is not None]

    def _generate_batch(
        self, rows: list[Row], samples: list[int], how: Sampling, report: Callable[[int], None]
    ) -> list[Drawn]:
        report(0)
        limits = [
            min(how.max_new_tokens, self.parts.context_length - self._offset(row.base) - len(row.ids)) for row in rows
        ]
        pairs = zip(rows, samples, strict=True)
        uniforms = torch.stack([torch.from_numpy(draws(row, n, how.seed, how.max_new_tokens)) for row, n in pairs]).to(
            self.device
        )
        ids: list[list[int]] = [[] for _ in rows]
        logprobs: list[list[float]] = [[] for _ in rows]
        stopped = [False] * len(rows)
        live = list(range(len(rows)))
        state, logits = self._prefill(rows)
        for done in range(how.max_new_tokens):
            tokens, logs = choose(logits, how.temperature, how.top_p, uniforms[live, done])
            for row, token, logprob in zip(live, tokens.tolist(), logs.tolist(), strict=True):
                ids[row].append(token)
                logprobs[row].append(logprob)
                stopped[row] = token in self.stop_ids
            report(done + 1)
            going = [i for i, row in enumerate(live) if not stopped[row] and len(ids[row]) < limits[row]]
            if not going:
                break
            if len(going) < len(live):
                state.keep(going)
                tokens, live = tokens[going], [live[i] for i in going]
            logits = self._decode(state, tokens)
        return [Drawn(tuple(i), tuple(p), s) for i, p, s in zip(ids, logprobs, stopped, strict=True)]

    @torch.no_grad()
    def stepwise(self, row: Row, start: int) -> torch.Tensor:
        """``[T - start + 1, V]`` logits at the positions from ``start - 1`` on, one cached decode step each."""
        state = self._open([row.base])
        found = [self._extend(state, [row.ids[:start]])]
        found += [self._decode(state, torch.tensor([token], device=self.device)) for token in row.ids[start:]]
        return torch.cat(found)

    def _prefill(self, rows: list[Row]) -> tuple[_State, torch.Tensor]:
        """The state after all prompts and their last logits ``[B, V]``; what all rows begin with runs once per arm."""
        arms = sorted({row.base for row in rows})
        shared = common_prefix([row.ids for row in rows]) if len(rows) > len(arms) else 0
        shared = shared if shared >= _SHARE_FROM else 0
        if shared:
            state = self._open(arms)
            self._extend(state, [rows[0].ids[:shared]] * len(arms))
            state.keep([arms.index(row.base) for row in rows])
        else:
            state = self._open([row.base for row in rows])
        return state, self._extend(state, [row.ids[shared:] for row in rows])

    def _extend(self, state: _State, ids: Sequence[tuple[int, ...]]) -> torch.Tensor:
        padded, own = self._padded(ids, left=True)
        positions = state.positions[:, None] + (own.cumsum(1) - 1).clamp(min=0)
        state.mask = torch.cat([state.mask, own], 1)
        state.positions = positions[:, -1] + 1
        with self.arms.running(state.base):
            return self._run(padded, state.mask, positions, state.cache, keep=1)[:, -1].float()

    def _decode(self, state: _State, tokens: torch.Tensor) -> torch.Tensor:
        state.mask = torch.cat([state.mask, torch.ones_like(state.mask[:, :1])], 1)
        positions, state.positions = state.positions[:, None], state.positions + 1
        with self.arms.running(state.base):
            return self._run(tokens[:, None], state.mask, positions, state.cache, keep=1)[:, -1].float()

    def _offset(self, base: bool) -> int:
        return 0 if base else self.prefix_length

    def _open(self, base: list[bool]) -> _State:
        """A fresh state: the sealed prefix copied to every row and masked out of base rows."""
        positions = torch.tensor([self._offset(row) for row in base], device=self.device)
        if self._prefix is None or all(base):
            empty = torch.zeros((len(base), 0), dtype=torch.long, device=self.device)
            return _State(base, self._new_cache(), empty, torch.zeros_like(positions))
        cache = copy.deepcopy(self._prefix)
        cache.batch_select_indices(torch.zeros(len(base), dtype=torch.long))
        seen = torch.tensor([[not row] for row in base], dtype=torch.long, device=self.device)
        return _State(base, cache, seen.expand(-1, self.prefix_length), positions)

    def _new_cache(self) -> Any:
        from transformers import DynamicCache

        return DynamicCache(config=self.model.config)

    def _padded(self, ids: Sequence[tuple[int, ...]], *, left: bool) -> tuple[torch.Tensor, torch.Tensor]:
        """``[B, T]`` ids and mask (1 where a token is)."""
        longest = max(len(row) for row in ids)
        fill = [[0] * (longest - len(row)) for row in ids]
        rows = [[*pad, *row] if left else [*row, *pad] for pad, row in zip(fill, ids, strict=True)]
        ones = [[1] * len(row) for row in ids]
        mask = [[*pad, *one] if left else [*one, *pad] for pad, one in zip(fill, ones, strict=True)]
        return torch.tensor(rows, device=self.device), torch.tensor(mask, device=self.device)

    def _run(
        self, ids: torch.Tensor, mask: torch.Tensor, positions: torch.Tensor, cache: Any, *, keep: int
    ) -> torch.Tensor:
        """Logits ``[B, T or keep, V]``; ``keep`` 0 is all of them. ``cache`` None runs without one."""
        options: dict[str, Any] = {"logits_to_keep": keep} if self._keeps else {}
        out = self.model(
            input_ids=ids,
            attention_mask=mask,
            position_ids=positions,
            past_key_values=cache,
            use_cache=cache is not None,
            return_dict=True,
            **options,
        )
        logits: torch.Tensor = out.logits
        return logits[:, -keep:] if keep else logits
