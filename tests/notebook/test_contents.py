"""What only files have: they can be missing, replaced and broken from outside."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from interp_bench_ext.errors import BadInput, NotebookConflict
from interp_bench_ext.notebook.backend import NotebookCell
from interp_bench_ext.notebook.contents import ContentsBackend

from .support import sources


def code(cell_id: str, source: str, **more: Any) -> NotebookCell:
    return NotebookCell(cell_id=cell_id, kind="code", source=source, **more)


def test_a_deleted_notebook_is_written_again(tmp_path: Path) -> None:
    path = tmp_path / "n.ipynb"

    async def scenario() -> None:
        backend = await ContentsBackend.open(path)
        await backend.put([code("a", "a")])
        await backend.saved()
        path.rename(tmp_path / "renamed.ipynb")
        await backend.put([code("b", "b")])
        await backend.saved()

    asyncio.run(scenario())
    assert sources(path) == ["a", "b"]
    assert sources(tmp_path / "renamed.ipynb") == ["a"]


def test_what_is_no_notebook_is_never_overwritten(tmp_path: Path) -> None:
    path = tmp_path / "n.ipynb"

    async def scenario() -> None:
        backend = await ContentsBackend.open(path)
        await backend.put([code("a", "a")])
        await backend.saved()
        path.write_text("not json")
        await backend.put([code("b", "b")])
        with pytest.raises(NotebookConflict, match=r"n\.ipynb cannot be read"):
            await backend.saved()

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
