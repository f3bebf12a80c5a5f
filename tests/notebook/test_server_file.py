"""A notebook behind the contents manager of a Jupyter server, which is real; only the server around it is not there."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest
from jupyter_server.services.contents.filemanager import FileContentsManager
from jupyter_server.services.contents.largefilemanager import AsyncLargeFileManager

from interp_bench_ext.errors import NotebookConflict, NotebookGone
from interp_bench_ext.notebook.backend import new_notebook
from interp_bench_ext.notebook.location import NotebookLocation
from interp_bench_ext.notebook.server_file import ServerFile

from .support import BareServer


def opened(folder: Path, kind: type[Any] = AsyncLargeFileManager) -> tuple[ServerFile, Any]:
    server: Any = BareServer(folder)
    manager = kind(root_dir=str(folder))
    return ServerFile(manager, NotebookLocation(server, folder / "n.ipynb")), manager


def notebook(source: str) -> dict[str, Any]:
    cell = {"id": "a", "cell_type": "markdown", "metadata": {}, "source": source}
    return {**new_notebook(), "cells": [cell]}


def sources(content: dict[str, Any]) -> list[str]:
    return ["".join(cell["source"]) for cell in content["cells"]]


@pytest.mark.parametrize("kind", [AsyncLargeFileManager, FileContentsManager])
def test_what_is_written_is_read_through_the_server(tmp_path: Path, kind: type[Any]):
    async def main() -> None:
        file, _ = opened(tmp_path, kind)
        assert await file.stamp() is None
        await file.write(notebook("one"))
        assert sources(await file.read()) == ["one"]
        before = await file.stamp()
        assert before == await file.stamp()
        await file.write(notebook("another"))
        assert await file.stamp() != before

    asyncio.run(main())
    assert sources(json.loads((tmp_path / "n.ipynb").read_text())) == ["another"]


def test_one_that_is_gone_is_not_written_back_unasked(tmp_path: Path):
    async def main() -> None:
        file, _ = opened(tmp_path)
        await file.write(notebook("one"))
        (tmp_path / "n.ipynb").unlink()
        with pytest.raises(NotebookGone, match=r"The notebook n\.ipynb was deleted or moved away"):
            await file.stamp()

    asyncio.run(main())


def test_what_is_no_notebook_is_a_conflict(tmp_path: Path):
    async def main() -> None:
        (tmp_path / "n.ipynb").write_text("nope")
        file, _ = opened(tmp_path)
        with pytest.raises(NotebookConflict, match=r"n\.ipynb cannot be read"):
            await file.read()

    asyncio.run(main())


def test_saves_of_others_are_heard_and_its_own_are_not(tmp_path: Path):
    heard: list[list[str]] = []

    async def main() -> None:
        file, manager = opened(tmp_path)
        file.listen(lambda content: heard.append(sources(content)))
        await file.write(notebook("mine"))
        theirs = {"type": "notebook", "format": "json", "content": notebook("theirs")}
        await manager.save(theirs, "n.ipynb")
        await manager.save(theirs, "other.ipynb")
        await manager.save({"type": "file", "format": "text", "content": "x"}, "n.txt")
        file.close()
        await manager.save(theirs, "n.ipynb")

    asyncio.run(main())
    assert heard == [["theirs"]]


def test_two_notebooks_of_one_server_each_hear_their_own(tmp_path: Path):
    heard: dict[str, int] = {"n.ipynb": 0, "m.ipynb": 0}

    async def main() -> None:
        first, manager = opened(tmp_path)
        server: Any = BareServer(tmp_path)
        second = ServerFile(manager, NotebookLocation(server, tmp_path / "m.ipynb"))
        first.listen(lambda content: heard.update({"n.ipynb": heard["n.ipynb"] + 1}))
        second.listen(lambda content: heard.update({"m.ipynb": heard["m.ipynb"] + 1}))
        await manager.save({"type": "notebook", "format": "json", "content": notebook("x")}, "m.ipynb")

    asyncio.run(main())
    assert heard == {"n.ipynb": 0, "m.ipynb": 1}
