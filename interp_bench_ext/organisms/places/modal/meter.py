"""How long the models of an organism's containers have worked for each ticket."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping


class Meter:
    """Each container counts from its own start, and may be heard of late or twice."""

    def __init__(self) -> None:
        self._used: defaultdict[str, dict[str, float]] = defaultdict(dict)
        """By ticket and container, in seconds."""

    def note(self, container: str, used: Mapping[str, float]) -> None:
        """A container says how many seconds its model has worked, by ticket; other people's tickets are among them."""
        for ticket, busy_s in used.items():
            if ticket in self._used:
                self._used[ticket][container] = max(busy_s, self._used[ticket].get(container, 0.0))

    def begin(self, ticket: str) -> None:
        """Count for the ticket from here on."""
        self._used[ticket] = {}

    def busy_s(self, ticket: str | None = None) -> float:
        """For one ticket, or for all."""
        found = self._used.values() if ticket is None else [self._used[ticket]]
        return sum(sum(containers.values()) for containers in found)
