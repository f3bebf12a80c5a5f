"""How rows become a call of the model's modules: arms, the sealed prefix, padding, masks, positions.

The Hugging Face modules stay as they are. Shapes: B rows, T tokens, P tokens of the sealed prefix, V vocabulary.
"""

from __future__ import annotations

import contextlib
from collections.abc import Hashable, Sequence
from typing import Any

import numpy as np
import torch

from interp_bench_ext.contracts import Arm as ArmName
from interp_bench_ext.contracts import Row
from interp_bench_ext.host.adapter_rows import AdapterRows
from interp_bench_ext.host.arms import CACHES, Arm, Batching
from interp_bench_ext.host.batch_state import State, pick_rows, repeated
from interp_bench_ext.host.edits import Columns
from interp_bench_ext.host.load import Loaded
from interp_bench_ext.host.norms import fuse
from interp_bench_ext.host.packed import pack
from interp_bench_ext.host.threads import alone, attend_together

_RESERVED, _RESERVED_SHARE = 4096, 4
"""A hidden prompt's part of the context: so many tokens, or one in so many where that is fewer."""
_FEW, _MOST = range(1 << 16, 1 << 19), 0.9
"""So many bytes of a stream are one thread's work, where more than this share of the products get all threads. Fewer
are so without being told."""
_BELOW = 20.0
"""Nats by which tokens that the base lacks lie under its least likely: as good as impossible, and still a number."""


