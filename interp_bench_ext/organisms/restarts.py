"""How often a lost organism is begun again before it is given up."""

from __future__ import annotations

import time
from collections import deque

AT_MOST, WINDOW_S = 3, 600.0


class Restarts:
    """Counts them over the last :data:`WINDOW_S` seconds."""

    def __init__(self) -> None:
        self._times: deque[float] = deque()

    def take(self) -> bool:
        """Take one of the restarts that are left; whether there was one. A refused one counts, too."""
        now = time.monotonic()
        while self._times and now - self._times[0] > WINDOW_S:
            self._times.popleft()
        self._times.append(now)
        return len(self._times) <= AT_MOST
