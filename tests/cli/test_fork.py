"""Forks from the command line, with a real kernel and a tiny model."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from interp_bench_ext.notebook.closing import is_closing
from interp_bench_ext.record.cell_events import CellFinished, KernelStarted
from interp_bench_ext.record.events import Event, HypothesisNoted, RunForked
from interp_bench_ext.record.figures import Figures
from interp_bench_ext.record.journal import Journal, RunRecord
from interp_bench_ext.runs.fork import past_of
from tests.agent.messages_server import MessagesServer
from tests.investigating import Bench, cell_ids, make_bench, scripted

FORKER = """
import asyncio, os, signal, sys, time
from pathlib import Path
from interp_bench_ext.models.key import Key
from interp_bench_ext.config import load_config
from interp_bench_ext.organisms.pool import OrganismPool
from interp_bench_ext.record.journal import Journal
from interp_bench_ext.runs.environment import own_notebook
from interp_bench_ext.runs import Services, carry_through, start

kill_at, stamped = int(sys.argv[1]), 0

def clock():
    global stamped
    stamped += 1
    if stamped == kill_at:
        os.kill(os.getpid(), signal.SIGKILL)
    return time.time()

journal = Journal(clock=clock)
parent = journal.find_run(sys.argv[2])
services = Services(
    journal=journal, key=Key.from_environment(), organisms=OrganismPool(idle_s=60, at_most=1), notebook=own_notebook
)
environment = services.environment("fork")
run = start.fork(load_config(parent.config), parent, at="c3", message=None, changes={}, environment=environment,
                 out=Path(sys.argv[3]))
asyncio.run(services.carry(carry_through(run, journal)))
"""


@pytest.fixture
def server():
    with MessagesServer(scripted) as server:
        yield server


@pytest.fixture
def bench(tmp_path, server):
    return make_bench(tmp_path, server)


@pytest.fixture
def journal(bench):
    journal = bench.journal()
    yield journal
    journal.close()


def fork(bench: Bench, run: str, *arguments: str) -> RunRecord:
    done = bench.command("fork", run, "--out", str(bench.out), "--json", *arguments)
    journal = bench.journal()
    record = journal.find_run(json.loads(done.stdout)["run"])
    journal.close()
    return record


def forked(events: list[Event]) -> list[tuple[str, str]]:
    return [(event.parent, event.cell_id) for event in events if isinstance(event, RunForked)]


def cells(record: RunRecord) -> list[str]:
    *found, last = cell_ids(json.loads(record.notebook.read_text(encoding="utf-8")), record.id)
    assert is_closing(last, record.id)
    return found


def used(journal: Journal, record: RunRecord) -> Figures:
    figures = Figures()
    for entry in journal.entries(record.id):
        figures.apply(entry.event, entry.at)
    return figures


@pytest.mark.slow
def test_a_fork_goes_its_own_way_and_leaves_its_parent_as_it_was(bench, server, journal):
    bench.command("run", str(bench.config), "--out", str(bench.out), "--json")
    parent = bench.record()
    events, notebook = journal.events(parent.id), parent.notebook.read_bytes()
    asked = len(server.requests)

    first = fork(bench, parent.id, "--at", "c3", "--message", "Try the logit lens instead.", "--max-steps", "8")
    assert forked(journal.events(first.id)) == [(parent.id, "c3")]
    assert "Try the logit lens instead." in json.dumps(server.requests[asked]["messages"][-1])
    assert sum(message["role"] == "assistant" for message in server.requests[asked]["messages"]) == 1
    assert len(server.requests) - asked == used(journal, first).steps == 4
    assert used(journal, first).input_tokens == 4 * 10
    own = journal.events(first.id)
    assert [event.restored_cells for event in own if isinstance(event, KernelStarted)] == [0, 2]
    assert [event.cell_id for event in own if isinstance(event, CellFinished)] == ["setup", "c3", "c5", "c6"]
    assert f"copy of run {parent.id}" in first.notebook.read_text(encoding="utf-8")

    second = fork(bench, first.id)
    assert forked(journal.events(second.id)) == [(first.id, "c6")]
    assert used(journal, second).steps == 2
    assert cells(second) == cells(first) == cells(parent) == ["intro", "setup", "c3", "c4", "c5", "c6"]

    assert (journal.events(parent.id), parent.notebook.read_bytes()) == (events, notebook)
    journal.delete_run(parent.id)
    parent.notebook.unlink()
    shown = json.loads(bench.command("show", first.id, "--json").stdout)
    assert (shown["status"], shown["forked_from"], shown["steps"]) == ("finished", parent.id, 4)
    assert f"copy of run {parent.id}, up to cell c3" in Path(shown["report"]).read_text(encoding="utf-8")
    assert any(isinstance(event, HypothesisNoted) for event in journal.events(first.id))

    refused = bench.command("fork", first.id, "--at", "c99", expect=2).stderr
    assert "no cell 'c99' that has ended; choose one of intro, setup, c3, c4, c5, c6" in refused
    assert "writes a notebook of its own" in fork_refused(bench, first, "--notebook", str(first.notebook))
    assert "cannot go on with another agent's work" in fork_refused(bench, first, "--agent", "playbook")
    assert len(journal.runs()) == 2


def fork_refused(bench: Bench, record: RunRecord, *arguments: str) -> str:
    return bench.command("fork", record.id, *arguments, expect=2).stderr


@pytest.mark.slow
def test_a_fork_that_is_killed_leaves_no_run_or_one_that_can_go_on(bench, journal):
    bench.command("run", str(bench.config), "--out", str(bench.out), "--json")
    parent = bench.record()

    def killed(at: int) -> None:
        bench.python("-c", FORKER, str(at), parent.id, str(bench.out), expect=-9)

    # The first stamp is that of the run itself, the others are those of what it begins with.
    begins_with = ["run_started", *past_of(journal.events(parent.id), run=parent.id, at="c3").events, "run_forked"]
    killed(1 + len(begins_with))
    assert [record.id for record in journal.runs()] == [parent.id]
    killed(2 + len(begins_with))
    [record] = [record for record in journal.runs() if record.id != parent.id]
    assert (record.status, len(journal.events(record.id))) == ("interrupted", len(begins_with))
    bench.command("resume", record.id)
    assert used(journal, record).steps == 4
    assert cells(record) == ["intro", "setup", "c3", "c4", "c5", "c6"]
