"""Whose organism is loaded next where there is not room for all, and which are too many for one person."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass


@dataclass(eq=False)
class Start:
    """An organism that somebody has asked for and not given back."""

    user: str
    organism: str
    begun: bool = False
    """Whether they have it, or it is being loaded for them."""


class Starts:
    """All that are under way. Next is whoever has fewest organisms, and of those the one who has waited longest.

    Args:
        each: How many a person may have that nobody else uses, while others use organisms or wait for one.
    """

    def __init__(self, *, each: int) -> None:
        self._each = each
        self._all: list[Start] = []

    @contextmanager
    def asked(self, user: str, organism: str) -> Iterator[Start]:
        """It is there until the block ends."""
        start = Start(user, organism)
        self._all.append(start)
        try:
            yield start
        finally:
            self._all.remove(start)

    def is_next(self, start: Start) -> bool:
        """Whether this one's organism may be loaded before those of all others who wait."""
        waiting = [other for other in self._all if not other.begun and not self.at_limit(other)]
        return start is min(waiting, key=lambda other: len(self._own(other.user)), default=None)

    def at_limit(self, start: Start) -> bool:
        """Whether whoever waits has as many already as they may have, and must give one back."""
        alone = all(other.user == start.user for other in self._all)
        has = [organism for organism in self._own(start.user) if organism != start.organism]
        return not alone and len(has) >= self._each

    def too_many(self, user: str, organism: str) -> bool:
        """Whether one that they have is beyond what they may have, and somebody else waits."""
        if organism not in self._own(user)[self._each :]:
            return False
        return any(not other.begun and other.user != user and not self.at_limit(other) for other in self._all)

    def _own(self, user: str) -> list[str]:
        """What they have that nobody else has, in the order in which they asked."""
        others = {start.organism for start in self._all if start.begun and start.user != user}
        own = dict.fromkeys(start.organism for start in self._all if start.begun and start.user == user)
        return [organism for organism in own if organism not in others]
