"""The append-only record of all runs: one SQLite file per user.

Every event is committed before anyone acts on it or sees it, so a process killed at any point loses none.
"""

from __future__ import annotations

import secrets
import sqlite3
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import psutil
from filelock import FileLock, Timeout
from platformdirs import user_data_path
from pydantic import BaseModel

from ..errors import BadInput
from .conditions import NOTED, SCHEMA, Conditions
from .events import EVENT, Event, RunEnded, RunResumed, RunStatus
from .transactions import at_once

_LAST = 2**62
"""Beyond the number of any event."""
CUT_OFF = "the process that drove it ended without a word"
Kind = TypeVar("Kind", bound=BaseModel)
_SCHEMA = """
CREATE TABLE IF NOT EXISTS runs (
    id TEXT PRIMARY KEY,
    experiment TEXT NOT NULL,
    config TEXT NOT NULL,
    notebook TEXT NOT NULL,
    created REAL NOT NULL
);
CREATE TABLE IF NOT EXISTS events (
    run TEXT NOT NULL REFERENCES runs (id) ON DELETE CASCADE,
    seq INTEGER NOT NULL,
    at REAL NOT NULL,
    type TEXT NOT NULL,
    body TEXT NOT NULL,
    PRIMARY KEY (run, seq)
) WITHOUT ROWID;
"""
_NETWORK_FILE_SYSTEMS = ("nfs", "cifs", "smb", "lustre", "gpfs", "beegfs", "ceph", "fuse.sshfs", "9p")


@dataclass(frozen=True)
class Entry:
    """One event as recorded; ``seq`` counts from 1 within its run, ``at`` is Unix time in seconds."""

    seq: int
    at: float
    event: Event


@dataclass(frozen=True, kw_only=True)
class RunRecord:
    id: str
    experiment: str
    config: Path
    notebook: Path
    created: float
    status: RunStatus


def new_run_id() -> str:
    return secrets.token_hex(4)


