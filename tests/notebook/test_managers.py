"""Notebooks behind a server's own contents manager, whatever that is."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from interp_bench_ext.errors import NotebookConflict
from interp_bench_ext.notebook.backend import NotebookCell
from interp_bench_ext.notebook.session import NotebookSession

from .managers import DiskThatFillsUp, Shelf
from .support import SERVED, Kind, Recorder, at, run, saved_sources, sources, until


async def add_until_it_fails(session: NotebookSession) -> None:
    async with asyncio.timeout(20):
        while True:
            await session.add_markdown("more")
            await asyncio.sleep(0.1)


async def edit_until_it_works(session: NotebookSession, cell_id: str) -> None:
    async with asyncio.timeout(20):
        while True:
            try:
                return await session.edit_cell(cell_id, "room again")
            except NotebookConflict:
                await asyncio.sleep(0.1)


@pytest.mark.parametrize("kind", SERVED)
def test_a_full_disk_is_one_clear_sentence_and_costs_no_cell(
    root: Path, kind: Kind, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = {"ServerApp": {"contents_manager_class": DiskThatFillsUp}}

    async def scenario() -> Recorder:
        async with at(kind, root, **config) as place, place.session() as (session, events):
            await session.add_markdown("first")
            await until(lambda: saved_sources(root / "n.ipynb") == ["first"])
            monkeypatch.setattr(DiskThatFillsUp, "full", True)
            with pytest.raises(NotebookConflict, match=r"n\.ipynb cannot be .*No space left on device"):
                await add_until_it_fails(session)
            cell_id = session.cells()[-1].cell_id
            monkeypatch.setattr(DiskThatFillsUp, "full", False)
            await edit_until_it_works(session, cell_id)
            assert (await run(session, "print(1)")).status == "ok"
            return events

    added = [event.source for event in asyncio.run(scenario()).of("cell_added")]
    assert sources(root / "n.ipynb") == [*added[:-2], "room again", added[-1]]


def test_notebooks_need_not_be_files(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Shelf, "notebooks", {})
    config = {"ServerApp": {"contents_manager_class": Shelf}}

    async def scenario() -> None:
        async with at("contents", root, **config) as place, place.session() as (session, events):
            await session.add_code("mine", cell_id="c")
            Shelf.notebooks["n.ipynb"]["cells"][0]["source"] = "print('theirs')"
            done = await session.run_cell("c", timeout_s=30)
            assert done.outputs[0]["text"] == "theirs\n"
            assert events.of("cell_edited")[0].source == "print('theirs')"
            del Shelf.notebooks["n.ipynb"]
            with pytest.raises(NotebookConflict, match="deleted or moved away"):
                await session.add_code("more")

    asyncio.run(scenario())
    assert Shelf.notebooks == {}
    assert not (root / "n.ipynb").exists()


def test_what_a_person_saves_while_the_run_saves_is_never_overwritten(root: Path) -> None:
    names = [str(number) for number in range(30)]

    async def scenario() -> None:
        async with at("contents", root) as place, place.backend() as backend:
            manager = place.app.contents_manager

            async def agent(name: str) -> None:
                await backend.put([NotebookCell(cell_id=f"mine-{name}", kind="code", source=f"mine {name}")])
                await backend.saved()

            async def somebody(name: str) -> None:
                model = await manager.get("n.ipynb")
                cell = {"id": f"theirs-{name}", "cell_type": "markdown", "metadata": {}, "source": [f"theirs {name}"]}
                model["content"]["cells"].append(cell)
                await manager.save({"type": "notebook", "format": "json", "content": model["content"]}, "n.ipynb")

            await agent("first")
            for name in names:
                await asyncio.gather(somebody(name), agent(name))

    asyncio.run(scenario())
    found = sources(root / "n.ipynb")
    assert sorted(found) == sorted(["mine first", *(f"{who} {name}" for name in names for who in ("mine", "theirs"))])


@pytest.mark.parametrize("kind", SERVED)
def test_who_reads_while_the_run_saves_never_finds_half_a_notebook(root: Path, kind: Kind) -> None:
    bulk = [{"output_type": "stream", "name": "stdout", "text": "x" * 4_000_000}]

    async def scenario() -> None:
        async with at(kind, root) as place, place.backend() as backend:
            manager = place.app.contents_manager
            reads = 0

            async def agent() -> None:
                number = 0
                while reads < 20:
                    cell = NotebookCell(cell_id=f"c{number % 3}", kind="code", source=str(number), outputs=bulk)
                    await backend.put([cell])
                    await backend.saved()
                    await asyncio.sleep(0.05)
                    number += 1

            async def reader() -> None:
                nonlocal reads
                while reads < 20:
                    await manager.get("n.ipynb")
                    reads += 1

            await backend.put([NotebookCell(cell_id="first", kind="code", source="0")])
            await backend.saved()
            await asyncio.gather(agent(), reader())

    asyncio.run(scenario())
    assert [path.name for path in root.iterdir() if path.is_file()] == ["n.ipynb"]
