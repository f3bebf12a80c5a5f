"""What must survive a restart of the service: who holds which ticket, and what everybody has used."""

from __future__ import annotations

import json
import secrets
import sqlite3
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import NamedTuple

from ..contracts import Access, Used
from ..errors import BadInput
from ..record.transactions import at_once
from .database import open_database

_SCHEMA = """
CREATE TABLE IF NOT EXISTS tickets (
    id TEXT PRIMARY KEY,
    digest TEXT NOT NULL UNIQUE,
    user TEXT NOT NULL,
    groups TEXT NOT NULL,
    organism TEXT NOT NULL,
    caller TEXT NOT NULL,
    access TEXT NOT NULL,
    quota_s REAL,
    deadline REAL NOT NULL,
    busy_s REAL NOT NULL DEFAULT 0,
    samples INTEGER NOT NULL DEFAULT 0,
    prompts INTEGER NOT NULL DEFAULT 0,
    tokens INTEGER NOT NULL DEFAULT 0
);
CREATE TABLE IF NOT EXISTS usage (
    scope TEXT NOT NULL,
    organism TEXT NOT NULL,
    minute INTEGER NOT NULL,
    calls INTEGER NOT NULL DEFAULT 0,
    samples INTEGER NOT NULL DEFAULT 0,
    prompts INTEGER NOT NULL DEFAULT 0,
    tokens INTEGER NOT NULL DEFAULT 0,
    busy_s REAL NOT NULL DEFAULT 0,
    PRIMARY KEY (scope, minute, organism)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS people (user TEXT PRIMARY KEY, groups TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS hand_ins (
    class TEXT NOT NULL,
    user TEXT NOT NULL,
    organism TEXT NOT NULL,
    at REAL NOT NULL,
    handed TEXT NOT NULL,
    score TEXT NOT NULL,
    PRIMARY KEY (class, user, organism)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS classes (
    name TEXT PRIMARY KEY,
    owner TEXT NOT NULL,
    rules TEXT NOT NULL,
    open INTEGER NOT NULL
);
CREATE TABLE IF NOT EXISTS secret (only INTEGER PRIMARY KEY CHECK (only = 1), key BLOB NOT NULL);
"""


@dataclass(frozen=True, kw_only=True)
class TicketRow:
    """A ticket as it is kept: a digest of its token, never the token."""

    id: str
    digest: str
    user: str
    groups: frozenset[str]
    organism: str
    caller: str
    access: Access
    quota_s: float | None
    deadline: float
    """Unix time in seconds."""
    used: Used = Used()


class HandedRow(NamedTuple):
    """What one student has handed in on one organism."""

    class_name: str
    user: str
    organism: str
    at: float
    """Unix time in seconds."""
    handed: str
    """A :class:`~.bodies.HandIn` in JSON."""
    score: str
    """A :class:`~..record.scores.Score` in JSON."""


class PublishedRow(NamedTuple):
    """A class that an instructor has published."""

    name: str
    owner: str
    """The Hub's name of whoever has published it."""
    rules: str
    """A :class:`~.settings.ClassRules` in JSON."""
    open: bool


@dataclass(frozen=True)
class Usage:
    """What was used in a window of time."""

    calls: int = 0
    samples: int = 0
    prompts: int = 0
    tokens: int = 0
    busy_s: float = 0.0


_SUMS = ", ".join(f"COALESCE(SUM({own.name}), 0)" for own in fields(Usage))


