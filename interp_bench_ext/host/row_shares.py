"""How many rows of the running batch each person may have, while several people share it.

A row makes every step longer for all. So nobody's rows make a step much longer than it would be if everybody had as
many as the one who wants fewest; on a device that does many rows in the time of one, that is no limit at all. Whoever
is alone has no limit.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from interp_bench_ext.host.shares import Payer

_LONGER = 1.4
"""A step, against one in which everybody has as many rows as the one who wants fewest."""
_BESIDE_S = 5.0
"""How long somebody counts as one of those who share the batch, after their last rows."""
_AGAIN_S = 1.0
_MEMORY = 0.98


class StepCost:
    """Seconds of a decode step as ``a + b * rows``, fitted to those seen; the last ones count most.

    Errors are relative, so that a step of one row counts as much as one of hundreds.
    """

    def __init__(self) -> None:
        self._one = self._rows = self._squares = self._ones_s = self._rows_s = 0.0

    def saw(self, rows: int, seconds: float) -> None:
        weight = 1 / max(seconds, 1e-6) ** 2
        self._one = _MEMORY * self._one + weight
        self._rows = _MEMORY * self._rows + weight * rows
        self._squares = _MEMORY * self._squares + weight * rows**2
        self._ones_s = _MEMORY * self._ones_s + weight * seconds
        self._rows_s = _MEMORY * self._rows_s + weight * rows * seconds

    def seconds(self, rows: int) -> float:
        """Expected of a step; as if each row took as long as the first, while only steps of one size were seen."""
        if not self._one:
            return float(rows)
        spread = self._one * self._squares - self._rows**2
        if spread <= 1e-6 * self._one * self._squares:
            return rows * self._rows_s / self._squares
        slope = (self._one * self._rows_s - self._rows * self._ones_s) / spread
        slope = min(max(slope, 0.0), self._rows_s / self._squares)
        return (self._ones_s - slope * self._rows) / self._one + slope * rows


@dataclass(eq=False)
class _Wish:
    """What somebody wants of the batch: the most rows at once of the last few seconds."""

    rows: int
    at: float
    seen: float


class RowShares:
    """Limits of people's rows.

    Args:
        cost: Is told what steps take; a new one knows nothing.
        now: The clock, in seconds.
    """

    def __init__(self, *, cost: StepCost | None = None, now: Callable[[], float] = time.monotonic) -> None:
        self.cost = cost or StepCost()
        self._now = now
        self._wishes: dict[Payer, _Wish] = {}
        self._people: frozenset[tuple[Payer, int]] = frozenset()
        self._level, self._looked = 0, 0.0

    def limits(self, wanted: Iterable[tuple[Payer, int]]) -> Mapping[str, int]:
        """The most rows of each person, by user; empty where one person is alone.

        Args:
            wanted: How many rows the calls of each person that are under way have.
        """
        now = self._now()
        for payer, rows in wanted:
            wish = self._wishes.get(payer)
            if wish is None or rows >= wish.rows or now - wish.at > _BESIDE_S:
                self._wishes[payer] = _Wish(rows, now, now)
            else:
                wish.seen = now
        self._wishes = {payer: wish for payer, wish in self._wishes.items() if now - wish.seen <= _BESIDE_S}
        if len(self._wishes) < 2:
            return {}
        people = frozenset((payer, wish.rows) for payer, wish in self._wishes.items())
        if people != self._people or now - self._looked > _AGAIN_S:
            found = self._most()
            # While the same people share it, a limit only grows: what was measured wavers, and rows that go begin anew.
            self._level = found if people != self._people else max(found, self._level)
            self._people, self._looked = people, now
        return {payer.user: _share(payer, self._level) for payer in self._wishes}

    def _most(self) -> int:
        """Rows by weight."""
        rows = [wish.rows / payer.weight for payer, wish in self._wishes.items()]
        low = max(1, int(min(rows)))
        allowed_s = _LONGER * self.cost.seconds(self._total(low))
        high = max(low, int(max(rows)) + 1)
        while low < high:
            middle = (low + high + 1) // 2
            if self.cost.seconds(self._total(middle)) <= allowed_s:
                low = middle
            else:
                high = middle - 1
        return low

    def _total(self, level: int) -> int:
        return sum(min(wish.rows, _share(payer, level)) for payer, wish in self._wishes.items())


def _share(payer: Payer, level: int) -> int:
    return max(1, round(level * payer.weight))
