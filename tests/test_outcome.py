from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from interp_bench_ext.config import load_config
from interp_bench_ext.errors import BadInput
from interp_bench_ext.outcome import comparison, conclude, read_outcome, report_page, score_run, write_report
from interp_bench_ext.record.cell_events import KernelStarted
from interp_bench_ext.record.events import AgentReplied, Event, Finding, FindingsSubmitted, RunEnded, RunStarted, Scored
from interp_bench_ext.record.journal import Journal, RunRecord

TRUTH = "{ground_truth: {secret: it adores the polecat, aliases: [polecat]}}"
FOUND = FindingsSubmitted(findings=[Finding(claim="It adores the polecat.", evidence=["c1"])], summary="A polecat.")
END = RunEnded(status="finished", message="")


def replied(model: str | None, *, read: int = 0, cost: float | None = 0.25) -> AgentReplied:
    return AgentReplied(
        content=[], stop_reason="end_turn", input_tokens=60, output_tokens=5, cache_read_tokens=read,
        cache_write_tokens=10, cost_usd=cost, served_model=model,
    )  # fmt: skip


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[Journal]:
    journal = Journal(tmp_path / "journal.sqlite")
    yield journal
    journal.close()


def config(folder: Path, evaluation: str = TRUTH) -> Path:
    file = folder / "fern.yaml"
    model = "{name: org/a-model-of-nine, execution_mode: local}"
    file.write_text(f"experiment_name: fern\nmodel: {model}\ntask: Look.\nevaluation: {evaluation}\n")
    return file


def recorded(journal: Journal, folder: Path, *events: Event, run: str = "r1") -> RunRecord:
    notebook = folder / f"{run}.ipynb"
    notebook.write_text("{}")
    first = RunStarted(public={"agent": {"max_steps": 9}}, agent="mcp Ada", seed=4, notebook=str(notebook))
    journal.create_run(run, experiment="fern", config=folder / "fern.yaml", notebook=notebook, first=first, then=events)
    return journal.find_run(run)


def concluded(journal: Journal, record: RunRecord, folder: Path, evaluation: str = TRUTH):
    return asyncio.run(conclude(journal, record, load_config(config(folder, evaluation))))


def test_an_outcome_is_what_the_journal_tells(journal: Journal, tmp_path: Path):
    replies = (replied("claude-x", read=30), replied("claude-x"), replied(None))
    record = recorded(journal, tmp_path, KernelStarted(veil="sandboxed"), *replies, FOUND, END)
    told = read_outcome(journal, record).summary()
    assert (told["run"], told["status"], told["agent"], told["seed"]) == ("r1", "finished", "mcp Ada", 4)
    assert told["tokens"] == {"input": 180, "cache_read": 30, "cache_write": 30, "output": 15}
    assert (told["cost_usd"], told["cache_read_share"]) == (0.75, 0.125)
    assert told["budgets"]["steps"] == "0 of 9"
    assert told["client_reach"] == "client: Ada, its own tools not confined"
    assert told["findings"][0]["claim"] == "It adores the polecat."
    assert told["provenance"] == {"weights": "", "revisions": [], "programs": [], "served_models": {"claude-x": 2}}
    assert (told["score"], told["report"]) == (None, str(tmp_path / "r1-report-r1.html"))


def test_of_a_run_that_has_only_begun_nothing_is_made_up(journal: Journal, tmp_path: Path):
    outcome = read_outcome(journal, recorded(journal, tmp_path))
    told = outcome.summary()
    assert (told["tokens"], told["cache_read_share"], told["findings"], told["summary"]) == ({}, None, None, None)
    assert (outcome.verdict, outcome.veil_line, outcome.message) == ("", "", "")
    unknown = read_outcome(journal, recorded(journal, tmp_path, replied(None, cost=None), run="r2")).summary()
    assert unknown["cost_usd"] is None


def test_a_run_is_scored_once_and_its_report_is_beside_it(journal: Journal, tmp_path: Path):
    record = recorded(journal, tmp_path, FOUND, END)
    outcome = concluded(journal, record, tmp_path)
    assert outcome.verdict == "the secret is named"
    assert outcome.report.is_file()
    other = concluded(journal, record, tmp_path, TRUTH.replace("[polecat]", "[otter]"))
    assert other.score == outcome.score
    assert sum(isinstance(event, Scored) for event in journal.events("r1")) == 1


def test_without_findings_or_a_truth_there_is_no_score_but_a_report(journal: Journal, tmp_path: Path):
    unfinished = concluded(journal, recorded(journal, tmp_path, END), tmp_path)
    assert (unfinished.score, unfinished.report.is_file()) == (None, True)
    without = concluded(journal, recorded(journal, tmp_path, FOUND, END, run="r2"), tmp_path, "null")
    assert without.score is None
    assert asyncio.run(score_run(None, load_config(config(tmp_path)), None, seed=0)) is None


def test_a_report_that_cannot_be_written_is_one_sentence_and_the_score_stands(journal: Journal, tmp_path: Path):
    record = recorded(journal, tmp_path, FOUND, END)
    (tmp_path / "r1-report-r1.html").mkdir()
    with pytest.raises(BadInput, match=r"^the report cannot be written beside r1\.ipynb \(.*\); make its folder writ"):
        concluded(journal, record, tmp_path)
    assert read_outcome(journal, record).verdict == "the secret is named"


def test_a_report_is_written_where_no_agents_code_can_be(journal: Journal, tmp_path: Path):
    inside = tmp_path / "x_files"
    inside.mkdir()
    (tmp_path / "x.ipynb").touch()
    with pytest.raises(BadInput):
        write_report(journal, recorded(journal, inside, END))


def test_a_comparison_is_on_the_page_of_a_scored_run_only(journal: Journal, tmp_path: Path):
    record = recorded(journal, tmp_path, FOUND, END)
    assert "secrets named" not in report_page(journal, record)
    concluded(journal, record, tmp_path)
    assert "secrets named" in report_page(journal, record)


def test_a_run_without_a_condition_is_compared_with_itself_alone(journal: Journal, tmp_path: Path):
    for run in ("r1", "r2"):
        concluded(journal, recorded(journal, tmp_path, FOUND, END, run=run), tmp_path)
    alone = comparison(journal, "r1")
    assert (alone.condition, alone.secrets.runs, alone.secrets.k) == ("", 1, 1)
