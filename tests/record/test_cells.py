import pytest

from interp_bench_ext.record.cell_events import (
    CellAdded,
    CellEdited,
    CellFinished,
    CellOutput,
    CellOutputsCleared,
    CellStarted,
)
from interp_bench_ext.record.cells import Cells
from interp_bench_ext.record.events import RunEnded, RunResumed

from .vectors import VECTORS, Vector

ADDED = CellAdded(cell_id="c1", kind="code", source="x")
BEGAN = CellStarted(cell_id="c1")
ENDED = CellFinished(cell_id="c1", status="ok", execution_count=1, duration_s=1, organism_s=2)


@pytest.mark.parametrize("vector", VECTORS)
def test_cells_are_those_worked_out_by_hand(vector: Vector) -> None:
    cells = Cells.of(entry.event for entry in vector.entries)
    found = {
        cell.cell_id: {
            "kind": cell.kind,
            "status": cell.status,
            "stands": cell.stands,
            "outputs": len(cell.outputs),
            "organism_s": cell.organism_s,
        }
        for cell in cells.by_id.values()
    }
    assert found == vector.cells
    assert cells.running is None


def test_a_cell_edited_while_it_runs_is_no_evidence_until_it_has_run_again() -> None:
    cells = Cells.of([ADDED, BEGAN, CellEdited(cell_id="c1", source="y")])
    assert (cells.running, cells.by_id["c1"].status) == ("c1", "running")
    cells.apply(ENDED)
    assert not cells.asked_organism("c1")
    assert cells.ever_asked
    cells.apply(BEGAN)
    cells.apply(ENDED)
    assert cells.asked_organism("c1")


def test_a_run_that_ends_cuts_its_cell_off_until_the_end_is_recorded() -> None:
    cells = Cells.of([ADDED, BEGAN, RunEnded(status="interrupted", message=""), RunResumed()])
    cell = cells.by_id["c1"]
    assert (cells.running, cell.status, cell.cut_off) == (None, "interrupted", True)
    cells.apply(CellFinished(cell_id="c1", status="interrupted", execution_count=None, duration_s=0))
    assert (cell.status, cell.cut_off) == ("interrupted", False)


def test_a_killed_run_that_goes_on_finds_its_cell_cut_off() -> None:
    cell = Cells.of([ADDED, BEGAN, RunResumed()]).by_id["c1"]
    assert (cell.status, cell.cut_off) == ("interrupted", True)


def test_outputs_are_written_by_index_and_other_peoples_cells_are_passed_over() -> None:
    one, two = ({"output_type": "stream", "name": "stdout", "text": text} for text in "12")
    cells = Cells.of(
        [
            ADDED,
            BEGAN,
            CellOutput(cell_id="c1", index=0, output=one),
            CellOutput(cell_id="c1", index=1, output=one),
            CellOutput(cell_id="c1", index=0, output=two),
            CellOutput(cell_id="theirs", index=0, output=two),
        ]
    )
    assert list(cells.by_id) == ["c1"]
    assert cells.by_id["c1"].outputs == [two, one]
    assert cells.code("theirs") is None


def test_an_output_that_changes_after_the_cell_s_end_makes_it_no_evidence_until_it_has_run_again() -> None:
    shown = CellOutput(cell_id="c1", index=0, output={"output_type": "stream", "name": "stdout", "text": "1 of 48"})
    cells = Cells.of([ADDED, BEGAN, shown, ENDED])
    assert cells.asked_organism("c1")
    other = shown.model_copy(update={"output": {**shown.output, "text": "48 of 48"}})
    for change in (other, CellOutputsCleared(cell_id="c1")):
        changed = Cells.of([ADDED, BEGAN, shown, ENDED, change])
        assert not changed.asked_organism("c1")
        assert changed.by_id["c1"].stands == "its output changed after it had ended"
        for event in (BEGAN, shown, ENDED):
            changed.apply(event)
        assert changed.asked_organism("c1")
