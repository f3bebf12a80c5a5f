"""How many rows of the running batch each person may have, and how many may enter it at once, while several share it.

A row makes every step longer for all, and so does reading its prompt. So nobody's rows hold up another by much more
than an equal share of the device's time would; on a device that does many rows in the time of one, that is no limit at
all. Whoever is alone has all rows with which the next who comes is let in soon.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from interp_bench_ext.host.shares import Payer
from interp_bench_ext.host.step_cost import StepCost

_OF_A_SHARE = 0.75
"""Of the time in which somebody with an equal share of the device would have a step: there is more than steps."""
_SOON_S, _SOON_STEPS = 0.25, 4
"""How long, and how many steps of one row, whoever comes may have to wait for a boundary between passes."""
_BESIDE_S = 5.0
"""How long somebody counts as one of those who share the batch, after their last rows."""
_AGAIN_S = 1.0
_MOST_DEBT = 8
"""By how many times what may be spared rows may have entered too early."""


@dataclass(eq=False)
class _Wish:
    """What somebody wants of the batch: the most rows at once of the last few seconds."""

    rows: int
    at: float
    seen: float
    entered_s: float
    """How long their rows have taken to enter, by weight; whoever comes has as much as the one with least."""
    last_s: float = 0.0
    """How long those took that entered last."""


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
        self._spare_s = 0.0
        """By how much steps were shorter than they may be: for rows to enter, whosever they are."""

    @property
    def shared(self) -> bool:
        """Whether there are several people."""
        return len(self._wishes) > 1

    def limits(self, wanted: Iterable[tuple[Payer, int]]) -> Mapping[str, int]:
        """The most rows of each person, by user; empty where nobody else can come.

        Args:
            wanted: How many rows the calls of each person that are under way have.
        """
        now = self._now()
        least = min((wish.entered_s for wish in self._wishes.values()), default=0.0)
        for payer, rows in wanted:
            wish = self._wishes.get(payer)
            if wish is None:
                self._wishes[payer] = _Wish(rows, now, now, least)
                continue
            wish.seen = now
            if rows >= wish.rows or now - wish.at > _BESIDE_S:
                wish.rows, wish.at = rows, now
        self._wishes = {payer: wish for payer, wish in self._wishes.items() if now - wish.seen <= _BESIDE_S}
        if not any(payer.user for payer in self._wishes) or not self.cost.known:
            return {}
        people = frozenset((payer, wish.rows) for payer, wish in self._wishes.items())
        if people != self._people or now - self._looked > _AGAIN_S:
            found = self._most()
            # While the same people share it, a limit goes down by half or not: what was measured wavers, and rows that
            # go begin anew.
            keeps = self.shared and people == self._people and 2 * found >= self._level
            self._level = max(found, self._level) if keeps else found
            self._people, self._looked = people, now
        return {payer.user: _share(payer, self._level) for payer in self._wishes}

    def stepped(self, seconds: float) -> None:
        """A step has taken so long."""
        if self.shared:
            spare_s = self._spare_s + self._bearable_s() - seconds
            self._spare_s = min(spare_s, self._soon_s())

    def entering(self, here: Iterable[str]) -> Entering:
        """Which rows may enter at this boundary.

        Args:
            here: The users whose rows are in the batch, or wait.
        """
        others = set(here)
        most_s = self._soon_s() if self.cost.known and any(payer.user for payer in self._wishes) else float("inf")
        if not self.shared or len(others) < 2:
            return Entering(self.cost, most_s, {})
        wishes = {payer: wish for payer, wish in self._wishes.items() if payer.user in others}
        least = min(wishes.values(), key=lambda wish: wish.entered_s)
        # Of two who want the same, each is ahead by one call in turn.
        may_s = {
            payer.user: max(self._spare_s, (least.entered_s - wish.entered_s) * payer.weight + least.last_s)
            for payer, wish in wishes.items()
            if wish.entered_s > least.entered_s
        }
        return Entering(self.cost, most_s, may_s)

    def entered(self, tokens: Mapping[Payer, int], seconds: float) -> None:
        """Rows of so many tokens of each have entered in one pass."""
        total = max(1, sum(tokens.values()))
        self.cost.saw_reading(total, seconds)
        self._spare_s = max(self._spare_s - seconds, -_MOST_DEBT * self._soon_s())
        for payer, own in tokens.items():
            if payer in self._wishes:
                wish, own_s = self._wishes[payer], seconds * own / total
                wish.entered_s, wish.last_s = wish.entered_s + own_s / payer.weight, own_s

    def _most(self) -> int:
        """Rows by weight."""
        rows = [wish.rows / payer.weight for payer, wish in self._wishes.items()]
        low, one = self._low(), self.cost.seconds(self._total(1))
        allowed_s = max(self.cost.seconds(self._total(low)), self._bearable_s()) if self.shared else float("inf")
        allowed_s = min(allowed_s, max(self._soon_s(), one))
        low, high = 1, int(max(rows)) + 1
        while low < high:
            middle = (low + high + 1) // 2
            if self.cost.seconds(self._total(middle)) <= allowed_s:
                low = middle
            else:
                high = middle - 1
        return low

    def _low(self) -> int:
        """The rows, by weight, of the one who wants fewest."""
        return max(1, int(min(wish.rows / payer.weight for payer, wish in self._wishes.items())))

    def _bearable_s(self) -> float:
        """A step of those that whoever wants fewest would have alone, as long as an equal share makes it."""
        fewest = min(self._wishes, key=lambda payer: self._wishes[payer].rows / payer.weight)
        people = sum(payer.weight for payer in self._wishes) / fewest.weight
        return _OF_A_SHARE * people * self.cost.seconds(self._wishes[fewest].rows)

    def _soon_s(self) -> float:
        return max(_SOON_S, _SOON_STEPS * self.cost.seconds(1)) if self.cost.known else _SOON_S

    def _total(self, level: int) -> int:
        return sum(min(wish.rows, _share(payer, level)) for payer, wish in self._wishes.items())


class Entering:
    """The rows that enter at one boundary: one of each person, and as many more as are read soon and are theirs.

    Args:
        most_s: How long it may take to read them all, beyond the first of each person.
        may_s: How long it may take to read those of each user; of others, as long.
    """

    def __init__(self, cost: StepCost, most_s: float, may_s: Mapping[str, float]) -> None:
        self._cost, self._most_s, self._may_s = cost, most_s, may_s
        self._tokens: dict[str, int] = {}

    def takes(self, user: str, tokens: int) -> bool:
        """Whether a row of theirs of so many tokens enters, too; then it is counted."""
        own = self._tokens.get(user, 0)
        may_s = self._may_s.get(user, self._most_s)
        total = sum(self._tokens.values())
        reading_s = self._cost.reading_s
        if may_s < 0 or (own and (reading_s(own + tokens) > may_s or reading_s(total + tokens) > self._most_s)):
            return False
        self._tokens[user] = own + tokens
        return True


def _share(payer: Payer, level: int) -> int:
    return max(1, round(level * payer.weight))