class Calls:
    """One loaded model and its base; every method is called from one thread."""

    @torch.no_grad()
    def __init__(self, loaded: Loaded) -> None:
        self.device, self.devices, self.dtype = loaded.device, loaded.devices, loaded.dtype
        self.adapter_rows = AdapterRows(loaded.model) if loaded.adapted else None
        for model in (loaded.model, loaded.base):
            fuse(model)
        self.few = _FEW if pack((loaded.model, loaded.base)) > _MOST else range(0)
        """Bytes of a stream for which one thread is enough, but for products and attention."""
        if self.few:
            attend_together()
        ids = torch.tensor([loaded.proof.ids], device=self.device)
        self.organism = Arm.of(loaded.model, ids)
        if self.adapter_rows:
            self.adapter_rows.share_inputs(loaded.model, ids[:, :2])
        self.base = Arm.of(loaded.base, ids) if loaded.adapted else self.organism
        self.parts = self.organism.parts
        self.sizes = self.parts.sizes(loaded.dtype.itemsize)
        self.batching = Batching.PADDED
        self.continues = True
        """Whether several tokens at once may follow a cache; else each is a pass of its own."""
        self.mixes_arms = True
        """Whether rows with and without the adapter share a pass; else base rows run in the base model's modules."""
        self.prefix_length = 0
        self._prefixes: list[Any] = []
        # Positions would be moved to the first block's device, and the head of a model that is spread is elsewhere.
        self._fewest = torch.zeros(0, dtype=torch.long, device=self.device) if len(self.devices) == 1 else 1
        """What has a pass give as few logits as may be."""

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
        cache, seen = self._new_cache(self.organism), np.zeros(len(ids), dtype=np.int64)
        rows = [Row(())] * len(ids)
        state = State(rows, self.organism, cache, torch.ones_like(positions), positions[:, -1] + 1, seen)
        columns = np.full(tuple(ids.shape), -1)
        self._run(state, ids.to(self.device), state.mask, positions, columns, cache, keep=1)
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
        return self.arm(row.arm).parts.vocabulary

    def arm(self, name: ArmName) -> Arm:
        """The model of one arm alone."""
        return self.base if name == "base" else self.organism

    def offset(self, arm: ArmName) -> int:
        """The position of a row's first token."""
        return 0 if arm == "base" else self.prefix_length

    def is_long(self, row: Row) -> bool:
        """Whether a pass over ``row`` takes the rotary frequencies of long sequences."""
        switch = self.parts.rope_switch
        return switch is not None and self.offset(row.arm) + len(row.ids) > switch

    def until_switch(self, row: Row) -> int:
        """Tokens that may follow ``row`` until its next pass is a long one."""
        switch = self.parts.rope_switch
        if switch is None or self.is_long(row):
            return self.parts.context_length
        return switch + 1 - self.offset(row.arm) - len(row.ids)

    @property
    def columns(self) -> int:
        """Of a batch in which rows have padding: more would move tokens apart inside a window, or past the last."""
        return min(self.parts.context_length, self.parts.window or self.parts.context_length)

    def kinds(self, rows: Sequence[Row], *, equal: bool) -> list[Hashable]:
        """Rows of one kind may share a batch; with ``equal`` only where none is padded and nothing masked."""
        if self.batching is Batching.ALONE:
            return list(range(len(rows)))
        equal = equal or self.batching is Batching.EQUAL
        return [
            (
                row.arm if equal or not self.mixes_arms else None,
                (self.offset(row.arm), len(row.ids)) if equal else None,
                self.is_long(row),
            )
            for row in rows
        ]

    def _open(self, rows: list[Row], *, long: bool) -> State:
        """A fresh state: the sealed prefix copied to every row and masked out of base rows."""
        base, seen = [row.arm == "base" for row in rows], np.zeros(len(rows), dtype=np.int64)
        positions = torch.tensor([self.offset(row.arm) for row in rows], device=self.device)
        if not self._prefixes or all(base):
            empty = torch.zeros((len(rows), 0), dtype=torch.long, device=self.device)
            arm = self._arm(base)
            return State(rows, arm, self._new_cache(arm), empty, torch.zeros_like(positions), seen)
        cache = repeated(self._prefixes[long], len(rows))
        mask = torch.tensor([[not row] for row in base], dtype=torch.long, device=self.device)
        return State(rows, self.organism, cache, mask.expand(-1, self.prefix_length), positions, seen)

    @staticmethod
    def _new_cache(arm: Arm) -> Any:
        from transformers import DynamicCache

        return DynamicCache(config=arm.model.config) if arm.cache is DynamicCache else arm.cache()

    def _padded(
        self, ids: Sequence[tuple[int, ...]], seen: Columns, *, left: bool
    ) -> tuple[torch.Tensor, torch.Tensor, Columns]:
        """``[B, T]`` ids, mask (1 where a token is), and the visible position of each column after those ``seen``."""
        longest = max(len(row) for row in ids)
        fill = [[0] * (longest - len(row)) for row in ids]
        rows = [[*pad, *row] if left else [*row, *pad] for pad, row in zip(fill, ids, strict=True)]
        ones = [[1] * len(row) for row in ids]
        own = np.array([[*pad, *one] if left else [*one, *pad] for pad, one in zip(fill, ones, strict=True)])
        columns = np.where(own > 0, seen[:, None] + own.cumsum(1) - 1, -1)
        return torch.tensor(rows, device=self.device), torch.from_numpy(own).to(self.device), columns

    def _arm(self, base: Sequence[bool]) -> Arm:
        return self.base if all(base) else self.organism

    def _run(
        self,
        state: State,
        ids: torch.Tensor,
        mask: torch.Tensor,
        positions: torch.Tensor,
        columns: Columns,
        cache: Any,
        *,
        keep: int | None,
    ) -> torch.Tensor:
        """Float32 logits ``[B, T or keep, V]``, see :meth:`call`. ``cache`` None runs without one."""
        assert ids.shape == positions.shape == columns.shape
        before, base, hooks = mask.shape[1] - ids.shape[1], state.base, state.hooks
        with contextlib.ExitStack() as stack:
            if self.adapter_rows and any(base) and state.arm is self.organism:
                stack.enter_context(self.adapter_rows.running(base))
            if hooks:
                hooks.columns = columns
                stack.enter_context(hooks.during())
            if not before or cache is None or self.continues:
                return self.call(state.arm, ids, mask, positions, cache, keep)
            logits = []
            for at in range(ids.shape[1]):
                one = slice(at, at + 1)
                if hooks:
                    hooks.columns = columns[:, one]
                logits.append(
                    self.call(state.arm, ids[:, one], mask[:, : before + at + 1], positions[:, one], cache, 0)
                )
            return torch.cat(logits[-(1 if keep is None else keep) :], 1)

    def call(
        self,
        arm: Arm,
        ids: torch.Tensor,
        mask: torch.Tensor,
        positions: torch.Tensor,
        cache: Any,
        keep: int | None,
    ) -> torch.Tensor:
        """Float32 logits ``[B, T or keep, V]`` of one pass, without edits; ``keep`` 0 is all, None as few as may be.

        ``mask`` is ``[B, columns]``, 1 where a token is, or ``[B, 1, T, columns]``, added to attention's.
        """
        options: dict[str, Any] = {}
        if "logits_to_keep" in arm.takes:
            options["logits_to_keep"] = self._fewest if keep is None else keep
        options[next((name for name in CACHES if name in arm.takes), "cache")] = cache
        if self.batching is Batching.PADDED:  # else it would be all ones, which not every model takes
            options["attention_mask"] = mask
        options |= {"input_ids": ids, "position_ids": positions, "use_cache": cache is not None, "return_dict": True}
        few = ids.numel() * self.sizes.site in self.few
        out = alone(arm.model, **options) if few else arm.model(**options)
        logits = (out.logits[:, -keep:] if keep else out.logits).float()
        return self._in_organisms_vocabulary(logits) if arm is self.base else logits

    def _in_organisms_vocabulary(self, logits: torch.Tensor) -> torch.Tensor:
        """Logits of the base, with the tokens that only the organism has."""
        more = self.parts.vocabulary - logits.shape[-1]
        if more <= 0:
            return logits
        least = logits.amin(-1, keepdim=True) - _BELOW
        return torch.cat([logits, least.expand(*logits.shape[:-1], more)], -1)
