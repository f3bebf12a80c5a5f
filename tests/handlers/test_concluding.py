from __future__ import annotations

from pathlib import Path

import pytest

from interp_bench_ext.errors import NotNow
from interp_bench_ext.handlers.concluding import comparison, score_run
from interp_bench_ext.record.events import Event, Finding, FindingsSubmitted, RunEnded, RunStarted, Scored
from interp_bench_ext.record.journal import Journal, RunRecord

FOUND = FindingsSubmitted(findings=[Finding(claim="It adores the polecat.", evidence=["c1"])], summary="A polecat.")
END = RunEnded(status="finished", message="")


def recorded(
    folder: Path, *events: Event, evaluation: str = "{ground_truth: {secret: s, aliases: [polecat]}}"
) -> RunRecord:
    config, notebook = folder / "fern.yaml", folder / "n.ipynb"
    model = "{name: a/b, execution_mode: local}"
    config.write_text(f"experiment_name: fern\nmodel: {model}\ntask: t\nevaluation: {evaluation}\n", encoding="utf-8")
    notebook.write_text("{}", encoding="utf-8")
    journal = Journal(folder / "journal.sqlite")
    first = RunStarted(public={}, agent="playbook", seed=0, notebook=str(notebook))
    journal.create_run("r1", experiment="fern", config=config, notebook=notebook, first=first, then=events)
    record = journal.find_run("r1")
    journal.close()
    return record


@pytest.mark.parametrize(
    ("events", "evaluation", "said"),
    [
        ((END,), "{ground_truth: {secret: s, aliases: [polecat]}}", "it has submitted no findings"),
        ((FOUND, END), "null", "its config has no evaluation"),
    ],
)
def test_what_cannot_be_scored_says_why(tmp_path: Path, events: tuple[Event, ...], evaluation: str, said: str):
    record = recorded(tmp_path, *events, evaluation=evaluation)
    with pytest.raises(NotNow, match=f"run r1 cannot be scored: {said}"):
        score_run(tmp_path / "journal.sqlite", record, None)


def test_a_run_that_is_driven_is_not_scored(tmp_path: Path):
    record = recorded(tmp_path, FOUND)
    journal = Journal(tmp_path / "journal.sqlite")
    with journal.lock("r1"):
        running = journal.find_run("r1")
        assert running.status == "running"
        with pytest.raises(NotNow, match="run r1 is still under way; it can be scored when it has ended"):
            score_run(tmp_path / "journal.sqlite", running, None)
    journal.close()
    assert record.id == "r1"


def test_a_score_is_recorded_and_stands_in_a_comparison(tmp_path: Path):
    score_run(tmp_path / "journal.sqlite", recorded(tmp_path, FOUND, END), None)
    journal = Journal(tmp_path / "journal.sqlite")
    scored = journal.last("r1", Scored)
    journal.close()
    assert scored is not None
    assert scored.score.named
    assert comparison(tmp_path / "journal.sqlite", "r1").secrets.k == 1
    assert (tmp_path / "n-report-r1.html").is_file()
