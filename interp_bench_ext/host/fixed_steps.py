"""Decode steps in buffers that stay where they are, so that CUDA can record one and play it again.

A step of a small batch is thousands of kernels, each shorter than Python takes to launch it. Recorded (a CUDA graph),
they follow each other without it. On other devices the same step runs by itself.

Shapes: B rows and C columns of the buffers, at least those of the batch, S steps at a time, V vocabulary.
"""

from __future__ import annotations

import contextlib
import weakref
from collections import OrderedDict
from collections.abc import Hashable, Iterator
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from interp_bench_ext.host.arms import Batching
from interp_bench_ext.host.batch_state import State
from interp_bench_ext.host.fixed_cache import FixedCache
from interp_bench_ext.host.passes import Passes
from interp_bench_ext.host.sampling import Ways, choose

STEPS = 8
"""Between two looks at stop tokens and at who wants to enter."""
_WARM_UP = 3
_RECORDINGS = 24
"""Those kept, the ones played last."""
_AHEAD = 256
"""Columns that a batch's buffers have room for beyond those it has, where its rows may have so many tokens more."""


class FixedSteps:
    """The recordings of one engine. Used by whoever has the model, without gradients."""

    def __init__(self, passes: Passes) -> None:
        self._passes = passes
        self._cache = FixedCache()
        self._recordings: OrderedDict[Hashable, _Recording | None] = OrderedDict()
        self._resident: weakref.ref[State] | None = None
        self._memory = _Memory() if passes.device.type == "cuda" else None

    @property
    def failed(self) -> bool:
        """Whether some step could not be recorded."""
        return None in self._recordings.values()

    def takes(self, state: State, steps: int) -> bool:
        """Whether so many steps of the batch can be done here."""
        passes, rows = self._passes, self._passes.adapter_rows
        most = min(passes.columns, passes.parts.chunk or passes.columns)
        by_mask = rows is None or rows.plain or not any(state.base)
        fixable = state.hooks is None or state.hooks.fixable
        padded = passes.batching is Batching.PADDED and passes.continues and state.joinable
        # Below a window's width it hides nothing, and one mask does for all layers.
        return padded and by_mask and fixable and state.columns + steps < most

    def run(
        self, state: State, tokens: torch.Tensor, ways: Ways, uniforms: NDArray[np.float32], ahead: int
    ) -> tuple[torch.Tensor, torch.Tensor] | None:
        """Tokens and log-probabilities ``[rows, S]`` drawn after ``tokens`` ``[rows]``. None where it cannot be done.

        Args:
            uniforms: ``[rows, S]``.
            ahead: Tokens that a row may still have.
        """
        steps = uniforms.shape[1]
        rows = _rows(len(state.rows))
        columns = _columns(state.columns + max(steps, min(ahead, _AHEAD)))
        self._make_room(state, rows, columns)
        recording = self._recording(state, ways, rows, columns)
        if recording is None:
            return None
        if not self._is_resident(state):
            self._cache.load(state.cache)
        recording.begin(state, tokens, ways, uniforms)
        recording.play(steps)
        state.grow(steps, self._cache.views(len(state.rows), state.columns + steps))
        self._resident = weakref.ref(state)
        drawn, logs = recording.drawn[: len(state.rows), :steps], recording.logs[: len(state.rows), :steps]
        return drawn.clone(), logs.clone()

    def _is_resident(self, state: State) -> bool:
        return self._resident is not None and self._resident() is state and self._cache.holds(state.cache)

    def _make_room(self, state: State, rows: int, columns: int) -> None:
        """Buffers of this size. Whose keys and values lie in them, and cannot stay, takes them out."""
        stays = self._is_resident(state) and self._cache.size == (rows, columns)
        if not stays:
            self._empty()
        if self._cache.resize(state.cache, rows, columns):
            self._recordings.clear()

    def _recording(self, state: State, ways: Ways, rows: int, columns: int) -> _Recording | None:
        edits = None if state.hooks is None else state.hooks.signature
        key = (id(state.arm), rows, columns, ways.draws, ways.nucleus, edits)
        if key not in self._recordings:
            self._recordings[key] = self._recorded(state, ways, rows, columns)
            while len(self._recordings) > _RECORDINGS:
                self._recordings.popitem(last=False)
        self._recordings.move_to_end(key)
        return self._recordings[key]

    def _recorded(self, state: State, ways: Ways, rows: int, columns: int) -> _Recording | None:
        self._empty()  # recording writes into the buffers
        recording = _Recording(self._passes, state, self._cache.given(), ways, rows, columns)
        if self._memory is None:
            return recording
        try:
            recording.record(self._memory)
        except RuntimeError:  # a step that waits for the device, or needs more memory than there is
            self._memory.end_recording()
            return None
        return recording

    def _empty(self) -> None:
        """Have nobody's keys and values in the buffers."""
        resident = None if self._resident is None else self._resident()
        if resident is not None and self._cache.holds(resident.cache):
            self._cache.take_out(resident.cache)
        self._resident = None


