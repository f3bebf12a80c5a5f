"""The run's own cells in a real file: what is recorded, in which order, and what somebody else's edits become."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from interp_bench_ext.errors import BadInput, NotebookConflict
from interp_bench_ext.notebook.cells import RunCells, cut_off
from interp_bench_ext.notebook.contents import ContentsBackend
from interp_bench_ext.record.cell_events import CellAdded, CellEdited, CellFinished, CellOutput, CellStarted
from interp_bench_ext.record.events import Event


def with_cells(folder: Path, work: Callable[[RunCells], Awaitable[None]]) -> list[Event]:
    """Do ``work`` on the cells of run ``r`` in ``n.ipynb``; returns what was recorded."""
    events: list[Event] = []

    async def main() -> None:
        backend = await ContentsBackend.open(folder / "n.ipynb")
        await work(RunCells(backend, emit=events.append, run="r"))
        await backend.close()

    asyncio.run(main())
    return events


def on_disk(folder: Path) -> list[tuple[str, str, str | None]]:
    """Id, source and mark of each cell."""
    cells = json.loads((folder / "n.ipynb").read_text())["cells"]
    mark = [cell["metadata"].get("interp_bench", {}).get("status") for cell in cells]
    return [(cell["id"], "".join(cell["source"]), status) for cell, status in zip(cells, mark, strict=True)]


def somebody_writes(folder: Path, source: str, *, cell: int = 0) -> None:
    notebook = json.loads((folder / "n.ipynb").read_text())
    notebook["cells"][cell]["source"] = source
    (folder / "n.ipynb").write_text(json.dumps(notebook))


def test_an_event_is_out_before_its_effect(tmp_path: Path):
    async def work(cells: RunCells) -> None:
        assert await cells.add("code", "1", "c1") == "c1"
        await cells.edit("c1", "2")
        assert len(await cells.add("markdown", "text", None)) == 12

    events = with_cells(tmp_path, work)
    assert [type(event) for event in events] == [CellAdded, CellEdited, CellAdded]
    assert [source for _, source, _ in on_disk(tmp_path)] == ["2", "text"]


@pytest.mark.parametrize("cell_id", ["", "a b", "x" * 65, "c/1", "c\n"])
def test_an_id_that_is_none_leaves_nothing_behind(tmp_path: Path, cell_id: str):
    async def work(cells: RunCells) -> None:
        with pytest.raises(BadInput, match="is no cell id"):
            await cells.add("code", "1", cell_id or " ")

    assert with_cells(tmp_path, work) == []


def test_an_id_is_taken_once_and_a_cell_of_others_is_not_the_runs(tmp_path: Path):
    async def work(cells: RunCells) -> None:
        await cells.add("code", "1", "c1")
        with pytest.raises(BadInput, match="already has a cell c1"):
            await cells.add("code", "2", "c1")
        with pytest.raises(BadInput, match="This run has no cell c9"):
            cells["c9"]

    with_cells(tmp_path, work)


def test_what_cannot_be_saved_is_not_recorded_either(tmp_path: Path):
    async def work(cells: RunCells) -> None:
        await cells.add("code", "'\ud800'", "c1")

    [added] = with_cells(tmp_path, work)
    assert isinstance(added, CellAdded)
    assert added.source == "'?'"


def test_an_edit_of_somebody_else_becomes_an_event_and_is_not_written_over(tmp_path: Path):
    async def work(cells: RunCells) -> None:
        await cells.add("code", "my", "c1")
        await cells.edit("c1", "mine")
        somebody_writes(tmp_path, "theirs")
        with pytest.raises(NotebookConflict, match="Somebody else edited cell c1 meanwhile; read it again first"):
            await cells.edit("c1", "mine again")
        assert cells["c1"].source == "theirs"
        await cells.edit("c1", "after reading")

    events = with_cells(tmp_path, work)
    assert [event.source for event in events if isinstance(event, CellEdited)] == [
        "mine",
        "theirs",
        "after reading",
    ]
    assert on_disk(tmp_path)[0][1] == "after reading"


def test_a_notebook_becomes_what_the_events_say(tmp_path: Path):
    output = {"output_type": "stream", "name": "stdout", "text": "1\n"}
    past: list[Event] = [
        CellAdded(cell_id="c1", kind="code", source="print(1)"),
        CellStarted(cell_id="c1"),
        CellOutput(cell_id="c1", index=0, output=output),
        CellFinished(cell_id="c1", status="ok", execution_count=1, duration_s=0.1),
        CellAdded(cell_id="c2", kind="code", source="while True: pass"),
        CellStarted(cell_id="c2"),
    ]

    async def work(cells: RunCells) -> None:
        await cells.rebuild(past)

    assert with_cells(tmp_path, work) == [cut_off("c2")]
    assert on_disk(tmp_path) == [("c1", "print(1)", "ok"), ("c2", "while True: pass", "interrupted")]


def test_text_that_no_event_knows_was_written_by_somebody_else_and_stays(tmp_path: Path):
    past: list[Event] = [CellAdded(cell_id="c1", kind="markdown", source="mine")]

    async def first(cells: RunCells) -> None:
        await cells.add("markdown", "mine", "c1")

    with_cells(tmp_path, first)
    somebody_writes(tmp_path, "theirs")

    async def again(cells: RunCells) -> None:
        await cells.rebuild(past)

    assert with_cells(tmp_path, again) == [CellEdited(cell_id="c1", source="theirs")]
    assert on_disk(tmp_path)[0][1] == "theirs"
