from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from interp_bench_ext.api import EventEntry
from interp_bench_ext.errors import BadInput
from interp_bench_ext.record.events import RunEnded, RunResumed, StepStarted
from interp_bench_ext.record.journal import Journal, new_run_id
from tests.redteam.suite import attempt

WRITER = """
import sys
from pathlib import Path
from interp_bench_ext.record.events import RunResumed, StepStarted
from interp_bench_ext.record.journal import Journal, new_run_id

journal = Journal(Path(sys.argv[1]))
run = new_run_id()
journal.create_run(run, experiment="x", config=Path("c"), notebook=Path("n"), first=RunResumed())
lock = journal.lock(run)
lock.acquire()
print(run, flush=True)
for step in range(10**9):
    journal.append(run, StepStarted(step=step))
    print(step, flush=True)
"""


@pytest.fixture
def journal(tmp_path):
    journal = Journal(tmp_path / "journal.sqlite")
    yield journal
    journal.close()


def new_run(journal: Journal) -> str:
    run = new_run_id()
    journal.create_run(run, experiment="x", config=Path("c"), notebook=Path(f"n-{run}"), first=RunResumed())
    return run


def test_events_come_back_in_order(journal):
    run, other = new_run(journal), new_run(journal)
    for step in range(3):
        journal.append(run, StepStarted(step=step))
        journal.append(other, StepStarted(step=step + 10))
    assert [(entry.seq, entry.event) for entry in journal.entries(run, after=2)] == [
        (3, StepStarted(step=1)),
        (4, StepStarted(step=2)),
    ]


def test_an_event_with_a_field_of_another_version_is_read(journal):
    run = new_run_id()
    journal.create_run(run, experiment="x", config=Path("c"), notebook=Path("n"), first=StepStarted(step=1))
    other = sqlite3.connect(journal.path)
    other.execute("UPDATE events SET body = json_set(body, '$.mood', 'curious')")
    other.commit()
    other.close()
    assert journal.events(run) == [StepStarted(step=1)]
    assert journal.last(run, StepStarted) == StepStarted(step=1)
    assert [event for _, event in journal.skim(run, StepStarted)] == [StepStarted(step=1)]


def test_status_follows_the_events_and_the_driver(journal):
    run = new_run(journal)
    assert journal.find_run(run).status == "interrupted"
    with journal.lock(run):
        assert journal.find_run(run).status == "running"
    journal.append(run, RunEnded(status="failed", message="x"))
    assert journal.find_run(run).status == "failed"
    journal.append(run, RunResumed())
    assert journal.find_run(run).status == "interrupted"


def test_a_run_whose_process_died_is_given_its_end_once(journal):
    run = new_run(journal)
    with journal.lock(run):
        assert not journal.end_if_cut_off(run)
    assert journal.end_if_cut_off(run)
    assert not journal.end_if_cut_off(run)
    ended = journal.events(run)[1:]
    assert [(event.type, event.status) for event in ended] == [("run_ended", "interrupted")]


def test_events_have_the_journals_time_and_a_run_ends_when_it_was_last_heard_of(tmp_path):
    times = iter([100.0, 100.0, 130.0, 5000.0])
    journal = Journal(tmp_path / "journal.sqlite", clock=lambda: next(times))
    run = new_run(journal)
    assert journal.append(run, StepStarted(step=1)).at == 130.0
    assert journal.end_if_cut_off(run)
    assert [entry.at for entry in journal.entries(run)] == [100.0, 130.0, 130.0]
    assert journal.find_run(run).created == 100.0
    journal.close()


def test_an_ambiguous_or_unknown_run_is_bad_input(journal):
    with pytest.raises(BadInput, match="no run is recorded yet"):
        journal.find_run("last")
    new_run(journal)
    with pytest.raises(BadInput, match="no run has an id that begins with 'zz'"):
        journal.find_run("zz")


def test_a_killed_writer_loses_no_event_that_it_had_written(tmp_path):
    path = tmp_path / "journal.sqlite"
    with subprocess.Popen([sys.executable, "-c", WRITER, str(path)], stdout=subprocess.PIPE, text=True) as writer:
        assert writer.stdout is not None
        run = writer.stdout.readline().strip()
        seen = [int(writer.stdout.readline()) for _ in range(200)]
        os.kill(writer.pid, signal.SIGKILL)
        seen += [int(line) for line in writer.stdout.read().split("\n") if line.strip()]
    journal = Journal(path)
    steps = [event.step for event in journal.events(run) if isinstance(event, StepStarted)]
    assert steps == list(range(len(steps)))
    assert len(steps) >= len(seen)
    assert journal.find_run(run).status == "interrupted"
    journal.close()


def test_a_deleted_run_leaves_no_event(journal):
    run, other = new_run(journal), new_run(journal)
    journal.delete_run(run)
    assert [record.id for record in journal.runs()] == [other]
    assert journal.events(run) == []
    assert journal.events(other) == [RunResumed()]


def test_raw_entries_are_the_entries_as_json(journal):
    run = new_run(journal)
    journal.append(run, StepStarted(step=0))
    raw = journal.raw_entries(run, after=1)
    [entry] = journal.entries(run, after=1)
    assert [(seq, EventEntry.model_validate_json(text)) for seq, text in raw] == [
        (2, EventEntry(seq=2, at=entry.at, event=entry.event.model_dump()))
    ]


def test_an_unwritable_place_is_bad_input(tmp_path):
    blocked = tmp_path / "file"
    blocked.write_text("", encoding="utf-8")
    with pytest.raises(BadInput, match="cannot be opened"):
        Journal(blocked / "journal.sqlite")


@attempt("J1", "files", "Other users read the journal", veil="any")
def test_the_journal_is_for_its_owner_only(journal):
    assert journal.path.stat().st_mode & 0o077 == 0
