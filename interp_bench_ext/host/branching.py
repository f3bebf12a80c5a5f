"""Rows that differ from one another in their edits alone, each begun where its own edits begin.

Below a row's first edit, and before its first edited position, nothing differs from the same row without edits: that
one's pass, the trunk, is run once, and batches branch off it. A batch begins at the first column that any of its rows
needs, and each block computes those of its rows that have begun.

Shapes: U rows of the trunk, B rows of a batch, T columns.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from torch import nn

from interp_bench_ext.contracts import Batch, Reads, Row, Site
from interp_bench_ext.host.batch_state import State, branched
from interp_bench_ext.host.batches import Start, Work, cheapest_batches

WORTH = 0.8
"""Of what whole passes cost, as much as passes from the edits on may cost: they take memory too."""


@dataclass(frozen=True)
class Sweep:
    """Rows with edits, as those of the trunk and where they leave it."""

    trunk: tuple[Row, ...]
    origins: tuple[int, ...]
    """Of each row, the trunk's that it is without its edits."""
    starts: tuple[Start, ...]
    batches: tuple[range, ...]

    @classmethod
    def of(cls, rows: Sequence[Row], reads: Reads, work: Work, most: int, *, columns: bool) -> Sweep:
        """The cheapest batches of ``rows``, all of which have edits, of at most so many columns each.

        ``columns`` is whether they may begin behind the first of them.
        """
        places: dict[Row, int] = {}
        origins = tuple(places.setdefault(Row(row.ids, row.arm), len(places)) for row in rows)
        starts = tuple(start_of(row, reads, work.layers, columns=columns) for row in rows)
        return cls(tuple(places), origins, starts, tuple(cheapest_batches(starts, work, most)))

    def cost(self, work: Work) -> int:
        """Of the trunk and of what branches off it."""
        trunk = [Start(0, 0, len(row.ids)) for row in self.trunk]
        return work.cost(trunk) + sum(work.cost([self.starts[row] for row in batch]) for batch in self.batches)

    @property
    def layers(self) -> range:
        """Blocks off whose outputs in the trunk something branches."""
        layers = [start.layer for start in self.starts]
        return range(max(min(layers) - 1, 0), max(layers))


def can_branch(rows: Sequence[Row]) -> bool:
    """Whether all are edited, and no block treats some of them otherwise than others of the batch.

    Of those that have begun it would not know which they are.
    """
    adapted = any(edit.site.part == "adapter" for row in rows for edit in row.edits)
    return not adapted and all(row.edits for row in rows) and len({row.arm for row in rows}) == 1


def start_of(row: Row, reads: Reads, layers: int, *, columns: bool) -> Start:
    """The first block and the first column that are to be computed: something is done, or read, there."""
    length = len(row.ids)
    layer = min(_block(site) for site in (*(edit.site for edit in row.edits), *reads.sites))
    if not columns or reads.positions is None:
        return Start(min(layer, layers), 0, length)
    at = min(position % length for position in reads.positions)
    column = min(at, *(_first(edit.positions, length) for edit in row.edits))
    return Start(min(layer, layers), column, length)


def _block(site: Site) -> int:
    """The first block that is to be computed for a site: behind one, what it gave in the trunk is enough."""
    return site.layer + (site.part == "resid_post")


def _first(positions: tuple[int, ...] | range | None, length: int) -> int:
    if isinstance(positions, range) and positions:  # it may go on far behind the row
        positions = (positions[0], positions[-1])
    return 0 if positions is None else max(min(positions, default=length), 0)


@dataclass(frozen=True)
class Group:
    """Rows of a sweep that make a batch, those that begin first in front: of each block it is the first rows."""

    at: range
    order: tuple[int, ...]
    """Of its rows in the sweep."""
    origins: tuple[int, ...]
    column: int
    length: int
    begun: tuple[int, ...]
    """How many rows have begun, by block."""

    @classmethod
    def of(cls, sweep: Sweep, at: range, layers: int) -> Group:
        """The rows ``at`` of a sweep."""
        order = tuple(sorted(at, key=lambda row: sweep.starts[row].layer))
        starts = [sweep.starts[row] for row in order]
        column, length = min(start.column for start in starts), max(start.length for start in starts)
        begun = [sum(start.layer <= layer for start in starts) for layer in range(layers)]
        if len(order) == length - column:  # what has as many entries as rows is taken to have one of each
            begun = [len(order) * bool(rows) for rows in begun]
        return cls(at, order, tuple(sweep.origins[row] for row in order), column, length, tuple(begun))

    def in_order(self, passed: Batch) -> Batch:
        """What was read of the rows, in the sweep's order."""
        if self.order == tuple(self.at):
            return passed
        back = torch.tensor(np.argsort(self.order))
        logits = None if passed.logits is None else passed.logits[back]
        lengths = [passed.lengths[place] for place in back]
        return replace(passed, lengths=lengths, logits=logits, sites={s: v[back] for s, v in passed.sites.items()})


