"""The generations that are under way, of all callers, in as few batches as they fit in.

A call's rows enter at a step's boundary, as soon as there is room, and leave when they are done. Beside other people's
rows a person has a share of the batch; what is beyond it waits, and goes on later from where it was.
"""

from __future__ import annotations

import time
import traceback
from collections import Counter, deque
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial

import numpy as np
import torch
from numpy.typing import NDArray

from interp_bench_ext.contracts import Row
from interp_bench_ext.errors import BadInput
from interp_bench_ext.host.arms import Batching
from interp_bench_ext.host.batch_state import State
from interp_bench_ext.host.batches import Room, groups
from interp_bench_ext.host.devices import batch_bytes
from interp_bench_ext.host.fixed_steps import STEPS, FixedSteps
from interp_bench_ext.host.passes import Passes, Step
from interp_bench_ext.host.row_shares import RowShares
from interp_bench_ext.host.sampling import Ways, choose
from interp_bench_ext.host.shares import Payer

_NO_NUMBERS = "The model's logits are no numbers after this prompt: an edit's value is too large."


@dataclass(frozen=True)
class Sampling:
    """How to draw; ``temperature`` 0 is greedy."""

    max_new_tokens: int
    temperature: float
    top_p: float
    seed: int


@dataclass(eq=False)
class Draft:
    """A continuation in the making: its uniforms ``[max_new_tokens]`` and how many tokens it may have."""

    job: Job
    row: Row
    uniforms: NDArray[np.float32]
    limit: int
    ids: list[int] = field(default_factory=list)
    logprobs: list[float] = field(default_factory=list)
    stopped: bool = False
    until: int = 0
    """How many tokens it may have where it is: longer rows take other rotary frequencies, and begin anew."""

    @property
    def grown(self) -> Row:
        return replace(self.row, ids=(*self.row.ids, *self.ids)) if self.ids else self.row

    @property
    def length(self) -> int:
        return len(self.row.ids) + len(self.ids)

    @property
    def left(self) -> int:
        """Tokens that it may still have."""
        return self.limit - len(self.ids)

    @property
    def ended(self) -> bool:
        return self.stopped or self.left <= 0


@dataclass(eq=False)
class Job:
    """What one call has to generate."""

    how: Sampling
    step: Step
    charge: Callable[[float], None]
    """Told of its part of the seconds that a batch took."""
    payer: Payer = Payer()
    drafts: list[Draft] = field(default_factory=list)
    waiting: deque[Draft] = field(default_factory=deque)
    """Those in no batch."""
    error: Exception | None = None
    apart: bool = False
    """Whether its rows share no batch with others', after one that failed."""
    total: int = 0
    """Tokens that all its drafts may have."""
    left: int = 0
    """Of them, those that may still come."""

    def begin(self, drafts: list[Draft]) -> None:
        """Have these to do."""
        self.drafts = drafts
        self.waiting.extend(draft for draft in drafts if not draft.ended)
        self.total = self.left = sum(draft.left for draft in self.waiting)

    @property
    def ended(self) -> bool:
        return self.error is not None or self.left <= 0

    def report(self) -> None:
        """Say how far it is; whatever stops the call becomes its error."""
        try:
            self.step("generate", self.total - self.left, self.total)
        except Exception as error:  # noqa: BLE001 - one call's end is no other's
            self.error = error


@dataclass(eq=False)
class _Lane:
    """A batch: what it holds, and the tokens drawn last ``[B]``, which it has not seen yet."""

    kind: Hashable
    drafts: list[Draft]
    state: State
    tokens: torch.Tensor
    ways: Ways

    def keep(self, going: list[int]) -> None:
        before = len(self.drafts)
        if 0 < len(going) < before:
            self.state.keep(going)
            self.state.trim()
            self.tokens = self.tokens[going]
        self.drafts = [self.drafts[index] for index in going]
        self.ways = _ways(self.drafts, self.tokens.device) if len(going) < before else self.ways

    @property
    def most_left(self) -> int:
        return max(draft.left for draft in self.drafts)


