from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import nbformat
import pytest

from interp_bench_ext.errors import BadInput, NotebookConflict
from interp_bench_ext.notebook.backend import NotebookCell
from interp_bench_ext.notebook.contents import ContentsBackend

from .support import on_disk, sources


def code(cell_id: str, source: str, **more: Any) -> NotebookCell:
    return NotebookCell(cell_id=cell_id, kind="code", source=source, **more)


def write(path: Path, notebook: dict[str, Any]) -> None:
    path.write_text(json.dumps(notebook))


def test_a_new_notebook_opens_in_lab(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)

    async def scenario() -> None:
        backend = await ContentsBackend.open(Path("n.ipynb"))
        assert not (tmp_path / "n.ipynb").exists()
        await backend.put([code("a", "1"), NotebookCell(cell_id="b", kind="markdown", source="*t*")])

    asyncio.run(scenario())
    notebook = nbformat.read(tmp_path / "n.ipynb", as_version=4)
    nbformat.validate(notebook)
    assert notebook.metadata.kernelspec.name == "python3"
    assert [(cell.id, cell.cell_type) for cell in notebook.cells] == [("a", "code"), ("b", "markdown")]


def test_cells_and_edits_of_others_survive(tmp_path: Path) -> None:
    path = tmp_path / "n.ipynb"

    async def scenario() -> dict[str, str]:
        backend = await ContentsBackend.open(path)
        await backend.put([code("a", "mine a"), code("b", "mine b")])
        notebook = on_disk(path)
        notebook["cells"][0]["source"] = "theirs a"
        notebook["cells"][0]["metadata"]["tags"] = ["kept"]
        notebook["cells"].insert(1, {"id": "x", "cell_type": "markdown", "metadata": {}, "source": "theirs x"})
        write(path, notebook)
        edited = await backend.refresh()
        await backend.put([code("c", "mine c")])
        return edited

    assert asyncio.run(scenario()) == {"a": "theirs a"}
    assert sources(path) == ["theirs a", "theirs x", "mine b", "mine c"]
    assert on_disk(path)["cells"][0]["metadata"]["tags"] == ["kept"]


def test_removed_cells_of_the_run_come_back_in_order(tmp_path: Path) -> None:
    path = tmp_path / "n.ipynb"

    async def scenario() -> None:
        backend = await ContentsBackend.open(path)
        await backend.put([code(name, name) for name in "abc"])
        notebook = on_disk(path)
        theirs = {"id": "x", "cell_type": "markdown", "metadata": {}, "source": "x"}
        notebook["cells"] = [notebook["cells"][2], theirs]
        write(path, notebook)
        await backend.put([code("d", "d")])

    asyncio.run(scenario())
    assert sources(path) == ["a", "b", "c", "x", "d"]


def test_a_deleted_notebook_is_written_again(tmp_path: Path) -> None:
    path = tmp_path / "n.ipynb"

    async def scenario() -> None:
        backend = await ContentsBackend.open(path)
        await backend.put([code("a", "a")])
        path.rename(tmp_path / "renamed.ipynb")
        await backend.put([code("b", "b")])

    asyncio.run(scenario())
    assert sources(path) == ["a", "b"]
    assert sources(tmp_path / "renamed.ipynb") == ["a"]


def test_format_4_4_is_upgraded_so_that_cells_do_not_double(tmp_path: Path) -> None:
    path = tmp_path / "old.ipynb"
    old = {"cell_type": "code", "metadata": {}, "source": "old", "outputs": [], "execution_count": None}
    write(path, {"nbformat": 4, "nbformat_minor": 4, "metadata": {}, "cells": [old]})

    async def scenario() -> None:
        backend = await ContentsBackend.open(path)
        for source in ("1", "2", "3"):
            await backend.put([code("a", source)])

    asyncio.run(scenario())
    assert sources(path) == ["old", "3"]
    assert on_disk(path)["nbformat_minor"] >= 5
    assert on_disk(path)["metadata"]["kernelspec"]["name"] == "python3"
    nbformat.validate(nbformat.read(path, as_version=4))


def test_what_is_no_notebook_is_never_overwritten(tmp_path: Path) -> None:
    path = tmp_path / "n.ipynb"

    async def scenario() -> None:
        backend = await ContentsBackend.open(path)
        await backend.put([code("a", "a")])
        path.write_text("not json")
        with pytest.raises(NotebookConflict, match=r"n\.ipynb cannot be read"):
            await backend.put([code("b", "b")])

    asyncio.run(scenario())
    assert path.read_text() == "not json"


@pytest.mark.parametrize("name", ["missing/n.ipynb", "file/n.ipynb", "s3://bucket/n.ipynb"])
def test_a_folder_that_is_none_is_one_clear_sentence(tmp_path: Path, name: str) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(BadInput, match=r"does not exist on this machine"):
        asyncio.run(ContentsBackend.open(tmp_path / name))


def test_opening_what_is_no_notebook_is_bad_input(tmp_path: Path) -> None:
    (tmp_path / "n.ipynb").write_text("{}")
    with pytest.raises(BadInput):
        asyncio.run(ContentsBackend.open(tmp_path / "n.ipynb"))


def test_a_read_only_folder_is_bad_input(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # Permissions do not bind the superuser, who often runs tests.
    monkeypatch.setattr("os.access", lambda path, mode: False)
    with pytest.raises(BadInput, match=r"cannot be written"):
        asyncio.run(ContentsBackend.open(tmp_path / "n.ipynb"))