class _Memory:
    """What all recordings use for what they compute in between, as one is played at a time.

    torch gives it up for good when its last recording goes; so there is one of nothing much.
    """

    def __init__(self) -> None:
        self._pool: Any = torch.cuda.graph_pool_handle()
        self._kept = self._of_nothing()

    @contextlib.contextmanager
    def recording(self) -> Iterator[torch.cuda.CUDAGraph]:
        """What the block does on the device is kept rather than done."""
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph, pool=self._pool, capture_error_mode="thread_local"):
            yield graph

    def end_recording(self) -> None:
        """After a step that could not be recorded: torch's random numbers wait for the end of a recording."""
        self._kept = self._of_nothing()

    def _of_nothing(self) -> torch.cuda.CUDAGraph:
        number = torch.zeros(1, device="cuda")
        with self.recording() as graph:
            number.add_(0)
        return graph


class _Recording:
    """One step of a batch of up to B rows in C columns."""

    def __init__(self, passes: Passes, state: State, cache: Any, ways: Ways, rows: int, columns: int) -> None:
        device = passes.device
        self._passes, self._arm, self._cache = passes, state.arm, cache
        self._graph: torch.cuda.CUDAGraph | None = None
        self._last = passes.parts.context_length - 1
        self._tokens = torch.zeros(rows, dtype=torch.long, device=device)
        self._positions = torch.zeros_like(self._tokens)
        # Added to what attention finds: not all architectures take booleans.
        self._mask = torch.zeros((rows, 1, 1, columns), dtype=passes.dtype, device=device)
        self._hidden = torch.finfo(passes.dtype).min
        self._step = torch.zeros(1, dtype=torch.long, device=device)
        self._uniforms = torch.zeros((rows, STEPS), device=device)
        self._adapted = torch.ones(rows, dtype=passes.dtype, device=device)
        self._ways = ways.widened(rows)
        self.drawn = torch.zeros((rows, STEPS), dtype=torch.long, device=device)
        self.logs = torch.zeros((rows, STEPS), device=device)
        self._hooks = state.hooks and state.hooks.fixed(rows, STEPS, self._step)

    def begin(self, state: State, tokens: torch.Tensor, ways: Ways, uniforms: NDArray[np.float32]) -> None:
        """Have the batch as it is; its keys and values are in the cache already."""
        rows, steps = uniforms.shape
        self._tokens[:rows] = tokens
        self._positions[:rows] = state.positions
        self._mask.fill_(self._hidden)
        self._mask[:rows, 0, 0, : state.columns].masked_fill_(state.mask.bool(), 0.0)
        self._cache.column.fill_(state.columns)
        self._step.zero_()
        self._uniforms[:rows, :steps] = torch.from_numpy(uniforms).to(self._uniforms.device)
        self._adapted[:rows] = torch.tensor([float(not base) for base in state.base], device=self._adapted.device)
        self._ways.become(ways)
        if self._hooks:
            assert state.hooks is not None
            self._hooks.become(state.hooks, state.seen, steps)

    def play(self, steps: int) -> None:
        """So many steps after another."""
        for _ in range(steps):
            if self._graph is None:
                self._take()
            else:
                self._graph.replay()

    def record(self, memory: _Memory) -> None:
        """Keep the step's kernels. Raises RuntimeError for one that cannot be recorded."""
        side = torch.cuda.Stream()  # type: ignore[no-untyped-call]
        side.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(side):
            for _ in range(_WARM_UP):  # what libraries set up on first use, they must not set up in a recording
                self._take()
        torch.cuda.current_stream().wait_stream(side)
        with memory.recording() as graph:
            self._take()
        self._graph = graph

    def _take(self) -> None:
        """One step, by nothing but operations on the buffers."""
        # Rows that are nobody's see the new column alone; what they say is not looked at.
        self._mask.index_fill_(3, self._cache.column, 0.0)
        logits = self._logits()
        uniforms = self._uniforms.index_select(1, self._step)[:, 0]
        tokens, logs = choose(logits, self._ways, uniforms, sorts=True)
        self.drawn.index_copy_(1, self._step, tokens[:, None])
        self.logs.index_copy_(1, self._step, logs[:, None])
        self._tokens.copy_(tokens)
        self._positions.add_(1).clamp_(max=self._last)
        self._cache.column.add_(1)
        self._step.add_(1)

    def _logits(self) -> torch.Tensor:
        passes, arm = self._passes, self._arm
        ids, positions = self._tokens[:, None], self._positions[:, None]
        with contextlib.ExitStack() as stack:
            if passes.adapter_rows and arm is passes.organism:
                stack.enter_context(passes.adapter_rows.masked(self._adapted))
            if self._hooks:
                stack.enter_context(self._hooks.during())
            return passes.call(arm, ids, self._mask, positions, self._cache.whole, 1)[:, -1]


def _rows(count: int) -> int:
    """As many, or up to a third more: a power of two, or one and a half of it."""
    power = 1 << (count - 1).bit_length()
    return power * 3 // 4 if power >= 4 and count <= power * 3 // 4 else power


def _columns(count: int) -> int:
    """As many, or some more: multiples of 32, of 256 from 512 on."""
    step = 32 if count <= 512 else 256
    return -(-count // step) * step
