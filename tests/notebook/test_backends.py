"""What every place for notebooks has in common."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import nbformat
import pytest

from interp_bench_ext.errors import BadInput, NotebookConflict
from interp_bench_ext.notebook.backend import NotebookBackend, NotebookCell

from .support import KINDS, SERVED, Kind, at, on_disk, sources, until


def code(cell_id: str, source: str, **more: Any) -> NotebookCell:
    return NotebookCell(cell_id=cell_id, kind="code", source=source, **more)


def stream(text: str) -> dict[str, Any]:
    return {"output_type": "stream", "name": "stdout", "text": text}


def html(text: str) -> dict[str, Any]:
    return {"output_type": "display_data", "data": {"text/html": text, "text/plain": ""}, "metadata": {}}


def markdown(cell_id: str, source: str) -> dict[str, Any]:
    return {"id": cell_id, "cell_type": "markdown", "metadata": {}, "source": source}


@pytest.mark.parametrize("kind", KINDS)
def test_a_new_notebook_opens_in_lab(root: Path, kind: Kind) -> None:
    async def scenario() -> None:
        async with at(kind, root) as place, place.backend() as backend:
            await backend.put([code("a", "1"), NotebookCell(cell_id="b", kind="markdown", source="*t*")])

    asyncio.run(scenario())
    notebook = nbformat.read(root / "n.ipynb", as_version=4)
    nbformat.validate(notebook)
    assert notebook.metadata.kernelspec.name == "python3"
    assert [(cell.id, cell.cell_type) for cell in notebook.cells] == [("a", "code"), ("b", "markdown")]


@pytest.mark.parametrize("kind", KINDS)
def test_cells_and_edits_of_others_survive(root: Path, kind: Kind) -> None:
    def edit(notebook: dict[str, Any]) -> None:
        notebook["cells"][0]["source"] = "theirs a"
        notebook["cells"][0]["metadata"]["tags"] = ["kept"]
        notebook["cells"].insert(1, markdown("x", "theirs x"))

    async def scenario() -> None:
        async with at(kind, root) as place, place.backend() as backend:
            await backend.put([code("a", "mine a"), code("b", "mine b")])
            await backend.saved()
            await place.somebody_edits(edit)
            assert await backend.refresh() == {"a": "theirs a"}
            assert await backend.refresh() == {}
            await backend.put([code("c", "mine c")])
            assert backend.ids() == ["a", "x", "b", "c"]
            assert [cell.own for cell in backend.cells()] == [True, False, True, True]

    asyncio.run(scenario())
    assert sources(root / "n.ipynb") == ["theirs a", "theirs x", "mine b", "mine c"]
    assert on_disk(root / "n.ipynb")["cells"][0]["metadata"]["tags"] == ["kept"]


@pytest.mark.parametrize("kind", KINDS)
def test_an_edit_that_comes_before_a_write_is_kept_and_told(root: Path, kind: Kind) -> None:
    def edit(notebook: dict[str, Any]) -> None:
        notebook["cells"][0]["source"] = "theirs"

    async def scenario() -> None:
        async with at(kind, root) as place, place.backend() as backend:
            await backend.put([code("a", "mine")])
            await backend.saved()
            await place.somebody_edits(edit)
            # The run has not looked, and only the outputs are new.
            await backend.put([code("a", "mine", outputs=[stream("x")])])
            await backend.saved()
            assert await place.sources() == ["theirs"]
            assert await backend.refresh() == {"a": "theirs"}

    asyncio.run(scenario())
    assert on_disk(root / "n.ipynb")["cells"][0]["outputs"][0]["text"] == ["x"]


@pytest.mark.parametrize("kind", KINDS)
def test_removed_cells_of_the_run_come_back_in_order(root: Path, kind: Kind) -> None:
    def edit(notebook: dict[str, Any]) -> None:
        notebook["cells"] = [notebook["cells"][2], markdown("x", "x")]

    async def scenario() -> None:
        async with at(kind, root) as place, place.backend() as backend:
            await backend.put([code(name, name) for name in "abc"])
            await backend.saved()
            await place.somebody_edits(edit)
            await backend.put([code("d", "d")])
            await backend.saved()
            assert await place.sources() == ["a", "b", "c", "x", "d"]

    asyncio.run(scenario())
    assert sources(root / "n.ipynb") == ["a", "b", "c", "x", "d"]


@pytest.mark.parametrize("kind", KINDS)
def test_the_empty_cell_of_a_fresh_notebook_makes_way(root: Path, kind: Kind) -> None:
    empty = {"id": "e", "cell_type": "code", "metadata": {}, "source": "", "outputs": [], "execution_count": None}
    fresh = {"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": [empty]}
    (root / "n.ipynb").write_text(json.dumps(fresh))

    async def scenario() -> None:
        async with at(kind, root) as place, place.backend() as backend:
            await backend.put([code("a", "a")])

    asyncio.run(scenario())
    assert sources(root / "n.ipynb") == ["a"]


@pytest.mark.parametrize("kind", KINDS)
def test_format_4_4_is_upgraded_so_that_cells_do_not_double(root: Path, kind: Kind) -> None:
    path = root / "n.ipynb"
    old = {"cell_type": "code", "metadata": {}, "source": "old", "outputs": [], "execution_count": None}
    path.write_text(json.dumps({"nbformat": 4, "nbformat_minor": 4, "metadata": {}, "cells": [old]}))

    async def scenario() -> None:
        async with at(kind, root) as place:
            for source in ("1", "2", "3"):
                async with place.backend() as backend:
                    await backend.put([code("a", source)])

    asyncio.run(scenario())
    assert sources(path) == ["old", "3"]
    assert on_disk(path)["nbformat_minor"] >= 5
    assert on_disk(path)["metadata"]["kernelspec"]["name"] == "python3"
    nbformat.validate(nbformat.read(path, as_version=4))


@pytest.mark.parametrize("kind", KINDS)
def test_new_outputs_of_a_trusted_cell_are_not_trusted(root: Path, kind: Kind) -> None:
    def trust(notebook: dict[str, Any]) -> None:
        for cell in notebook["cells"]:
            cell["metadata"]["trusted"] = True

    async def scenario() -> None:
        same, other = code("a", "a", outputs=[html("<b>a</b>")]), code("b", "b")
        async with at(kind, root) as place:
            async with place.backend() as backend:
                await backend.put([same, other])
                await backend.saved()
                await place.somebody_edits(trust)
                await backend.refresh()
                await backend.put([same, code("b", "b", outputs=[html("<script>alert(1)</script>")])])
                trusted = [cell["metadata"].get("trusted") for cell in (await place.read())["cells"]]
                assert trusted[1] is not True
                assert kind != "ydoc" or trusted[0] is True
            if place.served is not None:
                # Who opens the file next has to trust it anew.
                model = await place.app.contents_manager.get("n.ipynb")
                assert not model["content"]["cells"][1]["metadata"]["trusted"]

    asyncio.run(scenario())


async def go_on(backend: NotebookBackend) -> None:
    """Take step after step until something is wrong."""
    async with asyncio.timeout(20):
        while True:
            await backend.refresh()
            await backend.put([code("b", "b")])
            await backend.saved()
            await asyncio.sleep(0.05)


@pytest.mark.parametrize("kind", SERVED)
@pytest.mark.parametrize("through", ["server", "shell"])
def test_a_deleted_notebook_is_one_clear_sentence(root: Path, kind: Kind, through: str) -> None:
    async def scenario() -> None:
        async with at(kind, root) as place, place.backend() as backend:
            await backend.put([code("a", "a")])
            await backend.saved()
            await until(lambda: '"a"' in (root / "n.ipynb").read_text())
            if through == "server":
                await place.app.contents_manager.delete("n.ipynb")
            else:
                (root / "n.ipynb").unlink()
            with pytest.raises(NotebookConflict, match=r"n\.ipynb was deleted or moved away; put it back"):
                await go_on(backend)

    asyncio.run(scenario())
    assert not (root / "n.ipynb").exists()


@pytest.mark.parametrize(("kind", "file_ids"), [("contents", False), ("contents", True), ("ydoc", True)])
def test_a_renamed_notebook_is_followed(root: Path, kind: Kind, file_ids: bool) -> None:
    ids = {"ServerApp": {"jpserver_extensions": {"jupyter_server_fileid": True}}} if kind == "contents" else {}

    async def scenario() -> None:
        async with at(kind, root, **(ids if file_ids else {})) as place, place.backend() as backend:
            await backend.put([code("a", "a")])
            await backend.saved()
            await until(lambda: '"a"' in (root / "n.ipynb").read_text())
            (root / "folder").mkdir()
            await place.app.contents_manager.rename("n.ipynb", "folder/other.ipynb")
            # The server says so a moment later, but nothing is written to the old place meanwhile.
            await backend.put([code("b", "b")])
            await backend.saved()
            await until(lambda: backend.path == root / "folder/other.ipynb")
            await place.app.contents_manager.rename("folder", "shelf")
            await backend.put([code("c", "c")])
            await backend.saved()
            await until(lambda: '"c"' in (root / "shelf/other.ipynb").read_text())
            await place.app.contents_manager.copy("shelf/other.ipynb", "twin.ipynb")
            await backend.put([code("d", "d")])

    asyncio.run(scenario())
    assert sources(root / "shelf/other.ipynb") == ["a", "b", "c", "d"]
    assert sources(root / "twin.ipynb") == ["a", "b", "c"]
    assert not (root / "n.ipynb").exists()
    assert not (root / "folder").exists()


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_no_notebook_cannot_be_opened(root: Path, kind: Kind) -> None:
    (root / "n.ipynb").write_text("not json")

    async def scenario() -> None:
        async with at(kind, root) as place:
            with pytest.raises(BadInput, match=r"n\.ipynb is not valid JSON"):
                async with place.backend():
                    pass

    asyncio.run(scenario())
    assert (root / "n.ipynb").read_text() == "not json"
