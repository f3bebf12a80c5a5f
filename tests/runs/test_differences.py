"""What counts as a difference between a recorded run and its replay."""

from __future__ import annotations

from typing import Any

import pytest

from interp_bench_ext.record.cell_events import CellAdded, CellEdited, CellFinished, CellOutput, CellStarted
from interp_bench_ext.record.events import Event
from interp_bench_ext.results.kit.bundles import CHART
from interp_bench_ext.runs.differences import Comparison, compare_runs


def cell(*outputs: dict[str, Any], status: Any = "ok", source: str = "x", cell_id: str = "intro") -> list[Event]:
    return [
        CellAdded(cell_id=cell_id, kind="code", source=source),
        CellStarted(cell_id=cell_id),
        *(CellOutput(cell_id=cell_id, index=index, output=output) for index, output in enumerate(outputs)),
        CellFinished(cell_id=cell_id, status=status, execution_count=1, duration_s=1.0),
    ]


def printed(text: str, name: str = "stdout") -> dict[str, Any]:
    return {"output_type": "stream", "name": name, "text": text}


def display(**data: Any) -> dict[str, Any]:
    data = {form.replace("_", "/", 1): value for form, value in data.items()}
    return {"output_type": "display_data", "data": data, "metadata": {}}


def chart(value: float, picture: str = "AAAA", word: str = "bee") -> dict[str, Any]:
    spec = {"mark": "rect", "data": {"values": [{"token": word, "prob": value, "rank": 3}]}}
    return {"output_type": "display_data", "data": {CHART: spec, "image/png": picture}, "metadata": {}}


def failed(name: str, value: str, at: str) -> dict[str, Any]:
    return {"output_type": "error", "ename": name, "evalue": value, "traceback": [f"line at {at}"]}


def compared(recorded: list[Event], replayed: list[Event]) -> Comparison:
    return compare_runs(recorded, replayed)


def kinds(comparison: Comparison) -> list[str]:
    return [found.what for found in comparison.differences]


ALIKE = [
    ([printed("k = 3, p = 0.12340\n")], [printed("k = 3, p = 0.12341\n")]),
    ([printed("<f at 0x7f12ab34cd56>")], [printed("<f at 0x7f99ab34cd56>")]),
    ([printed("2026-01-02 10:11:12.123 took 3.2 s")], [printed("2027-05-06 01:01:01 took 12.9 s")]),
    ([printed("a\n"), printed("b\n")], [printed("a\nb\n")]),
    ([printed("a"), printed("w", "stderr")], [printed("w", "stderr"), printed("a")]),
    ([printed(" 50%|###   | 1/2 [00:01<00:01]\ndone", "stderr")], [printed("done", "stderr")]),
    ([chart(0.25)], [chart(0.25001, picture="BBBB")]),
    (
        [display(text_html="<style>.a1 {x: 1}</style><b class='q1'>bee</b>")],
        [display(text_html="<b class='q2'>bee</b>")],
    ),
    ([failed("ValueError", "no bee", "frame 1")], [failed("ValueError", "no bee", "frame 2")]),
]


@pytest.mark.parametrize(("one", "other"), ALIKE)
def test_what_differs_in_any_two_runs_is_no_difference(one, other):
    found = compared(cell(*one), cell(*other))
    assert (found.differences, found.not_compared, found.cells) == ((), (), 1)


UNLIKE = [
    ([printed("k = 3 of 20")], [printed("k = 4 of 20")], "number", "k = 3 of 20"),
    ([printed("p = 0.12")], [printed("p = 0.13")], "number", "p = 0.12"),
    ([printed("p = 0.12")], [printed("p = nan")], "text", "p = 0.12"),
    ([printed("bees\nand more")], [printed("bees\nand less")], "text", "and more"),
    ([printed("")], [printed("warning", "stderr")], "text", ""),
    ([chart(0.25)], [chart(0.35)], "result", "data.values[0].prob: 0.25"),
    ([chart(0.25)], [chart(0.25, word="wasp")], "result", "data.values[0].token: bee"),
    ([chart(0.25)], [chart(0.25), chart(0.25)], "outputs", "1 displays"),
    ([failed("ValueError", "no bee", "")], [failed("KeyError", "no bee", "")], "error", "ValueError: no bee"),
    ([display(text_plain="a")], [display(text_plain="b", text_html="b")], "outputs", "text/plain"),
]


@pytest.mark.parametrize(("one", "other", "what", "recorded"), UNLIKE)
def test_what_an_output_says_otherwise_is_a_difference(one, other, what, recorded):
    found = compared(cell(*one), cell(*other))
    assert [(item.cell_id, item.what, item.recorded) for item in found.differences] == [("intro", what, recorded)]


def test_the_tolerance_is_for_numbers_with_a_fraction_only():
    one, other = cell(printed("p = 1.00, k = 100"), chart(0.25)), cell(printed("p = 1.01, k = 100"), chart(0.252))
    assert kinds(compare_runs(one, other)) == ["number", "result"]
    assert kinds(compare_runs(one, other, tolerance=0.02)) == []
    assert kinds(compare_runs(one, cell(printed("p = 1.00, k = 101"), chart(0.25)), tolerance=0.02)) == ["number"]


def test_a_cell_that_ends_otherwise_or_does_not_run_is_a_difference():
    assert kinds(compared(cell(), cell(failed("E", "x", ""), status="error"))) == ["status"]
    assert compared(cell(), cell(failed("E", "x", ""), status="error")).differences[0].replayed == "error: E: x"
    assert kinds(compared(cell(), cell(status="timeout"))) == ["status"]
    assert kinds(compared(cell(), [])) == ["missing"]
    changed = [*cell(), CellEdited(cell_id="intro", source="a person's")]
    assert kinds(compared(changed, cell())) == ["source"]


@pytest.mark.parametrize("status", ["interrupted", "timeout", "kernel_died"])
def test_a_recorded_cell_that_was_cut_off_is_named_and_no_difference(status):
    for replayed, came in ((cell(), "came out ok"), ([], "did not run it")):
        found = compared(cell(printed("half"), status=status), replayed)
        assert found.differences == ()
        assert status in found.not_compared[0].why
        assert came in found.not_compared[0].why


def test_an_image_without_its_data_is_named_and_no_difference():
    found = compared(cell(display(image_png="AAAA")), cell(display(image_png="BBBB")))
    assert (found.differences, [item.cell_id for item in found.not_compared]) == ((), ["intro"])
    assert compared(cell(display(image_png="AAAA")), cell(display(image_png="AAAA"))).not_compared == ()


def test_progress_is_no_output():
    line = {**display(text_plain="logit_lens 64 %"), "metadata": {"interp_bench": {"progress": {"what": "logit_lens"}}}}
    gone = {"output_type": "display_data", "data": {}, "metadata": {}}
    widget = {
        "output_type": "display_data",
        "data": {"application/vnd.jupyter.widget-view+json": {"model_id": "1"}},
        "metadata": {},
    }
    assert compared(cell(line, widget, printed("a")), cell(printed("a"), gone)).differences == ()


def test_cells_are_told_apart_by_their_place_where_the_recorded_notebook_held_others():
    recorded = [
        CellAdded(cell_id="intro-ab", kind="markdown", source="x"),
        *cell(cell_id="setup-ab"),
        *cell(printed("1"), cell_id="c7"),
    ]
    replayed = [
        CellAdded(cell_id="intro", kind="markdown", source="y"),
        *cell(cell_id="setup"),
        *cell(printed("2"), cell_id="c3"),
    ]
    assert [(found.cell_id, found.what) for found in compared(recorded, replayed).differences] == [("c7", "number")]
