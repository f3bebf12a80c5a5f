"""How long the model has worked for each of the people who share it.

The virtual token counter of Sheng et al., Fairness in Serving Large Language Models (OSDI 2024), counted in seconds of
the device: whoever had least by their weight is next, and whoever was away gets no credit for that.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True)
class Payer:
    """Whose call it is."""

    user: str = ""
    weight: float = 1.0
    """Their share, against those of others."""


@dataclass(eq=False)
class _Account:
    calls: int = 0
    served: float = 0.0
    """Seconds, by weight."""


class Shares:
    """Safe to use from several threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._accounts: dict[str, _Account] = {}

    def enter(self, payer: Payer) -> None:
        """One more call of theirs is here."""
        with self._lock:
            account = self._accounts.setdefault(payer.user, _Account())
            if not account.calls:
                here = [other.served for other in self._accounts.values() if other.calls]
                account.served = max(account.served, min(here, default=account.served))
            account.calls += 1

    def leave(self, payer: Payer) -> None:
        """One of their calls has gone."""
        with self._lock:
            self._accounts[payer.user].calls -= 1
            if not any(account.calls for account in self._accounts.values()):
                self._accounts.clear()

    def charge(self, payer: Payer, seconds: float) -> None:
        """The model has worked so long for them; for nobody who has no call here."""
        with self._lock:
            if payer.user in self._accounts:
                self._accounts[payer.user].served += seconds / payer.weight

    def least(self, users: Iterable[str]) -> float:
        """What the one of ``users`` has had for whom least was done; 0 where there is none."""
        with self._lock:
            return min((self._accounts[user].served for user in users if user in self._accounts), default=0.0)
