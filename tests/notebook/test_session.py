from __future__ import annotations

import asyncio
import json
import os
import signal
import time
from pathlib import Path
from typing import Any

import nbclient
import nbformat
import pytest

from interp_bench_ext.contracts import Connection, Veil
from interp_bench_ext.errors import BadInput, KernelDied, NotebookConflict
from interp_bench_ext.notebook.contents import ContentsBackend
from interp_bench_ext.notebook.fold import fold_cells
from interp_bench_ext.notebook.session import NotebookSession
from interp_bench_ext.record.events import EVENT, CellAdded, CellFinished, CellStarted, Event, KernelStarted

from .support import BOTH_VEILS, KINDS, Kind, Recorder, at, on_disk, run, sources, text_of

every_kind = pytest.mark.parametrize("kind", KINDS)

SHOW = """
from IPython.display import HTML, Image, display
display(Image(b"\\x89PNG\\r\\n\\x1a\\n", format="png"), HTML("<table></table>"))
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
STUBBORN = """
while True:
    try:
        while True:
            pass
    except KeyboardInterrupt:
        pass
"""


@every_kind
def test_outputs_are_kept_and_the_file_is_what_the_events_say(root: Path, kind: Kind) -> None:
    path = root / "n.ipynb"

    async def scenario() -> Recorder:
        async with at(kind, root) as place, place.session(run="r1") as (session, events):
            await session.add_markdown("# Title", cell_id="intro")
            await session.add_code(SHOW, cell_id="show")
            done = await session.run_cell("show", timeout_s=30)
            assert (done.status, done.execution_count) == ("ok", 1)
            assert [output["output_type"] for output in done.outputs] == [
                *("display_data", "display_data", "stream", "execute_result")
            ]
            assert done.outputs[0]["data"]["image/png"].strip() == "iVBORw0KGgo="
            failed = await run(session, "print('before')\n1 / 0")
            assert failed.status == "error"
            assert [output.get("ename") for output in failed.outputs] == [None, "ZeroDivisionError"]
            return events

    events = asyncio.run(scenario())
    folded = fold_cells(events)
    assert len(folded) == 3
    for cell in on_disk(path)["cells"]:
        known = folded[cell["id"]]
        assert cell["metadata"]["interp_bench"] == {"run": "r1", "status": known.status}
        assert cell.get("execution_count") == known.execution_count
        notebook = nbformat.read(path, as_version=4)
    for node in notebook.cells:
        assert node.get("outputs", []) == folded[node.id].outputs
    assert events[0] == KernelStarted(veil="process")
    assert all(EVENT.validate_json(event.model_dump_json()) == event for event in events)


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
def test_a_slow_cell_times_out_and_the_kernel_goes_on(root: Path, kind: Kind) -> None:
    async def scenario() -> None:
        async with at(kind, root) as place, place.session() as (session, _):
            await run(session, "x = 5")
            slow = await run(session, "print('partly', flush=True)\nwhile True: pass", timeout_s=0.5)
            assert slow.status == "timeout"
            assert text_of(slow.outputs) == "partly\n"
            after = await run(session, "print(x)")
            assert (after.status, text_of(after.outputs)) == ("ok", "5\n")

    asyncio.run(scenario())


@every_kind
def test_a_kernel_that_ignores_interrupts_is_ended(root: Path, kind: Kind) -> None:
    async def scenario() -> None:
        async with at(kind, root) as place, place.session(grace_s=0.5) as (session, events):
            assert (await run(session, STUBBORN, timeout_s=0.5)).status == "timeout"
            assert "did not react" in events.of("kernel_died")[0].reason
            cell_id = await session.add_code("1")
            with pytest.raises(KernelDied, match="restart it"):
                await session.run_cell(cell_id, timeout_s=5)
            await session.restart_kernel()
            assert (await session.run_cell(cell_id, timeout_s=5)).status == "ok"

    asyncio.run(scenario())


@every_kind
def test_hundreds_of_megabytes_neither_block_nor_fill_the_notebook(root: Path, kind: Kind) -> None:
    longest_gap = 0.0

    async def watch_the_loop() -> None:
        nonlocal longest_gap
        while True:
            before = time.monotonic()
            await asyncio.sleep(0)
            longest_gap = max(longest_gap, time.monotonic() - before)

    async def scenario() -> None:
        async with at(kind, root) as place, place.session() as (session, events):
            watcher = asyncio.create_task(watch_the_loop())
            for source in ("print('x' * 100_000_000)", "for _ in range(100): print('y' * 999_999)"):
                done = await run(session, source)
                assert done.status == "ok"
                assert "of output left out here" in text_of(done.outputs)
                assert len(text_of(done.outputs)) < 600_000
            watcher.cancel()
            assert sum(len(event.model_dump_json()) for event in events) < 20_000_000

    asyncio.run(scenario())
    assert (root / "n.ipynb").stat().st_size < 3_000_000
    assert longest_gap < 2.0


@every_kind
@pytest.mark.parametrize("veil", BOTH_VEILS)
def test_a_kernel_that_dies_is_noticed_at_once(root: Path, kind: Kind, veil: Veil) -> None:
    async def scenario() -> None:
        async with at(kind, root) as place, place.session(veil=veil) as (session, events):
            done = await run(session, "import os\nprint('last words', flush=True)\nos._exit(7)", timeout_s=60)
            assert done.status == "kernel_died"
            assert done.duration_s < 5
            assert "exit code 7" in events.of("kernel_died")[0].reason
            assert not session.kernel_alive
            await session.restart_kernel()
            cell_id = await session.add_code("1")
            assert session._kernel is not None
            os.kill(session._kernel.pid, signal.SIGKILL)
            await events.until(lambda event: event.type == "kernel_died" and "was killed" in event.reason)
            with pytest.raises(KernelDied):
                await session.run_cell(cell_id, timeout_s=5)

    asyncio.run(scenario())


@every_kind
def test_a_cell_that_ends_the_kernel_is_the_one_that_did(root: Path, kind: Kind) -> None:
    async def scenario() -> None:
        async with at(kind, root) as place, place.session() as (session, events):
            for source in ("print('bye')\nexit()", "quit", "exit()\n1 / 0"):
                done = await run(session, source)
                assert (done.status, session.kernel_alive) == ("kernel_died", False)
                assert "by the cell itself, with exit() or quit()" in events.of("kernel_died")[-1].reason
                await session.restart_kernel()
            for source, status in (("exit(True)", "ok"), ("import sys\nsys.exit(3)", "error")):
                assert (await run(session, source)).status == status
                assert (await run(session, "1")).status == "ok"

    asyncio.run(scenario())


def test_a_kernel_that_goes_after_its_cell_takes_no_later_cell_with_it(root: Path) -> None:
    """Its event loop was stopped: it answers, and only then it ends."""

    async def scenario() -> None:
        async with at("file", root) as place, place.session() as (session, events):
            guilty = await run(session, "import asyncio\nasyncio.get_running_loop().stop()")
            assert guilty.status == "ok"
            innocent = await session.add_code("print('here')")
            with pytest.raises(KernelDied, match="exit code 0"):
                await session.run_cell(innocent, timeout_s=20)
            assert [event.cell_id for event in events.of("cell_started")] == [guilty.cell_id]
            assert session.status(innocent) is None
            await session.restart_kernel()
            assert (await session.run_cell(innocent, timeout_s=20)).status == "ok"

    asyncio.run(scenario())


@every_kind
@pytest.mark.parametrize("veil", BOTH_VEILS)
def test_interrupt_and_cancellation_end_the_running_cell_only(root: Path, kind: Kind, veil: Veil) -> None:
    async def scenario() -> None:
        async with at(kind, root) as place, place.session(veil=veil) as (session, events):
            await session.interrupt()
            # An interrupt that comes before the kernel has begun with the cell must not be lost.
            for moment in ("cell_started", "cell_output"):
                cell_id = await session.add_code("print('on', flush=True)\nwhile True: pass")
                task = asyncio.create_task(session.run_cell(cell_id, timeout_s=60))
                await events.until(
                    lambda event, key=(moment, cell_id): (event.type, getattr(event, "cell_id", "")) == key
                )
                await session.interrupt()
                assert (await task).status == "interrupted"
            task = asyncio.create_task(session.run_cell(cell_id, timeout_s=60))
            seen = len(events)
            await events.until(lambda event: event in events[seen:] and event.type == "cell_output")
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            assert events.of("cell_finished")[-1].status == "interrupted"
            assert (await run(session, "print('next')")).status == "ok"

    asyncio.run(scenario())


DROP_THE_NEXT_REQUEST = """
kernel = get_ipython().kernel
original = kernel.do_execute
async def interrupted_at_once(*args, **kwargs):
    kernel.do_execute = original
    raise KeyboardInterrupt
