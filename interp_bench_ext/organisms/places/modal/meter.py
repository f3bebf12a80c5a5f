"""What each ticket has used of an organism's containers."""

from __future__ import annotations

import functools
from collections import defaultdict
from collections.abc import Mapping

from interp_bench_ext.contracts import Used


class Meter:
    """Each container counts from its own start, and may be heard of late or twice."""

    def __init__(self) -> None:
        self._used: defaultdict[str, dict[str, Used]] = defaultdict(dict)
        """By ticket and container."""

    def note(self, container: str, used: Mapping[str, tuple[float, int, int]]) -> None:
        """A container says what was used of it, by ticket; other people's tickets are among them."""
        for ticket, so_far in used.items():
            if ticket in self._used:
                before = self._used[ticket].get(container, Used())
                self._used[ticket][container] = max(Used(*so_far), before)

    def begin(self, ticket: str) -> None:
        """Count for the ticket from here on."""
        self._used[ticket] = {}

    def busy_s(self, ticket: str | None = None) -> float:
        """For one ticket, or for all."""
        found = self._used.values() if ticket is None else [self._used[ticket]]
        return sum(used.busy_s for containers in found for used in containers.values())

    def used(self, ticket: str) -> Used:
        """For one ticket."""
        return functools.reduce(Used.plus, self._used[ticket].values(), Used())
