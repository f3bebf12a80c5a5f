from __future__ import annotations

from typing import Any

import nbformat
import pytest

from interp_bench_ext.notebook.backend import is_blank, named, new_notebook, place_of, view_of


@pytest.mark.parametrize(
    ("cell_id", "own", "order", "place"),
    [
        ("a", ["a"], [], 0),
        ("c", ["a", "b", "c"], ["a", "x", "b", "y"], 4),
        ("b", ["a", "b", "c"], ["x", "a", "c"], 2),
        ("b", ["a", "b", "c"], ["c", "x", "a"], 3),
        # Its predecessor is gone too: it goes before the one that followed.
        ("b", ["a", "b", "c"], ["x", "c"], 1),
        ("a", ["a", "b"], ["x", "b"], 1),
        # Whoever has copied a cell has two of one id.
        ("b", ["a", "b", "c"], ["a", "c", "a"], 1),
    ],
)
def test_a_cell_of_the_run_goes_where_its_neighbours_are(cell_id: str, own: list[str], order: list[str], place: int):
    assert place_of(cell_id, own, order) == place


def cell(**changes: Any) -> dict[str, Any]:
    return {"cell_type": "code", "source": "", "outputs": [], "metadata": {}, **changes}


def test_the_empty_cell_of_a_new_notebook_is_told_from_others():
    for blank in (cell(), cell(source=["\n", " "]), cell(metadata={"trusted": True})):
        assert is_blank(blank)
    for kept in (
        cell(source="1"),
        cell(cell_type="markdown"),
        cell(outputs=[{"output_type": "stream"}]),
        cell(metadata={"tags": ["mine"]}),
    ):
        assert not is_blank(kept)


def test_a_new_notebook_is_one():
    nbformat.validate(nbformat.from_dict(new_notebook()))
    new_notebook()["metadata"]["kernelspec"]["name"] = "changed"
    assert new_notebook()["metadata"]["kernelspec"]["name"] == "python3"


def test_code_has_its_colours_before_the_kernel_has_said_its_language():
    assert new_notebook()["metadata"]["language_info"]["name"] == "python"
    assert named({"language_info": {"name": ""}})["language_info"]["name"] == "python"
    assert named({"language_info": {"name": "R"}})["language_info"]["name"] == "R"


def test_a_view_is_a_copy_and_knows_a_status_of_own_cells_only():
    there = cell(id="a", outputs=[{"text": ["x"]}], metadata={"interp_bench": {"status": "ok"}}, execution_count=3)
    own = view_of(there, own=True)
    assert (own.cell_id, own.status, own.execution_count) == ("a", "ok", 3)
    own.outputs[0]["text"].append("y")
    assert there["outputs"] == [{"text": ["x"]}]
    assert view_of(there, own=False).status is None
    raw = view_of({"id": "r", "cell_type": "raw", "source": "s", "metadata": {}}, own=True)
    assert (raw.kind, raw.outputs, raw.status) == ("raw", [], None)
