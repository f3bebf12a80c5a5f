"""A cell that runs while its caller does other things, wherever the notebook is kept."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from interp_bench_ext.errors import BadInput, KernelDied
from interp_bench_ext.record.cells import Cells

from .support import Kind, at, every_kind, text_of, until

WAIT_FOR_GO = """
import os, time
print("begun", flush=True)
while not os.path.exists("go"):
    time.sleep(0.02)
print("gone")
"""


@every_kind
def test_it_is_live_and_other_cells_may_be_written_meanwhile(root: Path, kind: Kind) -> None:
    async def scenario() -> None:
        async with at(kind, root) as place, place.session() as (session, events):
            await session.add_code(WAIT_FOR_GO, cell_id="c1")
            await session.start_cell("c1", timeout_s=60)
            assert [event.cell_id for event in events.of("cell_started")] == ["c1"]
            assert session.background.running == "c1"
            assert await session.background.wait(timeout_s=0) is None
            await events.until(lambda event: event.type == "cell_output")
            assert text_of(session.outputs("c1")) == "begun\n"
            await session.add_markdown("meanwhile", cell_id="m1")
            async with asyncio.timeout(20):
                while not text_of((await place.read())["cells"][0]["outputs"]):  # noqa: ASYNC110
                    await asyncio.sleep(0.05)
            (work_dir(root) / "go").touch()
            done = await session.background.wait(timeout_s=30)
            assert done is not None
            assert (done.cell_id, done.status, text_of(done.outputs)) == ("c1", "ok", "begun\ngone\n")
            assert session.background.running is None
            assert session.outputs("c1") == done.outputs
            cells = Cells.of(events).by_id
            assert [cells[cell_id].status for cell_id in ("c1", "m1")] == ["ok", None]

    asyncio.run(scenario())


@every_kind
def test_the_end_of_the_session_ends_it_and_saves_what_it_had_said(root: Path, kind: Kind) -> None:
    async def scenario() -> None:
        async with at(kind, root) as place:
            async with place.session() as (session, events):
                await session.add_code(WAIT_FOR_GO, cell_id="c1")
                await session.start_cell("c1", timeout_s=60)
                await events.until(lambda event: event.type == "cell_output")
            assert [event.status for event in events.of("cell_finished")] == ["interrupted"]
            await until(lambda: (root / "n.ipynb").exists())
            assert text_of((await place.read())["cells"][0]["outputs"][:1]) == "begun\n"

    asyncio.run(scenario())


def test_one_at_a_time(root: Path) -> None:
    async def scenario() -> None:
        async with at("file", root) as place, place.session() as (session, events):
            await session.add_code(WAIT_FOR_GO, cell_id="c1")
            await session.add_code("2", cell_id="c2")
            await session.add_markdown("text", cell_id="m1")
            with pytest.raises(BadInput, match="No cell was started"):
                await session.background.wait(timeout_s=0)
            with pytest.raises(BadInput, match="m1 is a text cell"):
                await session.start_cell("m1", timeout_s=60)
            with pytest.raises(BadInput, match="This run has no cell c9"):
                await session.start_cell("c9", timeout_s=60)
            await session.start_cell("c1", timeout_s=60)
            with pytest.raises(BadInput, match="Cell c1 is still running"):
                await session.start_cell("c2", timeout_s=60)
            (work_dir(root) / "go").touch()
            # Whoever runs a cell after all waits for its turn.
            assert (await session.run_cell("c2", timeout_s=60)).status == "ok"
            order = [(event.type, event.cell_id) for event in events.of("cell_started", "cell_finished")]
            assert order == [(kind, cell) for cell in ("c1", "c2") for kind in ("cell_started", "cell_finished")]

    asyncio.run(scenario())


def test_a_kernel_that_is_gone_is_said_before_it_begins(root: Path) -> None:
    async def scenario() -> None:
        async with at("file", root) as place, place.session() as (session, _):
            await session.add_code("import os\nos._exit(1)", cell_id="c1")
            await session.start_cell("c1", timeout_s=60)
            done = await session.background.wait(timeout_s=30)
            assert done is not None
            assert done.status == "kernel_died"
            with pytest.raises(KernelDied, match="restart it"):
                await session.start_cell("c1", timeout_s=60)

    asyncio.run(scenario())


def test_it_is_interrupted_when_its_time_is_over(root: Path) -> None:
    async def scenario() -> None:
        async with at("file", root) as place, place.session() as (session, _):
            await session.add_code(WAIT_FOR_GO, cell_id="c1")
            await session.start_cell("c1", timeout_s=0.5)
            done = await session.background.wait(timeout_s=30)
            assert done is not None
            assert done.status == "timeout"
            assert session.kernel_alive

    asyncio.run(scenario())


def test_what_others_write_is_taken_in_without_writing(root: Path) -> None:
    async def scenario() -> None:
        async with at("file", root) as place, place.session() as (session, events):
            await session.add_code("1", cell_id="c1")

            def change(notebook: dict) -> None:
                notebook["cells"][0]["source"] = "2"

            await place.somebody_edits(change)
            await session.refresh()
            assert [event.source for event in events.of("cell_edited")] == ["2"]
            assert session.ids() == ["c1"]

    asyncio.run(scenario())


def work_dir(root: Path) -> Path:
    return root / "n_files"
