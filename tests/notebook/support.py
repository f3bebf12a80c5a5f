"""Sessions with real kernels for tests, in a file or in a real Jupyter server."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Literal

import nbformat
import pytest
from jupyter_events import EventLogger
from jupyter_server import DEFAULT_EVENTS_SCHEMA_PATH
from jupyter_server.serverapp import ServerApp

from interp_bench_ext.contracts import Connection, Veil
from interp_bench_ext.notebook.backend import NotebookBackend
from interp_bench_ext.notebook.contents import ContentsBackend
from interp_bench_ext.notebook.location import NotebookLocation
from interp_bench_ext.notebook.server import ServerNotebooks
from interp_bench_ext.notebook.session import NotebookSession
from interp_bench_ext.record.events import Event
from interp_bench_ext.sandbox.bubblewrap import sandbox_available

from .serving import running_server

needs_sandbox = pytest.mark.skipif(sandbox_available() is not None, reason=str(sandbox_available()))
BOTH_VEILS = [Veil.PROCESS, pytest.param(Veil.SANDBOXED, marks=needs_sandbox)]

Kind = Literal["file", "contents", "ydoc"]
"""A file without a server, a file through a server's contents manager, a shared document of a server."""
KINDS: tuple[Kind, ...] = ("file", "contents", "ydoc")
every_kind = pytest.mark.parametrize("kind", ["file", pytest.param("contents", marks=pytest.mark.slow), "ydoc"])
"""For what is the session's or the kernel's; what is a place's own is tested at each (test_backends.py)."""
SERVED: tuple[Kind, ...] = ("contents", "ydoc")


class BareServer:
    """What a notebook's place asks of a server: its folder, its settings, and what its contents manager tells."""

    def __init__(self, root: Path, **settings: Any) -> None:
        self.root_dir = str(root)
        self.web_app = SimpleNamespace(settings=settings)
        self.event_logger = EventLogger()
        self.event_logger.register_event_schema(Path(DEFAULT_EVENTS_SCHEMA_PATH) / "contents_service" / "v1.yaml")


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


@dataclass
class Place:
    """Where a test's notebooks are."""

    kind: Kind
    root: Path
    served: ServerApp | None = None

    @property
    def app(self) -> ServerApp:
        assert self.served is not None
        return self.served

    @property
    def notebooks(self) -> ServerNotebooks:
        return ServerNotebooks(self.app)

    @asynccontextmanager
    async def session(
        self, name: str = "n.ipynb", *, veil: Veil = Veil.PROCESS, connection: Connection | None = None, **more: Any
    ) -> AsyncIterator[tuple[NotebookSession, Recorder]]:
        events = Recorder()
        opening = NotebookSession.open if self.served is None else self.notebooks.open
        options = {"run": "r", "emit": events, **more}
        session = await opening(self.root / name, connection=connection, veil=veil, **options)
        try:
            yield session, events
        finally:
            await session.close()

    @asynccontextmanager
    async def backend(self, name: str = "n.ipynb") -> AsyncIterator[NotebookBackend]:
        """A notebook without a kernel."""
        if self.served is None:
            backend: NotebookBackend = await ContentsBackend.open(self.root / name)
        else:
            backend = await self.notebooks._open_backend(NotebookLocation(self.app, self.root / name))
        try:
            yield backend
        finally:
            await backend.close()

    async def document(self, name: str = "n.ipynb") -> Any:
        """The shared document itself."""
        return await self.app.web_app.settings["jupyter_server_ydoc"].get_document(
            path=name, content_type="notebook", file_format="json", copy=False
        )

    async def read(self, name: str = "n.ipynb") -> dict[str, Any]:
        """The notebook as whoever has it open sees it."""
        if self.kind == "ydoc":
            return dict((await self.document(name)).get())
        return dict(nbformat.read(self.root / name, as_version=4))

    async def sources(self, name: str = "n.ipynb") -> list[str]:
        return [cell["source"] for cell in (await self.read(name))["cells"]]

    async def somebody_edits(self, change: Callable[[dict[str, Any]], None], name: str = "n.ipynb") -> None:
        """Another writer changes the notebook: a browser that shares the document, or who writes the file."""
        if self.kind == "ydoc":
            await self._browser_edits(change, name)
            return
        await until(lambda: saved_sources(self.root / name) is not None)
        notebook = json.loads((self.root / name).read_text())
        change(notebook)
        (self.root / name).write_text(json.dumps(notebook))

    async def _browser_edits(self, change: Callable[[dict[str, Any]], None], name: str) -> None:
        from jupyter_ydoc import YNotebook

        shared = await self.document(name)
        own = YNotebook()
        own.ydoc.apply_update(shared.ydoc.get_update())
        notebook = own.get()
        change(notebook)
        own.set(notebook)
        shared.ydoc.apply_update(own.ydoc.get_update(shared.ydoc.get_state()))


@asynccontextmanager
async def at(kind: Kind, root: Path, **config: dict[str, Any]) -> AsyncIterator[Place]:
    """A place for notebooks; ``config`` is the server's, by class name."""
    if kind == "file":
        yield Place(kind, root)
        return
    async with running_server(root, collaboration=kind == "ydoc", **config) as app:
        yield Place(kind, root, app)


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


async def until(condition: Callable[[], bool], *, timeout_s: float = 20) -> None:
    """Wait for what nobody announces."""
    async with asyncio.timeout(timeout_s):
        while not condition():  # noqa: ASYNC110
            await asyncio.sleep(0.01)


def text_of(outputs: Iterable[dict[str, Any]]) -> str:
    return "".join(output["text"] for output in outputs if output["output_type"] == "stream")


def on_disk(path: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(path.read_text())
    return found


def sources(path: Path) -> list[str]:
    return ["".join(cell["source"]) for cell in on_disk(path)["cells"]]


def saved_sources(path: Path) -> list[str] | None:
    """The sources in a file that others write just now; None where it is half-written."""
    try:
        return sources(path)
    except json.JSONDecodeError:
        return None


@asynccontextmanager
async def longest_pause() -> AsyncIterator[Callable[[], float]]:
    """How long the event loop has kept others waiting meanwhile, in seconds."""
    longest = 0.0

    async def watch() -> None:
        nonlocal longest
        while True:
            before = time.monotonic()
            await asyncio.sleep(0.001)
            longest = max(longest, time.monotonic() - before)

    watching = asyncio.create_task(watch())
    try:
        yield lambda: longest
    finally:
        watching.cancel()
