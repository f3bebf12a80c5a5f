"""Notebooks of a real Jupyter server: whose they are, where their sessions go, and which cannot be opened."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from interp_bench_ext.contracts import Veil
from interp_bench_ext.errors import BadInput
from interp_bench_ext.record.events import Event

from .persons import session_of
from .support import at, until


def test_one_run_at_a_time_has_a_notebook(root: Path) -> None:
    async def scenario() -> None:
        async with at("contents", root) as place:
            notebooks = place.notebooks
            path, events = root / "n.ipynb", list[Event]()
            opening = {"emit": events.append, "connection": None, "run": "r", "veil": Veil.PROCESS}
            first = await notebooks.open(path, **opening)
            with pytest.raises(BadInput, match=r"Another run is working in the notebook .*n\.ipynb"):
                await notebooks.open(path, **opening)
            await first.close()
            await (await notebooks.open(path, **opening)).close()

    asyncio.run(scenario())


def test_what_cannot_be_opened_is_one_clear_sentence(root: Path) -> None:
    async def scenario() -> None:
        async with at("contents", root) as place:
            opening = {"emit": lambda _: None, "connection": None, "run": "r", "veil": Veil.PROCESS}
            with pytest.raises(BadInput, match="is not below"):
                await place.notebooks.open(root.parent / "n.ipynb", **opening)
            place.app.gateway_config.url = "http://127.0.0.1:1"
            with pytest.raises(BadInput, match="gateway"):
                await place.notebooks.open(root / "n.ipynb", **opening)
            place.app.gateway_config.url = None
            assert place.app.kernel_manager.list_kernels() == []

    asyncio.run(scenario())


def test_the_session_follows_a_rename(root: Path) -> None:
    ids = {"ServerApp": {"jpserver_extensions": {"jupyter_server_fileid": True}}}

    async def scenario() -> None:
        async with at("contents", root, **ids) as place, place.session() as (session, _):
            await session.add_markdown("text")
            before = await session_of(place.app)
            await place.app.contents_manager.rename("n.ipynb", "other.ipynb")
            await until(lambda: session.path == root / "other.ipynb")
            found: list[str] = []
            async with asyncio.timeout(20):
                while "other.ipynb" not in found:
                    found = [model["path"] for model in await place.app.session_manager.list_sessions()]
                    await asyncio.sleep(0.05)
            await session.restart_kernel()
            assert (await session_of(place.app, "other.ipynb"))["id"] == before["id"]

    asyncio.run(scenario())
