from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pycrdt import Array, Doc, Map

from interp_bench_ext.notebook.backend import NotebookCell
from interp_bench_ext.notebook.shared_cell import new_cell, runs, write_cell


def stream(text: str, name: str = "stdout") -> dict[str, Any]:
    return {"output_type": "stream", "name": name, "text": text}


def shown(text: str) -> dict[str, Any]:
    return {"output_type": "display_data", "data": {"text/plain": text}, "metadata": {}}


def code(source: str = "1", *outputs: dict[str, Any], **more: Any) -> NotebookCell:
    return NotebookCell(cell_id="a", kind="code", source=source, outputs=outputs, **more)


def shared(cell: NotebookCell) -> Map[Any]:
    """The cell in a document, where alone it can be read."""
    cells = Array([new_cell(cell)])
    Doc({"cells": cells})
    found = cells[0]
    assert isinstance(found, Map)
    return found


def test_a_new_cell_has_what_browsers_expect():
    there = shared(code("x", stream("o"), execution_count=2, mark={"run": "r", "status": "ok"})).to_py()
    assert there == {
        "id": "a",
        "cell_type": "code",
        "source": "x",
        "metadata": {"interp_bench": {"run": "r", "status": "ok"}},
        "outputs": [stream("o")],
        "execution_count": 2,
        "execution_state": "idle",
    }
    prose = shared(NotebookCell(cell_id="m", kind="markdown", source="*t*")).to_py()
    assert set(prose or ()) == {"id", "cell_type", "source", "metadata"}


def test_a_running_cell_is_told_so():
    running = code(mark={"status": "running"})
    assert (runs(running), runs(code())) == (True, False)
    there = shared(running)
    assert there["execution_state"] == "running"
    write_cell(there, code(mark={"status": "ok"}), None)
    assert there["execution_state"] == "idle"


def test_what_is_the_same_is_not_written():
    cell = code("x", stream("o"), shown("p"), execution_count=1, mark={"run": "r"})
    there = shared(cell)
    assert write_cell(there, cell, None) == 0
    assert write_cell(there, cell, list(cell.outputs)) == 0


def test_only_the_end_of_a_growing_stream_is_written():
    there = shared(code("x", stream("a" * 10_000)))
    assert write_cell(there, code("x", stream("a" * 10_000 + "bc")), None) == 2
    assert str(there["outputs"][0]["text"]) == "a" * 10_000 + "bc"


def test_outputs_are_added_changed_and_taken_away():
    there = shared(code("x", stream("a"), shown("p"), shown("q")))
    for outputs in (
        [stream("a"), shown("other")],
        [stream("a", "stderr"), shown("other"), stream("b")],
        [shown("first")],
        [],
    ):
        assert write_cell(there, code("x", *outputs), None) > 0
        assert there["outputs"].to_py() == outputs


def test_outputs_that_a_person_trusted_are_other_ones_now():
    there = shared(code("x", shown("p")))
    there["metadata"]["trusted"] = True
    write_cell(there, code("y", shown("p")), None)
    assert there["metadata"]["trusted"] is True
    write_cell(there, code("y", shown("q")), None)
    assert "trusted" not in there["metadata"]


def test_what_a_browser_has_left_out_is_put_back():
    there = shared(code("x", shown("p")))
    del there["outputs"]
    del there["metadata"]
    write_cell(there, code("x", shown("p"), mark={"run": "r"}), None)
    assert there["outputs"].to_py() == [shown("p")]
    assert there["metadata"].to_py() == {"interp_bench": {"run": "r"}}


@pytest.mark.parametrize(("old", "new", "most"), [("hello world", "hello brave world", 6), ("héllo", "hallo", 2)])
def test_a_source_changes_where_it_differs(old: str, new: str, most: int):
    there = shared(code(old))
    assert 0 < write_cell(there, code(new), None) <= most
    assert str(there["source"]) == new


@given(st.text(max_size=30), st.text(max_size=30))
def test_any_text_becomes_any_other(old: str, new: str):
    there = shared(code(old))
    write_cell(there, code(new), None)
    assert str(there["source"]) == new
