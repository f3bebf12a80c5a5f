"""Whose call is next, when many people share one organism.

Each person has a counter of the model's work that was done for them, divided by their weight, and the next call is one
of the person with the smallest: the virtual token counter of Sheng et al., Fairness in Serving Large Language Models
(OSDI 2024), counted in seconds. It is work-conserving, and whoever was away gets no credit for that.
"""

from __future__ import annotations

import asyncio
import heapq
import math
import time
from collections import deque
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

_FIRST_GUESS_S = 0.2
_MEMORY = 0.9
"""How much of the expected cost of a call comes from calls before the last one."""
_MOST_LINES = 4096
_BESIDE_S = 300.0
"""How long somebody counts as one of those who share the organism, after their last call."""

Heard = Callable[[int, int], None]
"""Told the place in the queue, from 1 on, and how many wait."""


@dataclass(eq=False)
class Turn:
    """A call that has its turn. What it took is put down with :meth:`FairQueue.charge`."""

    user: str
    expected_s: float
    charged_s: float = 0.0


@dataclass(eq=False)
class _Waiter:
    come: asyncio.Future[Turn]
    heard: Heard
    told: tuple[int, int] = (0, 0)


@dataclass(eq=False)
class _Line:
    """One person's calls."""

    weight: float = 1.0
    served: float = 0.0
    """Seconds of work, by weight."""
    running: int = 0
    waiting: deque[_Waiter] = field(default_factory=deque)
    left_at: float = -math.inf
    """When their last call was over."""

    @property
    def busy(self) -> bool:
        return bool(self.running or self.waiting)


class FairQueue:
    """The queue of one organism.

    Args:
        slots: How many calls the organism is given at once. The last free one is kept for a person who has none
            running, so that a flood of one person never has all of them.
        each: Of them, how many may be one person's, times their weight, while others use the organism or have just
            done so: calls under way share batches, and each makes the steps of all the others longer.
        now: The clock, in seconds.
    """

    def __init__(self, slots: int, *, each: int, now: Callable[[], float] = time.monotonic) -> None:
        self._slots, self._each, self._now = slots, each, now
        self._running = 0
        self._lines: dict[str, _Line] = {}
        self._expected_s = _FIRST_GUESS_S

    def counts(self) -> dict[str, tuple[int, int]]:
        """Of each person with calls here: how many run, and how many wait."""
        return {user: (line.running, len(line.waiting)) for user, line in self._lines.items() if line.busy}

    @asynccontextmanager
    async def turn(self, user: str, *, weight: float, heard: Heard) -> AsyncIterator[Turn]:
        """Wait until it is the person's turn, and have it while the block lasts.

        Args:
            user: Whose call it is.
            weight: Their share, against those of others.
            heard: Told the place in the queue whenever that changes.
        """
        waiter = self._join(user, weight, heard)
        try:
            turn = await waiter.come
        except asyncio.CancelledError:
            self._leave(user, waiter)
            raise
        try:
            yield turn
        finally:
            self._finish(turn)

    def charge(self, turn: Turn, seconds: float) -> None:
        """So much more work was done for the call."""
        before = max(turn.charged_s, turn.expected_s)
        turn.charged_s += seconds
        self._lines[turn.user].served += (max(turn.charged_s, turn.expected_s) - before) / self._lines[turn.user].weight

    def _join(self, user: str, weight: float, heard: Heard) -> _Waiter:
        line = self._lines.setdefault(user, _Line())
        if not line.busy:
            active = [other.served for other in self._lines.values() if other.busy]
            line.served = max(line.served, min(active, default=line.served))
        line.weight = weight
        waiter = _Waiter(asyncio.get_running_loop().create_future(), heard)
        line.waiting.append(waiter)
        self._dispatch()
        return waiter

    def _leave(self, user: str, waiter: _Waiter) -> None:
        if waiter.come.done() and not waiter.come.cancelled():
            self._finish(waiter.come.result())
            return
        if waiter in self._lines[user].waiting:
            self._lines[user].waiting.remove(waiter)
        self._dispatch()

    def _finish(self, turn: Turn) -> None:
        line = self._lines[turn.user]
        line.running -= 1
        line.left_at = self._now()
        self._running -= 1
        # What was put down beforehand was a guess.
        line.served -= max(0.0, turn.expected_s - turn.charged_s) / line.weight
        self._expected_s = _MEMORY * self._expected_s + (1 - _MEMORY) * turn.charged_s
        self._forget()
        self._dispatch()

    def _dispatch(self) -> None:
        while (line := self._next()) is not None:
            user, found = line
            waiter = found.waiting.popleft()
            if waiter.come.cancelled():  # and not gone yet
                continue
            turn = Turn(user, self._expected_s)
            found.served += turn.expected_s / found.weight
            found.running += 1
            self._running += 1
            waiter.come.set_result(turn)
        self._tell()

    def _next(self) -> tuple[str, _Line] | None:
        free = self._slots - self._running
        if free <= 0:
            return None
        last = free == 1 and self._slots > 1
        shared = self._is_shared()
        ready = [
            (user, line)
            for user, line in self._lines.items()
            if line.waiting
            and not (last and line.running)
            and not (shared and line.running >= math.ceil(self._each * line.weight))
        ]
        return min(ready, key=lambda entry: entry[1].served) if ready else None

    def _is_shared(self) -> bool:
        since = self._now() - _BESIDE_S
        return sum(line.busy or line.left_at > since for line in self._lines.values()) > 1

    def _tell(self) -> None:
        """Tell everybody who waits where they stand, as it would come if all calls took the expected time."""
        heap = [(line.served, user, 0) for user, line in self._lines.items() if line.waiting]
        total = sum(len(line.waiting) for line in self._lines.values())
        heapq.heapify(heap)
        place = 0
        while heap:
            served, user, index = heapq.heappop(heap)
            line, place = self._lines[user], place + 1
            waiter = line.waiting[index]
            if waiter.told != (place, total):
                waiter.told = (place, total)
                waiter.heard(place, total)
            if index + 1 < len(line.waiting):
                heapq.heappush(heap, (served + self._expected_s / line.weight, user, index + 1))

    def _forget(self) -> None:
        if len(self._lines) > _MOST_LINES:
            self._lines = {user: line for user, line in self._lines.items() if line.busy}
