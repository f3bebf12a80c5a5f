"""Who may use the model: one thread at a time, in the order in which they asked."""

from __future__ import annotations

import threading
from collections import deque


class Turn:
    """A lock that is handed to whoever has waited longest; ``with`` it, or take and give it back."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._held = False
        self._line: deque[threading.Event] = deque()

    def take(self) -> None:
        """Wait for it."""
        with self._lock:
            if not self._held:
                self._held = True
                return
            come = threading.Event()
            self._line.append(come)
        come.wait()

    def give_back(self) -> None:
        """Let the next one have it."""
        with self._lock:
            if self._line:
                self._line.popleft().set()
            else:
                self._held = False

    def __enter__(self) -> None:
        self.take()

    def __exit__(self, *_: object) -> None:
        self.give_back()