class RunningBatch:
    """Every method but :meth:`add` is for whoever has the model.

    Args:
        now: The clock, in seconds.
    """

    def __init__(self, passes: Passes, *, now: Callable[[], float] = time.monotonic) -> None:
        self._passes, self._now = passes, now
        self._jobs: list[Job] = []
        self._lanes: list[_Lane] = []
        self._budget = 0
        self.shares = RowShares(now=now)
        self._limits: Mapping[str, int] = {}
        """The most rows of each person; empty where there are no others."""
        self._too_many: frozenset[Draft] = frozenset()
        """Rows that go back to their calls, as others are here now."""
        self._step_s = 0.0
        """How long one token of every row has taken in the step under way."""
        self.fixed: FixedSteps | None = None
        """Takes several steps of a batch at a time where it can; without it, each is a pass by itself."""
        self.stop_ids: frozenset[int] = frozenset()

    def add(self, job: Job) -> None:
        """Its rows enter at the next step. Safe from any thread."""
        self._jobs.append(job)

    def users(self) -> set[str]:
        """Those whom a step works for. Safe from any thread."""
        return {job.payer.user for job in list(self._jobs)}

    @torch.no_grad()
    def step(self) -> None:
        """Let rows in, and draw a token for every row that was in."""
        jobs = list(self._jobs)
        for job in jobs:
            job.report()
        self._share(jobs)
        lanes, self._lanes = self._lanes, []
        self._step_s = 0.0
        for lane in lanes:
            if self._tried(lane.drafts, partial(self._advance, lane)) and lane.drafts:
                self._lanes.append(lane)
        self.shares.stepped(self._step_s)
        for kind, drafts in self._entering(jobs):
            self._tried(drafts, partial(self._enter, kind, drafts))
        self._forget(job for job in jobs if job.ended)

    def fail(self, error: Exception) -> None:
        """End everything with it."""
        jobs, self._lanes = list(self._jobs), []
        for job in jobs:
            job.error = job.error or error
        self._forget(jobs)

    def _forget(self, jobs: Iterable[Job]) -> None:
        for job in jobs:  # one at a time: a list made anew would leave out what another thread adds meanwhile
            self._jobs.remove(job)

    def _tried(self, drafts: Sequence[Draft], work: Callable[[], None]) -> bool:
        """Do it, at the expense of the calls whose rows these are. Whether it succeeded.

        Where it fails for the rows of several calls, each goes on by itself, so that a call's error is its own.
        """
        jobs = {draft.job: 0 for draft in drafts}
        for draft in drafts:
            jobs[draft.job] += 1
        began = self._now()
        try:
            work()
        except Exception as error:  # noqa: BLE001 - the boundary between calls
            traceback.clear_frames(error.__traceback__)
            for job in jobs:
                job.error, job.apart = error if len(jobs) == 1 else None, True
                again = [draft for draft in drafts if draft.job is job and not draft.ended]
                job.waiting.extendleft(draft for draft in again if draft not in job.waiting)
            return False
        finally:
            each = (self._now() - began) / len(drafts)
            for job, rows in jobs.items():
                job.charge(each * rows)
        return True

    def _share(self, jobs: Sequence[Job]) -> None:
        """Look at who is here, and which rows are more than their share."""
        wanted: Counter[Payer] = Counter()
        for job in jobs:
            wanted[job.payer] += len(job.drafts)
        self._limits = self.shares.limits(wanted.items())
        rows: dict[str, list[Draft]] = {}
        for draft in self._inside() if self.shares.shared else ():
            rows.setdefault(draft.job.payer.user, []).append(draft)
        # Those that are nearest to their end stay.
        self._too_many = frozenset(
            draft
            for user, own in rows.items()
            for draft in sorted(own, key=lambda draft: draft.left)[self._limits.get(user, len(own)) :]
        )

    def _inside(self) -> list[Draft]:
        return [draft for lane in self._lanes for draft in lane.drafts]

    def _settle(self, lane: _Lane) -> None:
        """Let out who is done, who has been called off, who has to begin anew, and who is more than a share."""
        going: list[int] = []
        for place, draft in enumerate(lane.drafts):
            if draft.job.error is not None or draft.ended:
                continue
            if len(draft.ids) >= draft.until:
                draft.job.waiting.append(draft)
            elif draft in self._too_many:
                draft.job.waiting.appendleft(draft)
            else:
                going.append(place)
        lane.keep(going)

    def _advance(self, lane: _Lane) -> None:
        self._settle(lane)
        if not lane.drafts:
            return
        rows, began = len(lane.drafts), self._now()
        tokens, logs = self._steps(lane, min(STEPS, lane.most_left)) or self._one_step(lane)
        lane.tokens = tokens[:, -1]
        self._give(lane.drafts, tokens, logs)
        each_s = (self._now() - began) / tokens.shape[1]
        self.shares.cost.saw(rows, each_s)
        self._step_s += each_s
        self._settle(lane)

    def _steps(self, lane: _Lane, steps: int) -> tuple[torch.Tensor, torch.Tensor] | None:
        """Several steps, in fixed buffers; None where that cannot be."""
        if self.fixed is None or not self.fixed.takes(lane.state, steps):
            return None
        return self.fixed.run(lane.state, lane.tokens, lane.ways, _uniforms(lane.drafts, steps), lane.most_left)

    def _one_step(self, lane: _Lane) -> tuple[torch.Tensor, torch.Tensor]:
        return self._draw(lane.drafts, lane.ways, self._passes.decode(lane.state, lane.tokens))

    @staticmethod
    def _draw(drafts: Sequence[Draft], ways: Ways, logits: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """``[B, 1]`` tokens and log-probabilities from logits ``[B, V]``."""
        given = torch.from_numpy(_uniforms(drafts, 1)[:, 0]).to(logits.device)
        tokens, logs = choose(logits, ways, given)
        return tokens[:, None], logs[:, None]

    def _give(self, drafts: Sequence[Draft], tokens: torch.Tensor, logs: torch.Tensor) -> None:
        """Let the drafts have what was drawn for them, ``[B, S]``, as far as they go."""
        for draft, ids, logprobs in zip(drafts, tokens.tolist(), logs.tolist(), strict=True):
            taken = ids[: min(draft.left, draft.until - len(draft.ids))]
            if not self.stop_ids.isdisjoint(taken):
                first = next(place for place, token in enumerate(taken) if token in self.stop_ids)
                taken, draft.stopped = taken[: first + 1], True
            own = logprobs[: len(taken)]
            if any(logprob != logprob for logprob in own):
                draft.job.error = draft.job.error or BadInput(_NO_NUMBERS)
            draft.ids += taken
            draft.logprobs += own
            draft.job.left -= len(taken) + (draft.left if draft.stopped else 0)

    def _entering(self, jobs: Sequence[Job]) -> Iterator[tuple[Hashable, list[Draft]]]:
        """The rows for which there is room now, those of a kind and of like length together; calls take turns."""
        running = self._inside()
        if not running:
            self._budget = batch_bytes(self._passes.devices)
        room = Room(self._passes.sizes, self._budget, self._passes.prefix_length)
        room.take((draft.length, draft.left) for draft in running)
        chosen: list[Draft] = []
        held = Counter(draft.job.payer.user for draft in running)
        queues = deque(job.waiting for job in jobs if job.waiting and not job.ended)
        entering = self.shares.entering([*held, *(queue[0].job.payer.user for queue in queues)])
        rows: set[Row] = set()
        while queues:
            queue = queues.popleft()
            draft, user = queue[0], queue[0].job.payer.user
            if held[user] >= self._limits.get(user, held[user] + 1):
                continue
            if not room.has(draft.length, draft.left) and (running or chosen):
                break
            # A row that is there several times is read once.
            if not entering.takes(user, 1 if draft.grown in rows else draft.length):
                continue
            room.take([(draft.length, draft.left)])
            held[user] += 1
            rows.add(draft.grown)
            chosen.append(queue.popleft())
            queues.extend([queue] if queue else [])
        return self._grouped(chosen)

    def _grouped(self, drafts: list[Draft]) -> Iterator[tuple[Hashable, list[Draft]]]:
        passes = self._passes
        rows = [draft.grown for draft in drafts]
        spans = [passes.prefix_length + draft.length + draft.left for draft in drafts]
        kinds = list(passes.kinds(rows, equal=False))
        for place, equal in enumerate(passes.kinds(rows, equal=True)):
            kinds[place] = (equal, "equal") if spans[place] > passes.columns else kinds[place]
        kinds = [(kind, id(draft.job) if draft.job.apart else 0) for kind, draft in zip(kinds, drafts, strict=True)]
        sizes = [(draft.length, draft.left) for draft in drafts]
        for group in groups(kinds, sizes, passes.columns - passes.prefix_length):
            yield kinds[group[0]], [drafts[place] for place in group]

    def _enter(self, kind: Hashable, drafts: list[Draft]) -> None:
        rows = [draft.grown for draft in drafts]
        for draft, row in zip(drafts, rows, strict=True):
            draft.until = len(draft.ids) + self._passes.until_switch(row)
        began = self._now()
        state, logits = self._passes.prefill(rows)
        self.shares.entered(_tokens(drafts, rows), self._now() - began)
        ways = _ways(drafts, logits.device)
        tokens, logs = self._draw(drafts, ways, logits)
        self._give(drafts, tokens, logs)
        lane = _Lane(kind, drafts, state, tokens[:, 0], ways)
        self._settle(lane)
        if lane.drafts and not any(self._joined(other, lane) for other in self._lanes):
            self._lanes.append(lane)

    def _joined(self, lane: _Lane, more: _Lane) -> bool:
        """Put the rows of ``more`` into ``lane``, where the columns that they then have are all that the model has."""
        if self._passes.batching is not Batching.PADDED or lane.kind != more.kind:
            return False
        columns = max(lane.state.columns, more.state.columns) + max(lane.most_left, more.most_left)
        if columns > self._passes.columns or not (lane.state.joinable and more.state.joinable):
            return False
        try:
            self._passes.join(lane.state, more.state)
        except Exception:  # half joined, it is of no more use
            self._lanes.remove(lane)
            for draft in lane.drafts:
                draft.job.waiting.append(draft)
            raise
        lane.drafts, lane.tokens = [*lane.drafts, *more.drafts], torch.cat([lane.tokens, more.tokens])
        lane.ways = _ways(lane.drafts, lane.tokens.device)
        return True


def _tokens(drafts: Sequence[Draft], rows: Sequence[Row]) -> Counter[Payer]:
    """How many are read for each person."""
    tokens: Counter[Payer] = Counter()
    seen: set[Row] = set()
    for draft, row in zip(drafts, rows, strict=True):
        tokens[draft.job.payer] += 1 if row in seen else len(row.ids)
        seen.add(row)
    return tokens


def _ways(drafts: Sequence[Draft], device: torch.device) -> Ways:
    how = [draft.job.how for draft in drafts]
    return Ways.of([each.temperature for each in how], [each.top_p for each in how], device)


def _uniforms(drafts: Sequence[Draft], steps: int) -> NDArray[np.float32]:
    """``[B, steps]``: of the tokens that come next; 0 for those that a row may not have."""
    uniforms = np.zeros((len(drafts), steps), dtype=np.float32)
    for row, draft in enumerate(drafts):
        own = draft.uniforms[len(draft.ids) : len(draft.ids) + steps]
        uniforms[row, : len(own)] = own
    return uniforms
