"""Links that an agent's code has left in a work folder, asked for as a browser does."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest
from jupyter_server.serverapp import ServerApp
from tornado.httpclient import HTTPClientError

from tests.redteam.suite import attempt

from .serving import fetch, running_server

SECRET = "the marbled polecat"
LINKED = ("out", "folder", "in", "up", "chain", "person")


@pytest.fixture
def root(tmp_path: Path) -> Path:
    root = tmp_path / "root"
    work = root / "one_files"
    (work / "deep").mkdir(parents=True)
    (root / "one.ipynb").write_text('{"cells": [], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}')
    for sealed in (tmp_path / "sealed", root / "configs"):
        sealed.mkdir()
        (sealed / "secret.txt").write_text(SECRET)
    (work / "plain.txt").write_text("plain")
    (work / "out").symlink_to(tmp_path / "sealed" / "secret.txt")
    (work / "in").symlink_to(root / "configs" / "secret.txt")
    (work / "folder").symlink_to(tmp_path / "sealed")
    (work / "up").symlink_to("../configs")
    (work / "deep" / "chain").symlink_to("../folder")
    (root / "mine").symlink_to("configs")
    (root / "person").symlink_to("one_files/folder")
    return root


PATHS = ("one_files/out", "one_files/in", "one_files/folder", "one_files/folder/secret.txt", "one_files/up/secret.txt",
         "one_files/deep/chain/secret.txt", "person/secret.txt")  # fmt: skip


async def body(app: ServerApp, path: str) -> str:
    """What is answered, also to what cannot be had."""
    try:
        answer = await fetch(app, "GET", path)
    except HTTPClientError as error:
        return error.response.body.decode() if error.response is not None and error.code in (403, 404) else SECRET
    return answer.body.decode()


EXTENSION: dict[str, Any] = {"ServerApp": {"jpserver_extensions": {"interp_bench_ext": True}}}


@attempt("F1b", "browser", "The contents API and /files/ read out of the server's folder through a link", veil="any")
@pytest.mark.parametrize("renamed", [False, True])
def test_no_route_follows_them(root: Path, renamed: bool) -> None:
    async def scenario() -> None:
        if renamed:  # a person has given the notebook another name meanwhile
            (root / "one.ipynb").rename(root / "uno.ipynb")
        async with running_server(root, collaboration=False, **EXTENSION) as app:
            for path in PATHS:
                for route in (f"api/contents/{path}?content=1", f"files/{path}", f"api/contents/{path}?type=file"):
                    said = await body(app, route)
                    assert SECRET not in said
                    assert "secret.txt" not in said.replace(path, "")
            listing = json.loads(await body(app, "api/contents/one_files"))["content"]
            assert sorted(entry["name"] for entry in listing) == ["deep", "plain.txt"]
            # What is no such link is there as ever: the search would notice it.
            assert SECRET in await body(app, "api/contents/mine/secret.txt")
            assert SECRET in await body(app, "files/mine/secret.txt")
            for path in ("api/contents/one_files/plain.txt", "files/one_files/plain.txt"):
                assert "plain" in await body(app, path)

    asyncio.run(scenario())


def test_a_link_that_comes_between_check_and_reading_is_not_followed(root: Path) -> None:
    async def scenario() -> None:
        async with running_server(root, collaboration=False, **EXTENSION) as app:
            manager: Any = app.contents_manager
            path = manager._get_os_path("one_files/plain.txt")
            with manager.open(path, "rb") as file:
                assert file.read() == b"plain"
            (root / "one_files" / "plain.txt").unlink()
            (root / "one_files" / "plain.txt").symlink_to("out")
            with pytest.raises(OSError), manager.open(path, "rb"):
                pass
            (root / "one_files" / "deep").rename(root / "one_files" / "gone")
            (root / "one_files" / "deep").symlink_to("folder")
            with pytest.raises(OSError), manager.open(str(root / "one_files" / "deep" / "secret.txt"), "rb"):
                pass

    asyncio.run(scenario())


def test_nothing_is_written_or_copied_through_them(root: Path) -> None:
    async def scenario() -> None:
        async with running_server(root, collaboration=False, **EXTENSION) as app:
            (root / "one_files" / ".ipynb_checkpoints").symlink_to(root / "configs")
            text = json.dumps({"type": "file", "format": "text", "content": "forged"})
            copied = json.dumps({"copy_from": "one_files"})
            for method, path, sent in (
                ("PUT", "api/contents/one_files/in", text),
                ("PUT", "api/contents/one_files/up/new.txt", text),
                ("POST", "api/contents/one_files/plain.txt/checkpoints", ""),
                ("POST", "api/contents/", copied),
            ):
                with pytest.raises(HTTPClientError) as refused:
                    await fetch(app, method, path, sent)
                assert refused.value.code == 404, path
            await fetch(app, "PUT", "api/contents/one_files/plain.txt", text)

    asyncio.run(scenario())
    assert [path.name for path in (root / "configs").iterdir()] == ["secret.txt"]
    assert (root / "configs" / "secret.txt").read_text() == SECRET
    assert (root / "one_files" / "plain.txt").read_text() == "forged"
    assert not list(root.glob("one_files-Copy*"))