kernel.do_execute = interrupted_at_once
"""


def test_a_cell_that_an_interrupt_hits_before_its_first_line_ends_and_the_kernel_lives(root: Path) -> None:
    async def scenario() -> None:
        async with at("file", root) as place, place.session() as (session, events):
            await run(session, DROP_THE_NEXT_REQUEST)
            done = await run(session, "print('never printed')", timeout_s=60)
            assert (done.status, done.outputs) == ("interrupted", [])
            assert (await run(session, "original is kernel.do_execute")).status == "ok"
            assert len(events.of("kernel_started")) == 1

    asyncio.run(scenario())


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
def test_displays_of_earlier_cells_update(root: Path, kind: Kind) -> None:
    path = root / "n.ipynb"

    async def scenario() -> Recorder:
        async with at(kind, root) as place, place.session() as (session, events):
            await run(session, "handle = display('old', display_id=True)")
            await run(session, "handle.update('new')")
            return events

    events = asyncio.run(scenario())
    assert on_disk(path)["cells"][0]["outputs"][0]["data"]["text/plain"] == ["'new'"]
    assert [len(cell.outputs) for cell in fold_cells(events).values()] == [1, 0]


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
            assert [output["data"] for output in done.outputs] == [
                {"text/plain": text} for text in ("big", "deep", "odd", "nul\0", "count")
            ]
            assert done.outputs[-1]["execution_count"] is None
            assert (await run(session, "1")).status == "ok"
            assert [len(cell["outputs"]) for cell in (await place.read())["cells"]] == [5, 1]

    asyncio.run(scenario())
    notebook = nbformat.read(root / "n.ipynb", as_version=4)
    nbformat.validate(notebook)
    assert len(notebook.cells[0].outputs) == 5


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
            assert [event.type for event in events[seen:]] == ["kernel_started"]
            assert events[-1].restored_cells == 1
            assert await place.read() == before
            assert (await run(session, "x")).status == "ok"

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
        ({"work_dir": "."}, "holds the notebook"),
        ({"work_dir": "n.ipynb/x"}, "cannot be made"),
        ({"veil": Veil.SANDBOXED, "connection": Connection("http://127.0.0.1:1", "t")}, "Unix socket"),
    ],
)
def test_what_cannot_work_is_bad_input(tmp_path: Path, options: dict[str, Any], message: str) -> None:
    (tmp_path / "n.ipynb").touch()
    folder = {"work_dir": tmp_path / options["work_dir"]} if "work_dir" in options else {}
    options = {"connection": None, "veil": Veil.PROCESS, **options, **folder}
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
