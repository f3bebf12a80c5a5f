from __future__ import annotations

import json
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from interp_bench_ext.agent.state import RunState
from interp_bench_ext.notebook.closing import closing, gone_on, is_closing
from interp_bench_ext.record.cell_events import CellAdded, CellFinished, KernelStarted
from interp_bench_ext.record.events import AgentReplied, OrganismUsed, RunEnded, RunResumed, RunStarted
from interp_bench_ext.sandbox.bubblewrap import sandbox_available
from tests.agent.messages_server import MessagesServer
from tests.investigating import SECRET, STEPS, Bench, cell_ids, make_bench, scripted

CELLS = ["intro", "setup", "c3", "c4", "c5", "c6"]


@pytest.fixture
def server():
    with MessagesServer(scripted) as server:
        yield server


@pytest.fixture
def bench(tmp_path, server):
    return make_bench(tmp_path, server)


def printed(bench: Bench) -> str:
    outputs = [output for cell in bench.notebook()["cells"] for output in cell.get("outputs", [])]
    return "".join("".join(output.get("text", "")) for output in outputs)


def check_whole(bench: Bench) -> None:
    """The run is finished, and no cell and no event of it is missing or there twice."""
    run = bench.record().id
    ends = {cell["id"]: "".join(cell["source"]) for cell in bench.notebook()["cells"] if is_closing(cell["id"], run)}
    ids = cell_ids(bench.notebook(), run)
    assert [name for name in ids if name not in ends] == CELLS
    assert ids[-1] in ends
    finished = closing(run=run, status="finished", message="", fresh_kernel=False)
    assert list(ends.values()) == [*[gone_on(run)] * (len(ends) - 1), finished]
    assert printed(bench).count("texts: 2") == 1
    assert printed(bench).count("texts again: 2") == 1
    journal = bench.journal()
    record = journal.runs()[0]
    assert record.status == "finished"
    entries = list(journal.entries(record.id))
    assert [entry.seq for entry in entries] == list(range(1, len(entries) + 1))
    events = [entry.event for entry in entries]
    assert [event.cell_id for event in events if isinstance(event, CellAdded)] == CELLS
    assert sum(isinstance(event, AgentReplied) for event in events) == len(STEPS)
    state = RunState()
    for entry in entries:
        state.apply(entry.event, entry.at)
    assert (state.figures.steps, state.figures.input_tokens, state.figures.output_tokens) == (
        len(STEPS),
        10 * len(STEPS),
        5 * len(STEPS),
    )
    journal.close()


def test_a_run_from_the_command_line(bench, server):
    done = bench.command("run", str(bench.config), "--out", str(bench.out), "--json")
    summary = json.loads(done.stdout)
    assert done.stderr == ""
    assert summary["status"] == "finished"
    assert summary["findings"][0]["evidence"] == ["c3", "c5"]
    assert summary["score"]["named"] is True
    assert Path(summary["report"]).read_text(encoding="utf-8").startswith("<!")
    assert summary["veil"] == ("sandboxed" if sandbox_available() is None else "process")
    check_whole(bench)
    check_nothing_sealed_was_seen(bench, server)
    check_every_command(bench)


def check_nothing_sealed_was_seen(bench: Bench, server: MessagesServer) -> None:
    """Neither secret nor key nor model path is in what the agent or its kernel could see, or in what is shown later."""
    journal = bench.journal()
    shown = [
        entry.event.model_dump_json() for entry in journal.entries(bench.record().id) if entry.event.type != "scored"
    ]
    journal.close()
    shown += [json.dumps(request) for request in server.requests]
    shown += [bench.record().notebook.read_text(encoding="utf-8")]
    for path in bench.record().notebook.parent.rglob("*"):
        if path.is_file():
            shown.append(path.read_bytes().decode("utf-8", "replace"))
    for text in shown:
        assert SECRET not in text
        assert "sk-test-marker" not in text
        assert str(bench.folder / "model") not in text


def check_every_command(bench: Bench) -> None:
    assert "the secret is named" in bench.command("runs").stdout
    assert json.loads(bench.command("show", "last", "--json").stdout)["config"] == str(bench.config)
    assert json.loads(bench.command("score", "last", "--json").stdout)["comparison"]["secrets"]["k"] == 1
    assert "it adores the quokka" in bench.command("reveal", "last").stdout
    assert bench.command("report", "last").stdout.strip().endswith(".html")
    assert "only an interrupted or failed run" in bench.command("resume", "last", expect=2).stderr


@pytest.mark.parametrize("kill_at", [13, *(pytest.param(at, marks=pytest.mark.slow) for at in (18, 28))])
def test_a_killed_run_goes_on(bench, kill_at):
    bench.drive(kill_at=kill_at, expect=-9)
    assert bench.record().status == "interrupted"
    assert bench.drive().stdout.startswith("finished")
    check_whole(bench)


@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_a_run_killed_anywhere_goes_on(bench, tmp_path, server):
    whole = int(bench.drive().stdout.split()[1])
    for kill_at in range(1, whole, 3):  # at the last event the run has ended
        again = make_bench(tmp_path / str(kill_at), server)
        again.drive(kill_at=kill_at, expect=-9)
        again.drive()
        check_whole(again)


@pytest.mark.slow
def test_a_budget_cuts_a_run_short_and_a_larger_one_lets_it_go_on(bench):
    done = bench.command("run", str(bench.config), "--out", str(bench.out), "--max-steps", "2", "--json", expect=1)
    assert json.loads(done.stdout)["message"] == "the budget of 2 steps is used up"
    bench.command("resume", "last", "--max-steps", "12", "--json")
    check_whole(bench)
    journal = bench.journal()
    events = journal.events(bench.record().id)
    journal.close()
    assert [event.status for event in events if isinstance(event, RunEnded)] == ["interrupted", "finished"]
    assert sum(isinstance(event, RunResumed) for event in events) == 1
    assert [event.restored_cells for event in events if isinstance(event, KernelStarted)][-1] == 3
    assert sum(isinstance(event, RunStarted) for event in events) == 1
    assert sum(isinstance(event, CellFinished) for event in events) == 4
    assert sum(event.busy_s for event in events if isinstance(event, OrganismUsed)) > 0


@pytest.mark.slow
def test_ctrl_c_leaves_a_run_that_can_go_on(bench):
    command = [sys.executable, "-m", "interp_bench_ext", "run", str(bench.config), "--out", str(bench.out)]
    with subprocess.Popen(
        command, env=bench.environment, cwd=bench.folder, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stderr is not None
        while "setup" not in process.stderr.readline():
            pass
        process.send_signal(signal.SIGINT)
        rest = process.stderr.read()
    assert process.returncode == 130
    assert "Traceback" not in rest
    assert bench.record().status == "interrupted"
    bench.command("resume", "last")
    check_whole(bench)


@pytest.mark.slow
def test_without_bubblewrap_a_run_is_weaker_and_says_so(bench):
    bench.environment["PATH"] = str(Path(sys.executable).parent)
    done = bench.command("run", str(bench.config), "--out", str(bench.out))
    assert "kernel started (process)" in done.stderr
    assert "apt-get install bubblewrap" in done.stderr
    check_whole(bench)


@pytest.mark.slow
def test_a_run_without_a_key_leaves_nothing_behind(bench):
    bench.environment.pop("ANTHROPIC_API_KEY")
    done = bench.command("run", str(bench.config), "--out", str(bench.out), expect=2)
    assert "set ANTHROPIC_API_KEY, or run with --agent playbook" in done.stderr
    assert "Traceback" not in done.stderr
    assert not bench.out.exists()
    assert "tiny" not in bench.command("runs").stdout
