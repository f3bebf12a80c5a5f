from __future__ import annotations

import time
from pathlib import Path

import pytest

from interp_bench_ext.record.cell_events import CellAdded, CellEdited, CellOutput, KernelStarted
from interp_bench_ext.record.events import (
    AgentDelta,
    AgentReplied,
    ApprovalAsked,
    BudgetUsed,
    Event,
    Finding,
    FindingsSubmitted,
    MessageSent,
    RunEnded,
    RunPaused,
    RunResumed,
    RunStarted,
    Scored,
    StepStarted,
    ToolReturned,
)
from interp_bench_ext.record.figures import Figures
from interp_bench_ext.record.journal import Journal, new_run_id
from interp_bench_ext.record.scores import Score
from interp_bench_ext.runs.summary import Tally, summarise

STARTED = RunStarted(
    public={"agent": {"max_steps": 9, "max_cost_usd": 2}}, agent="playbook", seed=4, notebook="/n/x.ipynb"
)
NAMED = Score(kind="secret", correct=True, named=True, named_by=0, n_claims=1, false_claims=0)
REPLIED = AgentReplied(
    content=[],
    stop_reason="tool_use",
    input_tokens=10,
    output_tokens=5,
    cache_read_tokens=0,
    cache_write_tokens=0,
    cost_usd=0.25,
)
FOUND = FindingsSubmitted(findings=[Finding(claim="It adores the quokka", evidence=[])], summary="")


@pytest.fixture
def journal(tmp_path):
    journal = Journal(tmp_path / "journal.sqlite")
    yield journal
    journal.close()


def recorded(journal: Journal, *events: Event) -> str:
    run = new_run_id()
    journal.create_run(run, experiment="x", config=Path("c.yaml"), notebook=Path("/n/x.ipynb"), first=STARTED)
    for event in events:
        journal.append(run, event)
    return run


def summary(journal: Journal, run: str):
    tally = Tally().read_on(journal, run)
    return summarise(
        journal.find_run(run), tally, config="c", shown=lambda file: file.name, here=False, now=journal.clock()
    )


def test_a_run_in_a_list(journal):
    run = recorded(
        journal,
        KernelStarted(veil="sandboxed"),
        StepStarted(step=1),
        REPLIED,
        StepStarted(step=2),
        REPLIED,
        BudgetUsed(budget="steps", used=8, limit=10),
        FOUND,
        RunEnded(status="finished", message=""),
        Scored(score=NAMED),
    )
    shown = summary(journal, run)
    assert (shown.status, shown.here, shown.notebook, shown.veil) == ("finished", False, "x.ipynb", "sandboxed")
    used = shown.figures
    assert (used.steps, used.tokens, used.cost_usd, shown.findings) == (2, 30, 0.5, 1)
    assert shown.claims == ["It adores the quokka"]
    assert {meter.budget: meter.limit_text for meter in used.meters if meter.limit} == {"steps": "10", "cost": "$2"}
    assert (shown.agent, shown.seed, shown.verdict) == ("playbook", 4, "the secret is named")


def test_a_run_waits_only_while_it_is_driven(journal):
    asked = ApprovalAsked(approval="a", tool="run_cell", cell_id="c1", code="1")
    run = recorded(journal, asked)
    assert summary(journal, run).waiting is None
    with journal.lock(run):
        assert summary(journal, run).waiting == "approval"
        journal.append(run, RunPaused())
        assert summary(journal, run).waiting == "paused"


def test_why_a_run_ended_is_forgotten_when_it_goes_on(journal):
    run = recorded(journal, RunEnded(status="interrupted", message="stopped by the user"))
    assert summary(journal, run).message == "stopped by the user"
    journal.append(run, RunResumed())
    assert summary(journal, run).message == ""


def test_the_time_between_a_runs_end_and_its_score_is_not_the_runs():
    tally = Tally()
    for at, event in [
        (0, STARTED),
        (60, FOUND),
        (60, RunEnded(status="finished", message="")),
        (9e5, Scored(score=NAMED)),
    ]:
        tally.take(event, at)
    assert tally.figures.minutes() == 1


def test_what_is_left_unread_changes_nothing_but_the_clock(journal):
    unread = [
        AgentDelta(kind="text", text="x"),
        MessageSent(sender="person", text="x"),
        CellAdded(cell_id="c1", kind="code", source="x"),
        CellEdited(cell_id="c1", source="y"),
        ToolReturned(tool_use_id="t", content=[], is_error=False),
    ]
    events = [StepStarted(step=1), *unread, REPLIED, FOUND]
    run = recorded(journal, *events)
    whole = Figures()
    for entry in journal.entries(run):
        whole.apply(entry.event, entry.at)
    assert Tally().read_on(journal, run).figures == whole


def test_large_outputs_are_not_read_for_a_list(journal):
    png = {"output_type": "display_data", "data": {"image/png": "A" * 200_000}, "metadata": {}}
    run = recorded(journal, *[CellOutput(cell_id="c1", index=0, output=png)] * 200)
    began = time.process_time()
    Tally().read_on(journal, run)
    assert time.process_time() - began < 0.1
