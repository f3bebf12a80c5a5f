from __future__ import annotations

from interp_bench_ext.record.cell_events import (
    CellAdded,
    CellEdited,
    CellFinished,
    CellOutput,
    CellOutputsCleared,
    CellStarted,
    KernelStarted,
)
from interp_bench_ext.record.cells import Cell
from interp_bench_ext.record.events import (
    ContextEdited,
    HypothesisNoted,
    OrganismWentAway,
    ProviderWaiting,
    RunEnded,
    RunForked,
    RunResumed,
    StepStarted,
    ToolReturned,
)
from interp_bench_ext.report.fold import Note, Story, fold

from .sample_run import Recorder, call, stream, text, thinking


def notes(story: Story) -> list[tuple[str, str]]:
    return [(item.kind, item.text) for item in story.items if isinstance(item, Note)]


def noted(claim: str, status: str = "open") -> HypothesisNoted:
    return HypothesisNoted(claim=claim, status=status, evidence=[], effect_size=None, n=None)


def waited(seconds: float) -> ProviderWaiting:
    return ProviderWaiting(reason="Anthropic is overloaded", wait_s=seconds)


def test_a_cell_is_what_its_last_run_left():
    run = Recorder()
    run.cell("c1", "1/0", stream("first"), status="error")
    run.add(CellStarted(cell_id="c1"), CellOutput(cell_id="c1", index=0, output=stream("a")))
    run.add(CellOutput(cell_id="c1", index=0, output=stream("b")))
    run.add(CellFinished(cell_id="c1", status="ok", execution_count=2, duration_s=0.5))
    run.add(CellAdded(cell_id="c1", kind="code", source="again"), CellStarted(cell_id="gone"))
    story = fold(run.rows)
    cell = story.cells.by_id["c1"]
    assert (cell.source, cell.status, cell.execution_count) == ("1/0", "ok", 2)
    assert cell.outputs == [stream("b")]
    assert [item for item in story.items if isinstance(item, Cell)] == [cell]
    run.add(CellOutputsCleared(cell_id="c1"))
    assert fold(run.rows).cells.by_id["c1"].outputs == []


def test_of_no_events_there_is_an_empty_story():
    story = fold([])
    assert (story.first, story.started, story.findings, story.step, story.items) == (None, None, None, 0, [])


def test_words_and_thoughts_are_told_and_blank_ones_are_not():
    run = Recorder()
    run.step(1, thinking("A plan."), thinking(" "), text("\n"), text("I look."), call("run_cell"))
    story = fold(run.rows)
    assert notes(story) == [("thinking", "A plan."), ("text", "I look.")]
    assert story.steps[0].tools == ["run_cell"]


def test_a_step_that_is_asked_for_again_after_a_resume_is_one_step():
    run = Recorder()
    run.begin()
    run.add(StepStarted(step=1), RunEnded(status="failed", message="no network"), RunResumed())
    resumed = fold(run.rows)
    assert (resumed.status, resumed.message) == ("running", "")
    run.step(1, text("Now."))
    story = fold(run.rows)
    assert [step.number for step in story.steps] == [1]
    assert ("run", "The run was resumed here.") in notes(story)


def test_cells_belong_to_the_step_that_added_them_and_errors_to_the_one_that_was_told():
    run = Recorder()
    run.prose("m0", "before any step")
    run.step(1, call())
    run.cell("c1", "1")
    run.step(2, call())
    run.add(ToolReturned(tool_use_id="t", content=[text("wrong")], is_error=True))
    story = fold(run.rows)
    assert story.step_of == {"m0": 0, "c1": 1}
    assert [[cell.cell_id for cell in step.cells] for step in story.steps] == [["c1"], []]
    assert [step.errors for step in story.steps] == [0, 1]


def test_a_steps_seconds_are_those_in_which_the_run_was_driven():
    run = Recorder()
    run.begin()
    run.add(StepStarted(step=1))
    run.add(noted("a"), after_s=30)
    run.add(RunEnded(status="interrupted", message=""), after_s=2)
    run.add(RunResumed(), after_s=5_000)
    run.add(noted("b"), after_s=1)
    assert round(fold(run.rows).steps[0].seconds, 3) == 33


def test_what_a_cell_shows_after_its_end_changes_it():
    run = Recorder()
    run.cell("c1", "1", stream("a"))
    assert fold(run.rows).changed_seq == {}
    run.add(CellOutput(cell_id="c1", index=1, output=stream("late")))
    late = fold(run.rows).changed_seq["c1"]
    assert late == len(run.rows)
    run.add(CellEdited(cell_id="c1", source="2"))
    assert fold(run.rows).changed_seq == {"c1": late + 1}


def test_a_fork_keeps_cells_and_hypotheses_and_counts_its_own_steps():
    run = Recorder()
    run.step(1, call())
    run.cell("c1", "1")
    run.add(noted("It hums."), RunForked(parent="r0", cell_id="c1"))
    run.step(1, call())
    story = fold(run.rows)
    assert [step.number for step in story.steps] == [1]
    assert story.steps[0].cells == []
    assert list(story.hypotheses) == ["It hums."]
    assert notes(story) == [
        ("run", "This run is a fork: everything up to here is a copy of run r0, up to cell c1."),
    ]


def test_readings_of_one_claim_stand_together():
    run = Recorder()
    run.add(StepStarted(step=1), noted("a"), StepStarted(step=2), noted("b"), noted("a", "refuted"))
    story = fold(run.rows)
    assert [(reading.step, reading.event.status) for reading in story.hypotheses["a"]] == [(1, "open"), (2, "refuted")]
    assert [reading.step for reading in story.hypotheses["b"]] == [2]


def test_what_happened_to_the_run_is_told():
    run = Recorder()
    run.add(OrganismWentAway(reason="killed.", restarting=False), KernelStarted(veil="process", restored_cells=3))
    run.add(ContextEdited(kind="compacted", before=4, summary="s", tokens=9), waited(2.5), waited(1.5))
    story = fold(run.rows)
    assert [words for _, words in notes(story)] == [
        "The organism was lost: killed.",
        "A new kernel ran 3 earlier cells again.",
        "The conversation with the agent became long and was summarised here.",
    ]
    assert (story.veil, story.waited_s) == ("process", 4.0)
