from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import nbclient
import nbformat
import pytest

from interp_bench_ext.contracts import Connection, Veil
from interp_bench_ext.errors import BadInput, NotebookConflict
from interp_bench_ext.notebook.contents import ContentsBackend
from interp_bench_ext.notebook.session import NotebookSession
from interp_bench_ext.record.cell_events import CellAdded, CellFinished, CellStarted, KernelStarted
from interp_bench_ext.record.cells import Cells
from interp_bench_ext.record.events import EVENT, Event

from .support import Kind, Recorder, at, every_kind, on_disk, run, sources

PIXEL = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
SHOW = f"""
import base64
from IPython.display import HTML, Image, display
display(Image(base64.b64decode("{PIXEL}")), HTML("<table></table>"))
print("done")
6 * 7
"""


WAIT_FOR_GO = """
import os
print("started", flush=True)
while not os.path.exists("go"):
    pass
print("gone")
"""


@every_kind
def test_outputs_are_kept_and_the_file_is_what_the_events_say(root: Path, kind: Kind) -> None:
    path = root / "n.ipynb"

    async def scenario() -> Recorder:
        async with at(kind, root) as place, place.session(run="r1") as (session, events):
            assert events[0] == KernelStarted(veil="process", kernel_id=session.kernel_id)
            await session.add_markdown("# Title", cell_id="intro")
            await session.add_code(SHOW, cell_id="show")
            done = await session.run_cell("show", timeout_s=30)
            assert (done.status, done.execution_count) == ("ok", 1)
            assert [output["output_type"] for output in done.outputs] == [
                *("display_data", "display_data", "stream", "execute_result")
            ]
            assert done.outputs[0]["data"]["image/png"] == PIXEL
            failed = await run(session, "print('before')\n1 / 0")
            assert failed.status == "error"
            assert [output.get("ename") for output in failed.outputs] == [None, "ZeroDivisionError"]
            return events

    events = asyncio.run(scenario())
    folded = Cells.of(events).by_id
    assert len(folded) == 3
    for cell in on_disk(path)["cells"]:
        known = folded[cell["id"]]
        assert cell["metadata"]["interp_bench"] == {"run": "r1", "status": known.status}
        assert cell.get("execution_count") == known.execution_count
        notebook = nbformat.read(path, as_version=4)
    for node in notebook.cells:
        assert node.get("outputs", []) == folded[node.id].outputs
    assert all(EVENT.validate_json(event.model_dump_json()) == event for event in events)


def test_a_cell_that_is_placed_is_in_the_file_before_it_begins(tmp_path: Path) -> None:
    path, seen = tmp_path / "n.ipynb", list[list[str]]()

    def emit(event: Event) -> None:
        if isinstance(event, CellStarted):
            seen.append(sources(path))

    async def scenario() -> None:
        session = await NotebookSession.open(path, emit=emit, connection=None, veil=Veil.PROCESS, run="r")
        try:
            for source in ("1", "2"):
                await session.run_cell(await session.place_code(source), timeout_s=30)
            await session.run_cell(await session.place_code("import os; os._exit(1)"), timeout_s=30)
            await session.place_code("4")
            assert sources(path)[-1] == "4", "no kernel would run it"
        finally:
            await session.close()

    asyncio.run(scenario())
    assert seen == [["1"], ["1", "2"], ["1", "2", "import os; os._exit(1)"]]


@every_kind
def test_the_notebook_runs_again_in_a_plain_kernel(root: Path, kind: Kind) -> None:
    path = root / "n.ipynb"

    async def scenario() -> None:
        async with at(kind, root) as place, place.session() as (session, _):
            await run(session, "x = 20")
            await run(session, "x + 1")

    asyncio.run(scenario())
    notebook = nbformat.read(path, as_version=4)
    nbclient.NotebookClient(notebook, resources={"metadata": {"path": str(root)}}).execute()
    assert notebook.cells[1].outputs[0].data["text/plain"] == "21"


@every_kind
def test_what_a_person_does_to_the_notebook_during_a_run_survives(root: Path, kind: Kind) -> None:
    path = root / "n.ipynb"

    def edit(notebook: dict[str, Any]) -> None:
        notebook["cells"][0]["source"] = "theirs"
        notebook["cells"].append({"id": "x", "cell_type": "markdown", "metadata": {}, "source": "new"})

    async def scenario() -> None:
        async with at(kind, root) as place, place.session() as (session, events):
            await session.add_code("first", cell_id="first")
            await session.add_code(WAIT_FOR_GO, cell_id="waits")
            task = asyncio.create_task(session.run_cell("waits", timeout_s=60))
            await events.until(lambda event: event.type == "cell_output")
            await place.somebody_edits(edit)
            (root / "n_files" / "go").touch()
            assert (await task).status == "ok"
            assert events.of("cell_edited")[0].source == "theirs"
            assert [cell.own for cell in session.cells()] == [True, True, False]
            assert [cell.source for cell in session.cells()][::2] == ["theirs", "new"]

    asyncio.run(scenario())
    assert sources(path) == ["theirs", WAIT_FOR_GO, "new"]
    assert "gone" in json.dumps(on_disk(path)["cells"][1]["outputs"])


