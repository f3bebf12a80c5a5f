from __future__ import annotations

from pathlib import Path

import pytest

from interp_bench_ext.errors import InterpBenchError
from interp_bench_ext.record.events import Event, RunStarted, StepStarted
from interp_bench_ext.record.journal import Journal
from interp_bench_ext.runs.recorder import Recorder

START = RunStarted(public={}, agent="playbook", seed=0, notebook="/n.ipynb")


def test_whoever_hears_of_an_event_finds_it_in_journal_and_state(tmp_path: Path):
    journal = Journal(tmp_path / "journal.sqlite")
    journal.create_run("r", experiment="x", config=Path("c"), notebook=Path("/n.ipynb"), first=START)
    heard: list[tuple[str, int, int]] = []

    def listener(event: Event) -> None:
        heard.append((event.type, journal.last_seq("r"), recorder.state.figures.steps))

    recorder = Recorder(journal, "r", listener)
    recorder(StepStarted(step=1))
    assert heard == [("step_started", 2, 1)]
    recorder.saw(next(journal.entries("r")))
    assert heard[1:] == [("run_started", 2, 1)], "what is recorded already is not recorded again"
    journal.close()


def test_what_cannot_be_recorded_is_heard_of_by_nobody(tmp_path: Path):
    journal = Journal(tmp_path / "journal.sqlite")
    heard: list[Event] = []
    recorder = Recorder(journal, "r", heard.append)
    journal.close()
    with pytest.raises((InterpBenchError, Exception), match="closed"):
        recorder(StepStarted(step=1))
    assert (heard, recorder.state.figures.steps) == ([], 0)
