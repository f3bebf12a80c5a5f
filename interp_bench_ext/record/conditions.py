"""Which runs may be compared: of each its condition, organism, weights and score, kept beside the events that say so.

Also what must not be read off events: the journal's secret, and the revisions that fingerprints stand for.
"""

from __future__ import annotations

import secrets
import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass

from pydantic import TypeAdapter

from .events import AgentChanged, Event, RunForked, RunResumed, RunStarted, Scored, WeightsIdentified
from .provenance import Revision
from .scores import Score

SCHEMA = """
CREATE TABLE IF NOT EXISTS conditions (
    run TEXT PRIMARY KEY REFERENCES runs (id) ON DELETE CASCADE,
    condition TEXT NOT NULL,
    organism TEXT NOT NULL,
    weights TEXT NOT NULL DEFAULT '',
    forked INTEGER NOT NULL DEFAULT 0,
    score TEXT
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS runs_of_a_condition ON conditions (condition);
CREATE INDEX IF NOT EXISTS runs_of_an_organism ON conditions (organism);
CREATE TABLE IF NOT EXISTS revisions (
    run TEXT PRIMARY KEY REFERENCES runs (id) ON DELETE CASCADE,
    body TEXT NOT NULL
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS secret (only INTEGER PRIMARY KEY CHECK (only = 1), key BLOB NOT NULL);
"""
"""Tables of their own, so that a journal of 0.1.0 needs nothing done to it: its runs stand in none of them."""
NOTED = (RunStarted, RunForked, RunResumed, AgentChanged, WeightsIdentified, Scored)
"""Events that :meth:`Conditions.note` reads."""
_REVISIONS = TypeAdapter(list[Revision])
_ROW = "conditions.run, condition, organism, weights, forked, score"


@dataclass(frozen=True, kw_only=True)
class Standing:
    """A run as comparisons see it."""

    run: str
    condition: str
    """Empty where it has none: it went on under another than it began with, or was begun by 0.1.0."""
    organism: str
    weights: str
    """Empty until they are loaded."""
    forked: bool
    score: Score | None


class Conditions:
    """See the module; the journal that owns ``database`` calls :meth:`note` in the transaction of the event."""

    def __init__(self, database: sqlite3.Connection) -> None:
        self._database = database

    def note(self, run: str, event: Event) -> None:
        """Keep what ``event`` says."""
        match event:
            case RunStarted() if event.provenance is not None:
                row = (run, event.provenance.condition, event.provenance.organism)
                self._database.execute("INSERT INTO conditions (run, condition, organism) VALUES (?, ?, ?)", row)
            case RunForked():
                self._database.execute("UPDATE conditions SET forked = 1 WHERE run = ?", (run,))
            case RunResumed():
                now = (event.provenance.condition, event.provenance.organism) if event.provenance else ("", "")
                self._database.execute(
                    "UPDATE conditions SET condition = '' WHERE run = ? AND (condition, organism) <> (?, ?)",
                    (run, *now),
                )
            case AgentChanged():
                self._database.execute("UPDATE conditions SET condition = '' WHERE run = ?", (run,))
            case WeightsIdentified():
                self._database.execute(
                    "UPDATE conditions SET weights = ?2,"
                    " condition = CASE WHEN weights IN ('', ?2) THEN condition ELSE '' END WHERE run = ?1",
                    (run, event.weights),
                )
            case Scored():
                body = (event.score.model_dump_json(), run)
                self._database.execute("UPDATE conditions SET score = ? WHERE run = ?", body)
            case _:
                pass

    def of(self, run: str) -> Standing | None:
        """None for a run of 0.1.0."""
        found = self._database.execute(f"SELECT {_ROW} FROM conditions WHERE run = ?", (run,)).fetchone()
        return _standing(found) if found else None

    def scored(self, condition: str) -> list[Standing]:
        """The scored runs of a condition, oldest first."""
        found = self._database.execute(
            f"SELECT {_ROW} FROM conditions JOIN runs ON runs.id = conditions.run"
            " WHERE condition = ? AND score IS NOT NULL ORDER BY created, runs.rowid",
            (condition,),
        )
        return [_standing(row) for row in found]

    def count_scored(self) -> int:
        """Scored runs of all conditions."""
        return int(self._database.execute("SELECT COUNT(*) FROM conditions WHERE score IS NOT NULL").fetchone()[0])

    def weights_before(self, run: str) -> str:
        """Those of the newest other run on the same organism; empty where there is none."""
        found = self._database.execute(
            "SELECT other.weights FROM conditions own JOIN conditions other ON other.organism = own.organism"
            " JOIN runs ON runs.id = other.run WHERE own.run = ? AND other.run <> own.run AND other.weights <> ''"
            " ORDER BY created DESC, runs.rowid DESC LIMIT 1",
            (run,),
        ).fetchone()
        return str(found[0]) if found else ""

    def key(self) -> bytes:
        """The journal's secret, made when it is first asked for."""
        self._database.execute("INSERT OR IGNORE INTO secret VALUES (1, ?)", (secrets.token_bytes(32),))
        return bytes(self._database.execute("SELECT key FROM secret").fetchone()[0])

    def seal(self, run: str, revisions: Sequence[Revision]) -> None:
        """Keep what a run's weights are where no event, and so neither browser nor agent, can show it."""
        body = _REVISIONS.dump_json(list(revisions)).decode()
        self._database.execute("INSERT OR REPLACE INTO revisions VALUES (?, ?)", (run, body))

    def revisions(self, run: str) -> list[Revision]:
        """What :meth:`seal` was given last; for the owner's terminal, and for the report of a run with a score."""
        found = self._database.execute("SELECT body FROM revisions WHERE run = ?", (run,)).fetchone()
        return _REVISIONS.validate_json(found[0]) if found else []


def _standing(row: tuple[str, str, str, str, int, str | None]) -> Standing:
    run, condition, organism, weights, forked, score = row
    return Standing(
        run=run,
        condition=condition,
        organism=organism,
        weights=weights,
        forked=bool(forked),
        score=Score.model_validate_json(score) if score else None,
    )
