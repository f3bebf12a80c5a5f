"""Passes over visible token ids, batched: what is read of rows, and what follows them.

Shapes: B rows, T tokens, V vocabulary.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Any

import numpy as np
import torch

from interp_bench_ext.contracts import Arm as ArmName
from interp_bench_ext.contracts import Batch, Reading, Reads, Row, Site
from interp_bench_ext.host.batch_state import State, fewer_rows
from interp_bench_ext.host.batches import Work, common_prefix, contiguous_batches
from interp_bench_ext.host.branching import Group, Sweep, Trunk, can_branch, outs_kept
from interp_bench_ext.host.calls import Calls
from interp_bench_ext.host.devices import batch_bytes
from interp_bench_ext.host.interventions import Interventions
from interp_bench_ext.host.passed import kept_places, picked, scores_and_gradients, taken_at
from interp_bench_ext.host.vocabulary import Question, read, read_in_chunks

Step = Callable[[str, int, int], None]
"""Called between forward passes with stage, done and total; it raises to stop the work."""
_SHARE_FROM = 8
"""Tokens in common from which a prefill of its own pays."""
_LAUNCH = {"cpu": 24, "cuda": 512}
"""Columns that a block could compute in the time that it takes to begin, and to have its weights at hand."""


class Passes(Calls):
    """What is computed of rows."""

    branches_below = 0.0
    """Rows with edits begin where these do, if that costs less than this share of what whole passes cost."""

    def unembed(self, hidden: torch.Tensor, arm: ArmName) -> torch.Tensor:
        """``[..., width]`` to ``[..., V]`` float32 through the arm's own norm and head."""
        if arm == "organism":
            return self.organism.parts.unembed(hidden)
        return self._in_organisms_vocabulary(self.base.parts.unembed(hidden))

    def unembedding(self, arm: ArmName) -> torch.Tensor:
        """``[V, width]``. Raises BadInput where the arm's unembedding is no matrix of the model's own."""
        return self.arm(arm).parts.unembedding

    @torch.no_grad()
    def contributions(self, hidden: torch.Tensor, scale_of: torch.Tensor, arm: ArmName) -> torch.Tensor:
        """``[..., V]`` float32: what parts ``hidden`` of the stream ``scale_of`` add to its logits."""
        return self.arm(arm).parts.contributions(hidden, scale_of)

    def read(self, hidden: torch.Tensor, arm: ArmName, asked: Question) -> Reading:
        """See contracts.Organism.read."""
        vocabulary = self.parts.vocabulary
        found = read(self.arm(arm).parts, hidden, asked, vocabulary)
        return found or read_in_chunks(lambda stream: self.unembed(stream, arm), hidden, asked, vocabulary)

    def run(self, rows: Sequence[Row], reads: Reads, step: Step) -> Iterator[Batch]:
        """Right-padded passes over ``rows`` in order, in batches that fit in memory."""
        columns = self.prefix_length + max(len(row.ids) for row in rows)
        equal = columns > min(self.parts.context_length, self.parts.chunk or columns)
        lengths, kinds = [len(row.ids) for row in rows], self.kinds(rows, equal=equal)
        per_token = self.sizes.per_forward_token(
            logits=reads.logits and reads.positions is None,
            sites=len(reads.sites) if reads.positions is None else 0,
            gradients=reads.grad_of is not None,
        )
        whole = contiguous_batches(lengths, kinds, per_token, batch_bytes(self.devices))
        trunk = self._trunk(rows, reads, whole, per_token) if len(set(kinds)) == 1 else None
        for batch in trunk.sweep.batches if trunk else whole:
            step("forward", batch.start, len(rows))
            with torch.set_grad_enabled(reads.grad_of is not None), self._patterns_shown(reads):
                if trunk:
                    passed = self._branched(rows, batch, reads, trunk)
                else:
                    passed = self._pass(self._fresh([rows[index] for index in batch]), batch, reads)
            yield passed
        step("forward", len(rows), len(rows))

    @torch.no_grad()
    def _trunk(self, rows: Sequence[Row], reads: Reads, whole: Sequence[range], per_token: int) -> Trunk | None:
        """What rows with edits branch off; None where they cannot, or passes ``whole`` cost little more."""
        if not (self.branches_below and reads.grad_of is None and can_branch(rows)):
            return None
        lengths, budget = [len(row.ids) for row in rows], batch_bytes(self.devices)
        work = Work(len(self.parts.blocks), _LAUNCH.get(self.device.type, _LAUNCH["cuda"]))
        # Keys and values of columns before can be had of a cache that has let go of none.
        columns = self.prefix_length + max(lengths) < self.columns
        sweep = Sweep.of(rows, reads, work, budget // per_token, columns=columns)
        kept = self.sizes.key_values + len(sweep.layers) * self.sizes.site
        fits = len(sweep.trunk) * max(lengths) * kept <= budget // 2
        if not fits or sweep.cost(work) >= self.branches_below * work.of_whole(lengths, whole):
            return None
        state = self._fresh(list(sweep.trunk))
        with outs_kept(state.arm.parts.blocks, sweep.layers) as outs:
            _, own = self._read(state, cached=any(start.column for start in sweep.starts), keep=None)
        return Trunk(sweep, state, own, outs)

    def _branched(self, rows: Sequence[Row], at: range, reads: Reads, trunk: Trunk) -> Batch:
        group = Group.of(trunk.sweep, at, len(self.parts.blocks))
        own = [rows[index] for index in group.order]
        state = trunk.branch(own, group) if group.column else self._fresh(own)
        fewer_rows(state.cache, group.begun)
        with trunk.during(group):
            return group.in_order(self._pass(state, at, reads))

    def _fresh(self, rows: list[Row]) -> State:
        return self._open(rows, long=any(self.is_long(row) for row in rows))

    @contextlib.contextmanager
    def _patterns_shown(self, reads: Reads) -> Iterator[None]:
        """Attention that keeps its patterns, where they are read."""
        changed: list[tuple[Any, str]] = []
        if any(site.part == "pattern" for site in reads.sites):
            models = dict.fromkeys((self.organism.model, self.base.model))
            changed = [(model, model.config._attn_implementation) for model in models]
        try:
            for model, _ in changed:
                model.set_attn_implementation("eager")
            yield
        finally:
            for model, before in changed:
                model.set_attn_implementation(before)

    def _pass(self, state: State, at: range, reads: Reads) -> Batch:
        arm, lengths = state.arm, [len(row.ids) for row in state.rows]
        at_columns = picked(reads.positions, lengths, self.device)
        if at_columns is not None:
            at_columns = at_columns - torch.from_numpy(state.seen).to(self.device)[:, None]
        graded = reads.grad_of is not None
        # Logits of a few places are unembedded from the stream; those of all, by the model's own pass.
        last = Site(len(arm.parts.blocks) - 1, "resid_post")
        apart = (reads.logits or graded) and at_columns is not None and "logits_to_keep" in arm.takes
        wanted = [*reads.sites, *([last] if apart else [])]
        hooks = Interventions(arm.sites, state.rows, wanted, gradients=graded)
        state.hooks = None if hooks.idle else hooks
        logits, _ = self._read(state, keep=0 if (reads.logits or graded) and not apart else None)
        sources = hooks.sources()
        if apart:
            stream = taken_at(hooks.views(sources)[last].to(self.device), at_columns)
            logits = arm.parts.unembed(stream)
            logits = self._in_organisms_vocabulary(logits) if arm is self.base else logits
        elif reads.logits or graded:
            logits = taken_at(logits, at_columns)
        scores, gradients = scores_and_gradients(reads, at, lengths, logits, hooks, sources) if graded else (None, {})
        keep = partial(kept_places, reads=reads, at_columns=at_columns, longest=max(lengths), device=self.device)
        return Batch(
            at,
            lengths,
            logits.detach() if reads.logits else None,
            keep(hooks.views(sources)),
            keep(gradients) if graded else {},
            scores,
        )

    def _read(self, state: State, *, keep: int | None, cached: bool = False) -> tuple[torch.Tensor, torch.Tensor]:
        """Logits of the rest of the state's rows, and ``[B, T]`` where they have tokens; the state stays behind.

        Its cache takes them in where it holds anything, or is to be kept.
        """
        before = state.mask.shape[1]
        rest = [row.ids[seen:] for row, seen in zip(state.rows, state.seen, strict=True)]
        ids, own, columns = self._padded(rest, state.seen, left=False)
        positions = state.positions[:, None] + own.cumsum(1) - 1  # padding repeats a row's last
        cache = state.cache if before or cached else None
        out = self._run(state, ids, torch.cat([state.mask, own], 1), positions, columns, cache, keep=keep)
        assert keep != 0 or out.shape == (*ids.shape, self.parts.vocabulary)
        return out, own

    @torch.no_grad()
    def prefill(self, rows: Sequence[Row]) -> tuple[State, torch.Tensor]:
        """The state after all prompts and their last logits ``[B, V]``.

        A row that is there several times runs once, and what all begin with runs once for each arm and set of edits.
        """
        places = {row: place for place, row in enumerate(dict.fromkeys(rows))}
        if len(places) < len(rows) and self.continues:
            state, logits = self.prefill(list(places))
            picked = [places[row] for row in rows]
            state.keep(picked)
            state.rows = list(rows)
            return state, logits[picked]
        long = any(self.is_long(row) for row in rows)
        kinds = list(dict.fromkeys((row.arm, row.edits) for row in rows))
        shared = common_prefix([row.ids for row in rows]) if len(rows) > len(kinds) else 0
        if shared >= _SHARE_FROM and not long and self.continues:
            start = rows[0].ids[:shared]
            state = self._open([Row(start, arm, edits) for arm, edits in kinds], long=long)
            self._extend(state, [start] * len(kinds))
            state.keep([kinds.index((row.arm, row.edits)) for row in rows])
            state.rows = list(rows)
        else:
            shared, state = 0, self._open(list(rows), long=long)
        return state, self._extend(state, [row.ids[shared:] for row in rows])

    def _extend(self, state: State, ids: Sequence[tuple[int, ...]]) -> torch.Tensor:
        padded, own, columns = self._padded(ids, state.seen, left=True)
        positions = state.positions[:, None] + (own.cumsum(1) - 1).clamp(min=0)
        state.mask = torch.cat([state.mask, own], 1)
        state.positions = positions[:, -1] + 1
        state.seen = state.seen + np.array([len(row) for row in ids])
        state.hooks = self.editing(state)
        return self._run(state, padded, state.mask, positions, columns, state.cache, keep=1)[:, -1]

    @staticmethod
    def editing(state: State) -> Interventions | None:
        """The hooks of the rows' edits."""
        return Interventions(state.arm.sites, state.rows) if any(row.edits for row in state.rows) else None

    @torch.no_grad()
    def join(self, state: State, more: State) -> None:
        """Have both batches' rows in ``state``."""
        same = state.arm is more.arm
        arm, rows = state.arm if same else self.organism, [*state.rows, *more.rows]
        edited = any(row.edits for row in rows)
        state.join(more, arm, Interventions(arm.sites, rows) if edited else None)

    @torch.no_grad()
    def decode(self, state: State, tokens: torch.Tensor) -> torch.Tensor:
        """``[B, V]`` logits after one more token ``[B]`` of each row."""
        assert tokens.shape == (len(state.rows),)
        positions, columns = state.positions[:, None], state.seen[:, None]
        state.advance(1)
        return self._run(state, tokens[:, None], state.mask, positions, columns, state.cache, keep=1)[:, -1]
