"""What everybody has spent: each request is put down before it is sent, at the most that it can cost.

When its end is known, what it took stands in place of that. So a request that was under way when the gateway was killed
stays at its most, and none is forgotten or put down twice.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ...record.transactions import at_once
from ..database import open_database
from .settings import Budget

_SCHEMA = """
CREATE TABLE IF NOT EXISTS requests (
    id INTEGER PRIMARY KEY,
    at REAL NOT NULL,
    user TEXT NOT NULL,
    model TEXT NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('open', 'settled', 'cut'))
);
CREATE TABLE IF NOT EXISTS charges (
    scope TEXT NOT NULL,
    at REAL NOT NULL,
    request INTEGER NOT NULL REFERENCES requests(id),
    tokens INTEGER NOT NULL,
    usd REAL NOT NULL,
    PRIMARY KEY (scope, at, request)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS charges_of_requests ON charges (request);
"""


@dataclass(frozen=True, kw_only=True)
class Charge:
    """Tokens of a request's prompt and reply, and US dollars."""

    tokens: int = 0
    usd: float = 0.0


@dataclass(frozen=True, kw_only=True)
class Spent(Charge):
    """What was spent in a window of time; requests under way count at their most."""

    requests: int = 0


class OverBudget(Exception):
    """A request could cost more than is left of a budget."""

    def __init__(self, scope: str, budget: Budget, spent: Spent, most: Charge) -> None:
        super().__init__(scope)
        self.scope, self.budget, self.spent, self.most = scope, budget, spent, most


class Ledger:
    """One SQLite file, used by one gateway.

    Raises:
        BadInput: The file cannot be opened.
    """

    def __init__(self, path: Path) -> None:
        # A reply is paid for even if the machine then loses its power.
        self._database = open_database(path, _SCHEMA, synchronous="FULL")
        self._database.execute("UPDATE requests SET state = 'cut' WHERE state = 'open'")

    def close(self) -> None:
        self._database.close()

    def reserve(
        self, user: str, scopes: Sequence[str], *, model: str, most: Charge, budgets: Sequence[tuple[str, Budget]]
    ) -> int:
        """Put down a request that is about to be sent, and return its number. Raises OverBudget."""
        with at_once(self._database):
            for scope, budget in budgets:
                spent = self.spent(scope, hours=budget.hours)
                if _over(spent.tokens + most.tokens, budget.tokens) or _over(spent.usd + most.usd, budget.usd):
                    raise OverBudget(scope, budget, spent, most)
            now = time.time()
            number = self._database.execute(
                "INSERT INTO requests (at, user, model, state) VALUES (?, ?, ?, 'open') RETURNING id",
                (now, user, model),
            ).fetchone()[0]
            charges = [(scope, now, number, most.tokens, most.usd) for scope in scopes]
            self._database.executemany("INSERT INTO charges VALUES (?, ?, ?, ?, ?)", charges)
            return int(number)

    def lower(self, number: int, most: Charge) -> None:
        """The most that a request under way can cost is known better now."""
        self._charge(number, most)

    def settle(self, number: int, charge: Charge, *, cut: bool = False) -> None:
        """What the request took; ``cut``: at most, since its end was not heard."""
        with at_once(self._database):
            self._charge(number, charge)
            state = "cut" if cut else "settled"
            self._database.execute("UPDATE requests SET state = ? WHERE id = ?", (state, number))

    def forget(self, number: int) -> None:
        """The request was not taken: nothing was spent."""
        with at_once(self._database):
            self._database.execute("DELETE FROM charges WHERE request = ?", (number,))
            self._database.execute("DELETE FROM requests WHERE id = ?", (number,))

    def spent(self, scope: str, *, hours: float) -> Spent:
        """What was spent under a scope in the last ``hours``."""
        count, tokens, usd = self._database.execute(
            "SELECT COUNT(*), COALESCE(SUM(tokens), 0), COALESCE(SUM(usd), 0.0) FROM charges"
            " WHERE scope = ? AND at > ?",
            (scope, time.time() - 3600 * hours),
        ).fetchone()
        return Spent(requests=count, tokens=tokens, usd=usd)

    def scopes(self, *, hours: float) -> list[str]:
        """Those under which anything was spent in the last ``hours``."""
        since = time.time() - 3600 * hours
        found = self._database.execute("SELECT DISTINCT scope FROM charges WHERE at > ? ORDER BY scope", (since,))
        return [scope for (scope,) in found.fetchall()]

    def counts(self) -> dict[str, int]:
        """How many requests there are of each state."""
        return dict(self._database.execute("SELECT state, COUNT(*) FROM requests GROUP BY state").fetchall())

    def _charge(self, number: int, charge: Charge) -> None:
        values = (charge.tokens, charge.usd, number)
        self._database.execute("UPDATE charges SET tokens = ?, usd = ? WHERE request = ?", values)


def _over(amount: float, limit: float | None) -> bool:
    return limit is not None and amount > limit