class Store:
    """One SQLite file. Only the service's event loop uses it.

    Raises:
        BadInput: The file cannot be opened.
    """

    def __init__(self, path: Path) -> None:
        self._database = open_database(path, _SCHEMA, synchronous="NORMAL")

    def close(self) -> None:
        self._database.close()

    def key(self) -> bytes:
        """The service's secret, made when it is first asked for."""
        self._database.execute("INSERT OR IGNORE INTO secret VALUES (1, ?)", (secrets.token_bytes(32),))
        return bytes(self._database.execute("SELECT key FROM secret").fetchone()[0])

    def add(self, row: TicketRow) -> None:
        """Raises BadInput where a ticket has this token already."""
        values = (
            *(row.id, row.digest, row.user, json.dumps(sorted(row.groups)), row.organism, row.caller),
            *(str(row.access), row.quota_s, row.deadline, *row.used),
        )
        try:
            self._database.execute("INSERT INTO tickets VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", values)
        except sqlite3.IntegrityError:
            raise BadInput("this token has been used before; make another one") from None
        self._database.execute(
            "INSERT OR REPLACE INTO people VALUES (?, ?)", (row.user, json.dumps(sorted(row.groups)))
        )

    def regroup(self, row: TicketRow) -> None:
        """Its user is in other groups now."""
        groups = json.dumps(sorted(row.groups))
        self._database.execute("UPDATE tickets SET groups = ? WHERE id = ?", (groups, row.id))
        self._database.execute("INSERT OR REPLACE INTO people VALUES (?, ?)", (row.user, groups))

    def groups(self) -> dict[str, frozenset[str]]:
        """The groups of everybody who ever held a ticket, as they were at their last."""
        found = self._database.execute("SELECT user, groups FROM people").fetchall()
        return {user: frozenset(json.loads(groups)) for user, groups in found}

    def remove(self, ticket: str) -> None:
        self._database.execute("DELETE FROM tickets WHERE id = ?", (ticket,))

    def tickets(self) -> Iterator[TicketRow]:
        for row in self._database.execute("SELECT * FROM tickets ORDER BY rowid").fetchall():
            ident, digest, user, groups, organism, caller, access, quota_s, deadline, *used = row
            yield TicketRow(
                id=ident,
                digest=digest,
                user=user,
                groups=frozenset(json.loads(groups)),
                organism=organism,
                caller=caller,
                access=Access(access),
                quota_s=quota_s,
                deadline=deadline,
                used=Used(*used),
            )

    def note(self, ticket: str, organism: str, scopes: list[str], more: Used, *, calls: int = 0) -> None:
        """Put down what was used, for a ticket and under every one of ``scopes``, together or not at all."""
        minute = int(time.time() // 60)
        with at_once(self._database):
            self._database.execute(
                "UPDATE tickets SET busy_s = busy_s + ?, samples = samples + ?, prompts = prompts + ?,"
                " tokens = tokens + ? WHERE id = ?",
                (*more, ticket),
            )
            self._database.executemany(
                "INSERT INTO usage VALUES (?, ?, ?, ?, ?, ?, ?, ?)"
                " ON CONFLICT DO UPDATE SET calls = calls + excluded.calls,"
                " samples = samples + excluded.samples, prompts = prompts + excluded.prompts,"
                " tokens = tokens + excluded.tokens, busy_s = busy_s + excluded.busy_s",
                [
                    (scope, organism, minute, calls, more.samples, more.prompts, more.tokens, more.busy_s)
                    for scope in scopes
                ],
            )

    def usage(self, scope: str, *, hours: float) -> Usage:
        """What was used under a scope in the last ``hours``, to the minute."""
        since = int(time.time() // 60) - round(60 * hours)
        return self._summed("scope = ? AND minute > ?", scope, since)

    def usage_of(self, scope: str, organism: str) -> Usage:
        """What was ever used of one organism under a scope."""
        return self._summed("scope = ? AND organism = ?", scope, organism)

    def _summed(self, where: str, *values: str | int) -> Usage:
        found = self._database.execute(f"SELECT {_SUMS} FROM usage WHERE {where}", values).fetchone()  # noqa: S608 - ours
        return Usage(*found)

    def usage_by_scope(self, organisms: Sequence[str]) -> dict[tuple[str, str], Usage]:
        """What was ever used of each of some organisms, by scope and organism."""
        places = ", ".join("?" * len(organisms))
        asked = f"SELECT scope, organism, {_SUMS} FROM usage WHERE organism IN ({places}) GROUP BY scope, organism"  # noqa: S608 - ours
        found = self._database.execute(asked, tuple(organisms)).fetchall()
        return {(scope, organism): Usage(*sums) for scope, organism, *sums in found}

    def publish(self, row: PublishedRow) -> None:
        """Keep a class, in place of what was kept under its name."""
        self._database.execute("INSERT OR REPLACE INTO classes VALUES (?, ?, ?, ?)", row)

    def published(self) -> list[PublishedRow]:
        """All that were ever published, in that order."""
        found = self._database.execute("SELECT name, owner, rules, open FROM classes ORDER BY rowid").fetchall()
        return [PublishedRow(name, owner, rules, bool(is_open)) for name, owner, rules, is_open in found]

    def hand_in(self, row: HandedRow) -> bool:
        """Keep what was handed in; False where there is something of this person on this organism already."""
        values = (row.class_name, row.user, row.organism, row.at, row.handed, row.score)
        done = self._database.execute("INSERT OR IGNORE INTO hand_ins VALUES (?, ?, ?, ?, ?, ?)", values)
        return done.rowcount == 1

    def handed_in(self, class_name: str) -> list[HandedRow]:
        """All of a class."""
        found = self._database.execute("SELECT * FROM hand_ins WHERE class = ? ORDER BY user, organism", (class_name,))
        return [HandedRow(*row) for row in found.fetchall()]

    def scopes(self, *, hours: float) -> list[str]:
        """Those under which anything was used in the last ``hours``."""
        since = int(time.time() // 60) - round(60 * hours)
        found = self._database.execute("SELECT DISTINCT scope FROM usage WHERE minute > ? ORDER BY scope", (since,))
        return [scope for (scope,) in found.fetchall()]
