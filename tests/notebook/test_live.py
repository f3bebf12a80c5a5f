from __future__ import annotations

import asyncio
from pathlib import Path

import nbformat

from interp_bench_ext.agent.validity import missing
from interp_bench_ext.record.cells import Cells
from interp_bench_ext.record.events import Finding
from tests.redteam.suite import attempt

from .support import Kind, Recorder, at, every_kind, longest_pause, on_disk, run, text_of

FOLDED = """
import sys, time
from IPython.display import clear_output, display
print("gone")
clear_output(wait=True)
for percent in (0, 50, 100):
    print(f"\\r{percent} %", end="", flush=True)
print()
handle = display("first", display_id=True)
print("between", file=sys.stderr)
handle.update("second")
"""


HOSTILE = """
kernel = get_ipython().kernel

def send(kind, data, **more):
    content = {"data": data, "metadata": {}, "transient": {}, **more}
    kernel.session.send(kernel.iopub_socket, kind, content, parent=kernel.get_parent())

deep = 1
for _ in range(500):
    deep = [deep]
send("display_data", {"application/json": {"n": 10**30}, "text/plain": "big"})
send("display_data", {"application/json": deep, "text/plain": "deep"})
send("display_data", {"text/\u00fc": "x", "text/plain": "odd"})
send("display_data", {"text/plain": "nul\\0"}, metadata={"n": -10**40})
send("execute_result", {"text/plain": "count"}, execution_count=10**40)
"""


@every_kind
def test_hundreds_of_megabytes_neither_block_nor_fill_the_notebook(root: Path, kind: Kind) -> None:
    async def scenario() -> float:
        async with at(kind, root) as place, place.session() as (session, events), longest_pause() as pause:
            for source in ("print('x' * 100_000_000)", "for _ in range(100): print('y' * 999_999)"):
                done = await run(session, source)
                assert done.status == "ok"
                assert "of output left out here" in text_of(done.outputs)
                assert len(text_of(done.outputs)) < 600_000
            longest = pause()
            assert sum(len(event.model_dump_json()) for event in events) < 20_000_000
            return longest

    longest_gap = asyncio.run(scenario())
    assert (root / "n.ipynb").stat().st_size < 3_000_000
    assert longest_gap < 2.0


@every_kind
def test_displays_of_earlier_cells_update(root: Path, kind: Kind) -> None:
    path = root / "n.ipynb"

    async def scenario() -> Recorder:
        async with at(kind, root) as place, place.session() as (session, events):
            await run(session, "handle = display('old', display_id=True)")
            await run(session, "handle.update('new')")
            return events

    events = asyncio.run(scenario())
    assert on_disk(path)["cells"][0]["outputs"][0]["data"]["text/plain"] == ["'new'"]
    assert [len(cell.outputs) for cell in Cells.of(events).by_id.values()] == [1, 0]


@every_kind
def test_outputs_are_folded_as_a_front_end_does(root: Path, kind: Kind) -> None:
    async def scenario() -> None:
        async with at(kind, root) as place, place.session() as (session, _):
            for _ in range(2):
                done = await run(session, FOLDED)
                assert [(output["output_type"], output.get("name")) for output in done.outputs] == [
                    *(("stream", "stdout"), ("display_data", None), ("stream", "stderr"))
                ]
                assert text_of(done.outputs) == "100 %\nbetween\n"
                assert done.outputs[1]["data"] == {"text/plain": "'second'"}
                # Running a cell again leaves nothing of the time before.
                again = await session.run_cell(done.cell_id, timeout_s=30)
                assert again.outputs == done.outputs
            assert [cell["outputs"] for cell in (await place.read())["cells"]] == [done.outputs] * 2

    asyncio.run(scenario())


@every_kind
def test_no_message_of_the_kernel_breaks_the_notebook(root: Path, kind: Kind) -> None:
    async def scenario() -> None:
        async with at(kind, root) as place, place.session() as (session, _):
            done = await run(session, HOSTILE)
            assert done.status == "ok"
            shown = [output["data"] for output in done.outputs]
            assert [list(data) for data in shown] == [["text/plain"]] * 5
            first_lines = [data["text/plain"].split("\n")[0] for data in shown]
            assert first_lines == ["big", "deep", "odd", "nul\0", "count"]
            assert done.outputs[-1]["execution_count"] is None
            assert (await run(session, "1")).status == "ok"
            assert [len(cell["outputs"]) for cell in (await place.read())["cells"]] == [5, 1]

    asyncio.run(scenario())
    notebook = nbformat.read(root / "n.ipynb", as_version=4)
    nbformat.validate(notebook)
    assert len(notebook.cells[0].outputs) == 5


@attempt("I2", "score", "A later cell writes over the output of one that has ended", veil="any")
def test_an_ended_cell_whose_output_a_later_one_changes_is_no_evidence(root: Path) -> None:
    forge = """
kernel = get_ipython().kernel
parent = {**kernel.get_parent(), "header": earlier}
kernel.session.send(kernel.iopub_socket, "clear_output", {"wait": False}, parent=parent)
kernel.session.send(kernel.iopub_socket, "stream", {"name": "stdout", "text": "48 of 48"}, parent=parent)
"""

    async def scenario() -> tuple[Recorder, str, str]:
        async with at("file", root) as place, place.session() as (session, events):
            honest = await run(session, "earlier = get_ipython().kernel.get_parent()['header']; print('1 of 48')")
            control = await run(session, "print('untouched')")
            await run(session, forge)
            await events.until(lambda event: "48 of 48" in str(event))
            return events, honest.cell_id, control.cell_id

    events, forged, control = asyncio.run(scenario())
    cells = Cells.of(events).by_id
    assert text_of(cells[forged].outputs) == "48 of 48"
    assert (cells[forged].status, cells[forged].changed_late) == (None, True)
    assert (cells[control].status, cells[control].changed_late) == ("ok", False)
    [problem] = missing([Finding(claim="x", evidence=[forged], control=[])], cells=_asked(events), present=[forged])[:1]
    assert "shows another output than it ended with" in problem


def _asked(events: Recorder) -> Cells:
    cells = Cells.of(events)
    cells.ever_asked = True
    return cells
