from __future__ import annotations

from interp_bench_ext.agent.ledger import Ledger
from interp_bench_ext.agent.state import RunState
from interp_bench_ext.record.cell_events import CellAdded, CellEdited, CellFinished, CellStarted
from interp_bench_ext.record.cells import Cells
from interp_bench_ext.record.events import Event, FindingsRefused, HypothesisNoted, MessageSent


def noted(claim: str, status: str = "open", **numbers) -> HypothesisNoted:
    return HypothesisNoted(claim=claim, status=status, **{"evidence": [], "effect_size": None, "n": None, **numbers})


def ledger_of(*events: Event) -> tuple[Ledger, Cells]:
    ledger, cells = Ledger(), Cells()
    for event in events:
        ledger.apply(event)
        cells.apply(event)
    return ledger, cells


def text_of(*events: Event) -> str:
    ledger, cells = ledger_of(*events)
    return ledger.text(cells)


def test_of_nothing_it_says_that_there_is_nothing():
    assert text_of() == "## Hypotheses\nNone was noted.\n\n## Cells of the notebook\nThere are none."


def test_a_hypothesis_is_told_as_it_was_last_noted():
    ledger, _ = ledger_of(
        noted("It hums."),
        noted("It sings."),
        noted("It hums.", "supported", evidence=["c1", "c2"], effect_size=0.8125, n=32),
    )
    assert ledger.hypothesis_lines == [
        "- supported: It hums. (evidence: c1, c2; effect size: 0.8125; n: 32)",
        "- open: It sings. (evidence: none)",
    ]


def test_what_the_person_said_is_kept_and_what_the_run_said_is_not():
    shown = text_of(
        MessageSent(sender="person", text="Try\u2026" + "x" * 5_000), MessageSent(sender="run", text="steps")
    )
    assert "## What the person said\n- Try\u2026xxx" in shown
    assert "steps" not in shown
    assert len(shown) < 4_200


def test_only_the_last_refusal_counts():
    shown = text_of(FindingsRefused(problems=["old"]), FindingsRefused(problems=["no control", "no n"]))
    assert shown.endswith("## What the validity check missed in the findings\n- no control\n- no n")
    assert "old" not in shown


def test_a_cell_is_one_line_its_first_that_says_anything():
    shown = text_of(
        CellAdded(cell_id="c1", kind="code", source="\n  # Counts words. \nfor x in y:\n    1"),
        CellAdded(cell_id="m1", kind="markdown", source=""),
        CellAdded(cell_id="c2", kind="code", source="y" * 200),
    )
    lines = shown.split("## Cells of the notebook\n")[1].splitlines()
    assert lines == ["- c1 (code, not run): # Counts words.", "- m1 (markdown): ", f"- c2 (code, not run): {'y' * 140}"]


def test_of_very_many_cells_the_newest_are_listed():
    shown = text_of(*(CellAdded(cell_id=f"c{number}", kind="code", source="1") for number in range(1, 305)))
    assert "- 4 older cells; read_notebook() lists them.\n- c5 (code" in shown
    assert shown.endswith("- c304 (code, not run): 1")


def test_the_ledger_tells_of_a_cell_only_what_its_source_has_shown():
    state, at = RunState(), 0.0
    state.apply(CellAdded(cell_id="c3", kind="code", source="1 / 0"), at)
    lines = []
    for event in (
        CellStarted(cell_id="c3"),
        CellFinished(cell_id="c3", status="error", execution_count=1, duration_s=1),
        CellStarted(cell_id="c3"),
        CellEdited(cell_id="c3", source="1 / 1"),  # while it runs
        CellFinished(cell_id="c3", status="error", execution_count=2, duration_s=1),
    ):
        state.apply(event, at)
        lines += [line for line in state.ledger.text(state.cells).splitlines() if line.startswith("- c3")]
    assert lines == [
        "- c3 (code, running): 1 / 0",
        "- c3 (code, error): 1 / 0",
        "- c3 (code, running): 1 / 0",
        "- c3 (code, running): 1 / 1",
        "- c3 (code, changed since it ran): 1 / 1",
    ]
