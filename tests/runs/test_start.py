"""How a run comes about, with no organism and no notebook: what is recorded, and what is refused before anything is."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from interp_bench_ext.config import Experiment, load_config
from interp_bench_ext.errors import BadInput, WeakerVeil
from interp_bench_ext.organisms.pool import OrganismPool
from interp_bench_ext.record.cell_events import CellAdded, CellFinished, CellStarted, KernelStarted
from interp_bench_ext.record.events import Event, MessageSent, RunEnded, RunForked, RunResumed, RunStarted
from interp_bench_ext.record.journal import Journal, RunRecord
from interp_bench_ext.runs import Environment, start
from interp_bench_ext.runs.environment import unheard
from interp_bench_ext.runs.recorder import Listener
from interp_bench_ext.sandbox.bubblewrap import sandbox_available

CUT = RunEnded(status="interrupted", message="")
CELL = (
    CellAdded(cell_id="c1", kind="code", source="1"),
    CellStarted(cell_id="c1"),
    CellFinished(cell_id="c1", status="ok", execution_count=1, duration_s=1),
)


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[Journal]:
    journal = Journal(tmp_path / "journal.sqlite")
    yield journal
    journal.close()


def experiment(folder: Path, more: str = "") -> Experiment:
    file = folder / "fern.yaml"
    model = "{name: org/a-model-of-nine, execution_mode: local}"
    file.write_text(f"experiment_name: fern\nmodel: {model}\ntask: Look.\n{more}", encoding="utf-8")
    return load_config(file)


def environment(journal: Journal, listener: Listener = unheard) -> Environment:
    return Environment(journal=journal, organism=OrganismPool(idle_s=1, at_most=1).lease, listener=listener)


def begun(journal: Journal, folder: Path, *events: Event, more: str = "", **options: Any) -> RunRecord:
    """A run with these events, of which nobody holds the lock any more."""
    heard: list[Event] = []
    around = environment(journal, heard.append)
    run = start.begin(experiment(folder, more), environment=around, out=folder / "out", **options)
    assert heard == journal.events(run.id)
    run._lock.release()
    for event in events:
        journal.append(run.id, event)
    return journal.find_run(run.id)


def resumed(journal: Journal, folder: Path, record: RunRecord, **options: Any) -> list[Event]:
    given = {"limits": {}, **options}
    run = start.resume(experiment(folder), record, environment=environment(journal), **given)
    run._lock.release()
    return journal.events(run.id)


def test_a_run_is_recorded_before_it_is_driven(journal: Journal, tmp_path: Path):
    record = begun(journal, tmp_path)
    [started] = journal.events(record.id)
    assert isinstance(started, RunStarted)
    assert (started.agent, started.notebook) == ("playbook", str(record.notebook))
    assert record.notebook == tmp_path / "out" / f"fern-{record.id}" / "investigation.ipynb"
    assert started.provenance is not None
    assert "a-model-of-nine" not in started.model_dump_json()


def test_what_is_wrong_leaves_nothing_behind(journal: Journal, tmp_path: Path):
    (tmp_path / "file").touch()
    for wrong, said in (
        ({"notebook": tmp_path / "file" / "n.ipynb"}, "cannot be written"),
        ({"more": "agent: {provider: replay}\n"}, "needs the recorded run's id as agent.model"),
        ({"more": "agent: {provider: replay, model: '00'}\n"}, "no run"),
    ):
        with pytest.raises(BadInput, match=said):
            begun(journal, tmp_path, **wrong)
    assert journal.runs() == []


def test_a_replay_needs_a_decision_to_replay(journal: Journal, tmp_path: Path):
    record = begun(journal, tmp_path, CUT)
    with pytest.raises(BadInput, match="holds no decision of an agent yet"):
        start.replay(experiment(tmp_path), record, environment=environment(journal), out=tmp_path)


def test_a_technique_that_is_gone_is_named(journal: Journal, tmp_path: Path):
    known = experiment(tmp_path)
    gone = known.with_public(known.public.model_copy(update={"techniques": ("sample", "gone")}))
    with pytest.raises(BadInput, match="uses the technique gone, and there is no file gone.py any more"):
        start.begin(gone, environment=environment(journal), out=tmp_path)


def test_a_resume_is_recorded_with_its_new_limits(journal: Journal, tmp_path: Path):
    record = begun(journal, tmp_path, CUT)
    *_, event = resumed(journal, tmp_path, record, limits={"max_steps": 7}, notebook=tmp_path / "other.ipynb")
    assert isinstance(event, RunResumed)
    assert (event.limits, event.notebook) == ({"max_steps": 7}, str(tmp_path / "other.ipynb"))
    assert start.recorded_public(journal, record.id).agent.max_steps == 7
    journal.append(record.id, CUT)
    *_, again = resumed(journal, tmp_path, journal.find_run(record.id), limits={"max_minutes": 3})
    assert again.notebook is None
    agent = start.recorded_public(journal, record.id).agent
    assert (agent.max_steps, agent.max_minutes) == (7, 3), "the limits of earlier resumes still hold"


@pytest.mark.parametrize("status", ["finished", "running"])
def test_only_a_run_that_ended_early_is_resumed(journal: Journal, tmp_path: Path, status: str):
    ends = () if status == "running" else (RunEnded(status="finished", message=""),)
    run = begun(journal, tmp_path, *ends).id
    with journal.lock(run):
        record = journal.find_run(run)
        with pytest.raises(BadInput, match=f"is {status}; only an interrupted or failed run can be resumed"):
            resumed(journal, tmp_path, record)


def test_a_run_whose_folder_is_gone_is_told_how_to_go_on(journal: Journal, tmp_path: Path):
    record = begun(journal, tmp_path, KernelStarted(veil="process"), CUT)
    with pytest.raises(BadInput, match=f"`interp-bench resume {record.id} --notebook PATH`"):
        resumed(journal, tmp_path, record)


def test_no_two_processes_drive_one_run(journal: Journal, tmp_path: Path):
    record = begun(journal, tmp_path, CUT)
    with journal.lock(record.id), pytest.raises(BadInput, match="is being driven by another process"):
        resumed(journal, tmp_path, record)
    assert resumed(journal, tmp_path, record), "what was refused holds nothing"


def fork(journal: Journal, folder: Path, parent: RunRecord, **options: Any) -> list[Event]:
    given = {"at": None, "message": None, "changes": {}, "out": folder / "out", **options}
    run = start.fork(experiment(folder), parent, environment=environment(journal), **given)
    run._lock.release()
    return journal.events(run.id)


def test_a_fork_begins_with_its_past_and_what_it_is_told(journal: Journal, tmp_path: Path):
    parent = begun(journal, tmp_path, KernelStarted(veil="process"), *CELL)
    first, *_, own, told = fork(journal, tmp_path, parent, message="Look elsewhere.", weaker_veil=True)
    assert isinstance(first, RunStarted)
    assert own == RunForked(parent=parent.id, cell_id="c1")
    assert told == MessageSent(sender="person", text="Look elsewhere.")
    assert len(journal.runs()) == 2


def test_a_fork_writes_no_notebook_that_is_there(journal: Journal, tmp_path: Path):
    parent = begun(journal, tmp_path, *CELL)
    (tmp_path / "there.ipynb").touch()
    with pytest.raises(BadInput, match="is there already; a fork writes a notebook of its own"):
        fork(journal, tmp_path, parent, notebook=tmp_path / "there.ipynb")


@pytest.fixture
def without_bubblewrap(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """What is found out about the machine is found out once."""
    sandbox_available.cache_clear()
    monkeypatch.setenv("PATH", str(tmp_path))
    yield
    sandbox_available.cache_clear()


def test_code_of_a_sandbox_runs_nowhere_weaker_unasked(journal: Journal, tmp_path: Path, without_bubblewrap):
    parent = begun(journal, tmp_path, KernelStarted(veil="sandboxed"), *CELL, CUT)
    with pytest.raises(WeakerVeil):
        fork(journal, tmp_path, parent)
    with pytest.raises(WeakerVeil):
        resumed(journal, tmp_path, parent, notebook=tmp_path / "n.ipynb")
