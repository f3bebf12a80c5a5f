"""Who may use the model: one thread at a time, and next the one that works for whoever had least of it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from interp_bench_ext.host.shares import Shares

Users = Callable[[], Iterable[str]]
"""Asked, as a turn is given, whom a thread that waits would work for."""


@dataclass(eq=False)
class _Waiting:
    users: Users
    come: threading.Event = field(default_factory=threading.Event)


class Turn:
    """A lock that is handed on by :class:`Shares`; among equals to whoever has waited longest."""

    def __init__(self) -> None:
        self.shares = Shares()
        self._lock = threading.Lock()
        self._held = False
        self._line: list[_Waiting] = []

    def take(self, users: Users = tuple) -> None:
        """Wait for it."""
        with self._lock:
            if not self._held:
                self._held = True
                return
            waiting = _Waiting(users)
            self._line.append(waiting)
        waiting.come.wait()

    def give_back(self) -> None:
        """Let the next one have it."""
        with self._lock:
            if not self._line:
                self._held = False
                return
            # Many wait for the same: each kind is looked at once.
            had = {waiting.users: self.shares.least(waiting.users()) for waiting in reversed(self._line)}
            chosen = min(self._line, key=lambda waiting: had[waiting.users])
            self._line.remove(chosen)
            chosen.come.set()

    @contextmanager
    def held(self, users: Users = tuple) -> Iterator[None]:
        """Have it while the block lasts."""
        self.take(users)
        try:
            yield
        finally:
            self.give_back()