class Trunk:
    """The pass without edits, as far as a sweep needs it.

    Args:
        state: Before that pass, but for its cache, which is that after it.
        own: ``[U, T]``, 1 where a row has a token; the others are padding behind it.
        outs: What blocks gave in it.
    """

    def __init__(self, sweep: Sweep, state: State, own: torch.Tensor, outs: dict[int, Any]) -> None:
        self.sweep = sweep
        self._state, self._own, self._outs = state, own, outs

    def branch(self, rows: list[Row], group: Group) -> State:
        """The state of ``rows``, those of the group, after the columns before theirs."""
        before, picked = self._state, torch.tensor(group.origins)
        mask = torch.cat([before.mask, self._own[:, : group.column]], 1)[picked]
        cache = branched(before.cache, picked, mask.shape[1])
        seen = np.full(len(rows), group.column)
        return State(rows, before.arm, cache, mask, before.positions[picked] + group.column, seen)

    @contextlib.contextmanager
    def during(self, group: Group) -> Iterator[None]:
        """Have each of the model's blocks compute rows that have begun; others' is what it gave in the trunk."""
        blocks = self._state.arm.parts.blocks
        before = [vars(block).get("forward") for block in blocks]
        try:
            for layer, block in enumerate(blocks):
                if group.begun[layer] < len(group.order):
                    block.forward = self._partly(block.forward, layer, group)
            yield
        finally:
            for block, own in zip(blocks, before, strict=True):
                if own is None:
                    vars(block).pop("forward", None)
                else:  # where a model is on several devices, accelerate has put its own there
                    block.forward = own

    def _partly(self, forward: Callable[..., Any], layer: int, group: Group) -> Callable[..., Any]:
        whole, rows = len(group.order), group.begun[layer]
        wanted = rows or group.begun[layer + 1 :][:1] != (0,)
        later = torch.tensor(group.origins[rows:], dtype=torch.long)

        def partly(*args: Any, **kwargs: Any) -> Any:
            if not wanted:  # the block behind it computes nothing either
                stream = next(each for each in (*args, *kwargs.values()) if isinstance(each, torch.Tensor))
                return _like(next(iter(self._outs.values())), stream)
            kept = self._outs[layer]
            rest = _stream(kept)[later, group.column : group.length]
            if rows:
                out = forward(*_first_rows(args, whole, rows), **_first_rows(kwargs, whole, rows))
                rest = torch.cat([_stream(out), rest])
            return _like(kept, rest)

        return partly


@contextlib.contextmanager
def outs_kept(blocks: Sequence[nn.Module], layers: Sequence[int]) -> Iterator[dict[int, Any]]:
    """What the blocks of these layers give in the passes inside."""
    outs: dict[int, Any] = {}

    def keep(layer: int) -> Callable[..., None]:
        return lambda _module, _args, out: outs.update({layer: out})

    handles = [blocks[layer].register_forward_hook(keep(layer)) for layer in layers]
    try:
        yield outs
    finally:
        for handle in handles:
            handle.remove()


def _stream(out: Any) -> torch.Tensor:
    """``[B, T, width]`` of what a block gave."""
    stream: torch.Tensor = out[0] if isinstance(out, tuple) else out
    return stream


def _like(out: Any, stream: torch.Tensor) -> Any:
    """What a block gives that gave ``out``, with another stream."""
    if isinstance(out, torch.Tensor):
        return stream
    if any(isinstance(each, torch.Tensor) for each in out[1:]):
        raise NotImplementedError("This architecture's blocks pass on more than one stream.")
    return (stream, *out[1:])


def _first_rows(given: Any, whole: int, rows: int) -> Any:
    """The first ``rows`` of every tensor among arguments that has a row for each of ``whole``."""
    if isinstance(given, torch.Tensor):
        return given[:rows] if given.dim() > 1 and given.shape[0] == whole else given
    if isinstance(given, (tuple, list)):
        return type(given)(_first_rows(each, whole, rows) for each in given)
    if type(given) is dict:
        return {name: _first_rows(each, whole, rows) for name, each in given.items()}
    return given
