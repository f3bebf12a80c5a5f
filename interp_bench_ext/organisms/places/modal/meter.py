"""How long the models of an organism's containers have worked while it was in use."""

from __future__ import annotations


class Meter:
    """Each container counts from its own start; what it had worked when it was first heard of belongs to others."""

    def __init__(self) -> None:
        self._first: dict[str, float] = {}
        self._last: dict[str, float] = {}

    def note(self, container: str, busy_s: float) -> None:
        """A container says how many seconds its model has worked."""
        self._first.setdefault(container, busy_s)
        self._last[container] = max(busy_s, self._last.get(container, 0.0))

    @property
    def total_s(self) -> float:
        return sum(last - self._first[container] for container, last in self._last.items())
