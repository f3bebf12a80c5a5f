"""Sessions with real kernels for tests."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from interp_bench_ext.contracts import Connection, Veil
from interp_bench_ext.events import Event
from interp_bench_ext.kernel.sandbox import sandbox_available
from interp_bench_ext.notebook.session import NotebookSession

needs_sandbox = pytest.mark.skipif(sandbox_available() is not None, reason=str(sandbox_available()))
BOTH_VEILS = [Veil.PROCESS, pytest.param(Veil.SANDBOXED, marks=needs_sandbox)]


class Recorder(list[Event]):
    """Keeps events, and lets a test wait for one instead of for a time."""

    def __init__(self) -> None:
        super().__init__()
        self._news = asyncio.Event()

    def __call__(self, event: Event) -> None:
        self.append(event)
        self._news.set()

    async def until(self, wanted: Callable[[Event], bool], *, timeout_s: float = 20) -> Event:
        async with asyncio.timeout(timeout_s):
            while True:
                for event in self:
                    if wanted(event):
                        return event
                self._news.clear()
                await self._news.wait()

    def of(self, *types: str) -> list[Any]:
        return [event for event in self if event.type in types]


@asynccontextmanager
async def open_session(
    path: Path, *, veil: Veil = Veil.PROCESS, connection: Connection | None = None, **options: Any
) -> AsyncIterator[tuple[NotebookSession, Recorder]]:
    events = Recorder()
    session = await NotebookSession.open(path, emit=events, connection=connection, veil=veil, **options)
    try:
        yield session, events
    finally:
        await session.close()


async def run(session: NotebookSession, source: str, *, timeout_s: float = 30) -> Any:
    return await session.run_cell(await session.add_code(source), timeout_s=timeout_s)


def text_of(outputs: Iterable[dict[str, Any]]) -> str:
    return "".join(output["text"] for output in outputs if output["output_type"] == "stream")


def on_disk(path: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(path.read_text())
    return found


def sources(path: Path) -> list[str]:
    return ["".join(cell["source"]) for cell in on_disk(path)["cells"]]