class Journal:
    """Open (and make, if need be) the journal at ``path``. Raises BadInput when that cannot be done.

    ``clock`` gives Unix time in seconds: it stamps the events, and whoever counts a run's time asks it.
    """

    def __init__(self, path: Path | None = None, *, clock: Callable[[], float] = time.time) -> None:
        self.path = path or user_data_path("interp_bench") / "journal.sqlite"
        self.clock = clock
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            self._database = sqlite3.connect(self.path, isolation_level=None, timeout=30, check_same_thread=False)
            self.path.chmod(0o600)
            # WAL needs memory shared between all readers, which network file systems do not give.
            mode = "DELETE" if _on_network(self.path) else "WAL"
            self._database.execute(f"PRAGMA journal_mode={mode}")
            # In WAL a killed process loses nothing with NORMAL, and a commit takes microseconds, not milliseconds.
            self._database.execute(f"PRAGMA synchronous={'NORMAL' if mode == 'WAL' else 'FULL'}")
            self._database.execute("PRAGMA foreign_keys=ON")
            self._database.executescript(_SCHEMA + SCHEMA)
        except (OSError, sqlite3.Error) as error:
            raise BadInput(
                f"the journal {self.path} cannot be opened ({error}); make its folder writable or free some space"
            ) from None
        self.conditions = Conditions(self._database)

    def close(self) -> None:
        self._database.close()

    def create_run(
        self, run: str, *, experiment: str, config: Path, notebook: Path, first: Event, then: Iterable[Event] = ()
    ) -> Entry:
        """Record a new run with its first event and those of ``then``, all or none; returns the first as recorded."""
        with at_once(self._database):
            self._database.execute(
                "INSERT INTO runs VALUES (?, ?, ?, ?, ?)", (run, experiment, str(config), str(notebook), self.clock())
            )
            recorded = self.append(run, first)
            for event in then:
                self.append(run, event)
            return recorded

    def move_run(self, run: str, *, config: Path, notebook: Path) -> None:
        """From here on the run has its config and its notebook in these places."""
        self._database.execute(
            "UPDATE runs SET config = ?, notebook = ? WHERE id = ?", (str(config), str(notebook), run)
        )

    def end_if_cut_off(self, run: str) -> bool:
        """Record the end of a run whose process has died without doing so; returns whether that was the case.

        It ended when it was last heard of, however much later that is noticed.
        """
        if isinstance(self.last(run, RunEnded, RunResumed), RunEnded):
            return False
        try:
            with self.lock(run):
                self._append(run, RunEnded(status="interrupted", message=CUT_OFF), at=self._last_at(run))
        except Timeout:
            return False
        return True

    def delete_run(self, run: str) -> None:
        """Forget a run and its events; the caller sees to it that nobody drives it."""
        self._database.execute("DELETE FROM runs WHERE id = ?", (run,))

    def append(self, run: str, event: Event) -> Entry:
        """Record ``event`` and return it as recorded; only the holder of the run's lock appends to it."""
        return self._append(run, event, at=self.clock())

    def entries(self, run: str, *, after: int = 0) -> Iterator[Entry]:
        rows = self._database.execute(
            "SELECT seq, at, body FROM events WHERE run = ? AND seq > ? ORDER BY seq", (run, after)
        )
        for seq, at, body in rows:
            yield Entry(seq, at, _read(body))

    def raw_entries(self, run: str, *, after: int = 0, limit: int = 1000) -> list[tuple[int, str]]:
        """The run's next events, each as its seq and the JSON of an ``api.EventEntry``."""
        rows = self._database.execute(
            "SELECT seq, at, body FROM events WHERE run = ? AND seq > ? ORDER BY seq LIMIT ?", (run, after, limit)
        )
        return [(seq, f'{{"seq":{seq},"at":{at!r},"event":{body}}}') for seq, at, body in rows]

    def events(self, run: str) -> list[Event]:
        return [entry.event for entry in self.entries(run)]

    def last(self, run: str, *kinds: type[Kind]) -> Kind | None:
        """The run's last event of one of ``kinds``, without reading the others."""
        names = [kind.model_fields["type"].default for kind in kinds]
        row = self._database.execute(
            f"SELECT body FROM events WHERE run = ? AND type IN ({', '.join('?' * len(names))})"
            " ORDER BY seq DESC LIMIT 1",
            (run, *names),
        ).fetchone()
        event = _read(row[0]) if row else None
        return event if isinstance(event, kinds) else None

    def skim(
        self, run: str, *kinds: type[BaseModel], after: int = 0, until: int | None = None
    ) -> Iterator[tuple[float, Event | None]]:
        """When each of the run's events was, with those of ``kinds`` themselves; the others are not even read.

        ``after`` and ``until`` are numbers of events: the first that is left out, and the last that is taken.
        """
        names = [kind.model_fields["type"].default for kind in kinds]
        rows = self._database.execute(
            f"SELECT at, CASE WHEN type IN ({', '.join('?' * len(names))}) THEN body END FROM events"
            " WHERE run = ? AND seq > ? AND seq <= ? ORDER BY seq",
            (*names, run, after, _LAST if until is None else until),
        )
        for at, body in rows:
            yield at, _read(body) if body else None

    def last_seq(self, run: str) -> int:
        """Number of the run's newest event; 0 where there is none."""
        row = self._database.execute("SELECT MAX(seq) FROM events WHERE run = ?", (run,)).fetchone()
        return int(row[0] or 0)

    def run(self, run: str) -> RunRecord | None:
        """The run with exactly this id."""
        row = self._database.execute("SELECT * FROM runs WHERE id = ?", (run,)).fetchone()
        return self._record(row) if row else None

    def runs(self) -> list[RunRecord]:
        """All runs, newest first."""
        rows = self._database.execute("SELECT * FROM runs ORDER BY created DESC, rowid DESC").fetchall()
        return [self._record(row) for row in rows]

    def runs_in(self, notebook: Path) -> list[RunRecord]:
        """The runs that work or worked in ``notebook``, newest first."""
        rows = self._database.execute(
            "SELECT * FROM runs WHERE notebook = ? ORDER BY created DESC", (str(notebook),)
        ).fetchall()
        return [self._record(row) for row in rows]

    def runs_below(self, place: Path) -> list[RunRecord]:
        """The runs whose notebook is ``place`` or lies in that folder, newest first."""
        inside = f"{place}/"
        rows = self._database.execute(
            "SELECT * FROM runs WHERE notebook = ? OR substr(notebook, 1, ?) = ? ORDER BY created DESC",
            (str(place), len(inside), inside),
        ).fetchall()
        return [self._record(row) for row in rows]

    def find_run(self, start: str) -> RunRecord:
        """The run whose id begins with ``start``, or the newest for ``last``. Raises BadInput."""
        runs = self.runs()
        found = runs[:1] if start == "last" else [run for run in runs if start and run.id.startswith(start)]
        if not runs:
            raise BadInput("no run is recorded yet; `interp-bench run birch` makes one")
        if len(found) != 1:
            what = "no run" if not found else f"{len(found)} runs"
            raise BadInput(f"{what} has an id that begins with {start!r}; `interp-bench runs` lists them")
        return found[0]

    def lock(self, run: str) -> FileLock:
        """The lock that the process which drives ``run`` holds; the system frees it when that process dies."""
        folder = self.path.parent / "locks"
        folder.mkdir(exist_ok=True, mode=0o700)
        return FileLock(folder / f"{run}.lock", timeout=0)

    def _append(self, run: str, event: Event, *, at: float) -> Entry:
        if not isinstance(event, NOTED):
            return self._insert(run, event, at)
        with nullcontext() if self._database.in_transaction else at_once(self._database):
            self.conditions.note(run, event)
            return self._insert(run, event, at)

    def _insert(self, run: str, event: Event, at: float) -> Entry:
        row = self._database.execute(
            "INSERT INTO events SELECT ?1, COALESCE(MAX(seq), 0) + 1, ?2, ?3, ?4 FROM events WHERE run = ?1"
            " RETURNING seq",
            (run, at, event.type, event.model_dump_json()),
        ).fetchone()
        return Entry(int(row[0]), at, event)

    def _last_at(self, run: str) -> float:
        row = self._database.execute("SELECT at FROM events WHERE run = ? ORDER BY seq DESC LIMIT 1", (run,)).fetchone()
        return float(row[0])

    def _record(self, row: tuple[str, str, str, str, float]) -> RunRecord:
        run, experiment, config, notebook, created = row
        return RunRecord(
            id=run,
            experiment=experiment,
            config=Path(config),
            notebook=Path(notebook),
            created=created,
            status=self._status(run),
        )

    def _status(self, run: str) -> RunStatus:
        event = self.last(run, RunEnded, RunResumed)
        if isinstance(event, RunEnded):
            return event.status
        try:
            with self.lock(run):
                return "interrupted"
        except Timeout:
            return "running"


def _read(body: str) -> Event:
    """An event as recorded; what another version has written beside the fields that this one knows is passed over."""
    return EVENT.validate_json(body, extra="ignore")


def _on_network(path: Path) -> bool:
    """Whether ``path`` lies on a network file system, by the longest mount point above it."""
    resolved = path.resolve()
    mounts = [part for part in psutil.disk_partitions(all=True) if resolved.is_relative_to(part.mountpoint)]
    nearest = max(mounts, key=lambda part: len(part.mountpoint), default=None)
    return nearest is not None and nearest.fstype.startswith(_NETWORK_FILE_SYSTEMS)