@every_kind
def test_an_edit_over_an_unseen_edit_is_a_conflict_once(root: Path, kind: Kind) -> None:
    path = root / "n.ipynb"

    def edit(notebook: dict[str, Any]) -> None:
        notebook["cells"][0]["source"] = "theirs"

    async def scenario() -> None:
        async with at(kind, root) as place, place.session() as (session, events):
            await session.add_code("mine", cell_id="c")
            await place.somebody_edits(edit)
            with pytest.raises(NotebookConflict, match="read it again"):
                await session.edit_cell("c", "mine too")
            assert session.cells()[0].source == "theirs"
            await session.edit_cell("c", "seen and changed")
            assert await place.sources() == ["seen and changed"]
            if kind == "ydoc":
                return
            path.write_text("no notebook")
            with pytest.raises(NotebookConflict, match="cannot be read"):
                await session.run_cell("c", timeout_s=5)
            assert events.of("cell_started") == []

    asyncio.run(scenario())


@every_kind
def test_restore_brings_variables_back_and_leaves_outputs_alone(root: Path, kind: Kind) -> None:
    async def scenario() -> None:
        async with at(kind, root) as place, place.session() as (session, events):
            first = (await run(session, "import random\nx = random.random()\nprint(x)")).cell_id
            bad = (await run(session, "1 / 0")).cell_id
            before = await place.read()
            await session.restart_kernel()
            seen = len(events)
            assert await session.restore([first, bad]) == [bad]
            told = [event.type for event in events[seen:] if event.type != "cells_restoring"]
            assert told == ["kernel_started"]
            assert events[-1].restored_cells == 1
            assert await place.read() == before
            assert (await run(session, "x")).status == "ok"

    asyncio.run(scenario())


@every_kind
def test_a_cell_that_ends_the_kernel_does_not_end_the_restoration(root: Path, kind: Kind) -> None:
    async def scenario() -> None:
        async with at(kind, root) as place, place.session() as (session, events):
            sources = ["before = 1", "exit()", "after = 2", "import os; os._exit(1)", "last = 3"]
            ids = [await session.add_code(source) for source in sources]
            seen = len(events)
            assert await session.restore(ids) == ids[:4]
            told = [event.type for event in events[seen:] if event.type != "cells_restoring"]
            assert told == ["kernel_died", "kernel_started", "kernel_died", "kernel_started", "kernel_started"]
            assert events[-1].restored_cells == 1
            assert (await run(session, "last + 1")).outputs[0]["data"]["text/plain"] == "4"
            assert (await run(session, "before")).status == "error"
            assert await session.restore(ids[:2]) == ids[:2]
            assert events[-1].restored_cells == 0
            assert (await run(session, "1")).status == "ok"

    asyncio.run(scenario())


@every_kind
def test_each_event_is_out_before_its_effect(root: Path, kind: Kind) -> None:
    path = root / "n.ipynb"
    late: list[Event] = []
    shared: list[Any] = []

    def status_of(cell_id: str) -> object:
        """Where the cell stands in what others can see; ``absent`` before it is there."""
        if kind == "ydoc":
            cells = shared[0].get()["cells"] if shared else []
        else:
            cells = on_disk(path)["cells"] if path.exists() else []
        marks = {cell["id"]: cell["metadata"].get("interp_bench", {}) for cell in cells}
        return marks[cell_id]["status"] if cell_id in marks else "absent"

    def check(event: Event) -> None:
        if (
            (isinstance(event, CellAdded) and status_of(event.cell_id) != "absent")
            or (isinstance(event, CellStarted) and status_of(event.cell_id) is not None)
            or (isinstance(event, CellFinished) and status_of(event.cell_id) not in (None, "running"))
        ):
            late.append(event)

    async def scenario() -> None:
        async with at(kind, root) as place, place.session(emit=check) as (session, _):
            if kind == "ydoc":
                shared.append(await place.document())
            await run(session, "print(1)")

    asyncio.run(scenario())
    assert late == []


@every_kind
def test_a_recorded_run_rebuilds_its_notebook(root: Path, kind: Kind) -> None:
    async def scenario() -> Recorder:
        async with at(kind, root) as place, place.session(run="r") as (session, events):
            await session.add_markdown("text")
            await run(session, SHOW)
            await run(session, "print('a\\rb'); 1 / 0")
            return events

    async def again(events: Recorder) -> None:
        backend = await ContentsBackend.open(root / "again.ipynb")
        session = NotebookSession(backend, emit=events, connection=None, run="r")
        await session.rebuild(list(events))
        await session.close()

    asyncio.run(again(asyncio.run(scenario())))
    assert on_disk(root / "again.ipynb")["cells"] == on_disk(root / "n.ipynb")["cells"]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"veil": Veil.SANDBOXED, "connection": Connection("http://127.0.0.1:1", "t")}, "Unix socket"),
    ],
)
def test_what_cannot_work_is_bad_input(tmp_path: Path, options: dict[str, Any], message: str) -> None:
    (tmp_path / "n.ipynb").touch()
    with pytest.raises(BadInput, match=message):
        asyncio.run(NotebookSession.open(tmp_path / "n.ipynb", emit=lambda _: None, **options))


def test_cells_must_be_known_and_new_ids_must_be_new(tmp_path: Path) -> None:
    async def scenario() -> None:
        backend = await ContentsBackend.open(tmp_path / "n.ipynb")
        session = NotebookSession(backend, emit=lambda _: None, connection=None, run="")
        await session.add_markdown("a", cell_id="a")
        for wrong in ("a", "no spaces", "ü"):
            with pytest.raises(BadInput):
                await session.add_code("1", cell_id=wrong)
        with pytest.raises(BadInput, match="text cell"):
            await session.run_cell("a", timeout_s=1)
        with pytest.raises(BadInput, match="no cell"):
            await session.edit_cell("b", "")
        await session.close()

    asyncio.run(scenario())
