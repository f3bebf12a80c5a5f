"""Cells in the shared document: at once, with the least change, and never lost, with or without a browser."""

from __future__ import annotations

import asyncio
import hashlib
import json
import sqlite3
from pathlib import Path
from typing import Any

import pytest

from interp_bench_ext.notebook.backend import NotebookCell
from interp_bench_ext.notebook.room import _serves, collaboration_of
from interp_bench_ext.record.cell_events import CellEdited

from .browser import browsing
from .serving import running_server
from .support import at, on_disk, run, saved_sources, sources, until

SHORT_STAY = {"YDocExtension": {"document_cleanup_delay": 0.2}}
NEVER_SAVES = {"YDocExtension": {"document_save_delay": None}}
WAITS = """
import os, time
print("started", flush=True)
while not os.path.exists("go"):
    time.sleep(0.01)
"""


def code(cell_id: str, source: str, status: str | None = None, **more: Any) -> NotebookCell:
    return NotebookCell(cell_id=cell_id, kind="code", source=source, mark={"run": "r", "status": status}, **more)


def stream(text: str) -> dict[str, Any]:
    return {"output_type": "stream", "name": "stdout", "text": text}


def rooms(app: Any) -> dict[str, Any]:
    found: dict[str, Any] = app.web_app.settings["jupyter_server_ydoc"].ywebsocket_server.rooms
    return {name: room for name, room in found.items() if name.startswith("json:notebook:")}


def test_a_browser_sees_cells_outputs_and_state_as_they_happen(root: Path) -> None:
    async def scenario() -> None:
        async with at("ydoc", root) as place, place.session() as (session, _):
            async with browsing(place.app) as browser:
                await session.add_markdown("# Title", cell_id="intro")
                await session.add_code(WAITS, cell_id="waits")
                await until(lambda: browser.sources == ["# Title", WAITS])
                task = asyncio.create_task(session.run_cell("waits", timeout_s=60))
                cell = browser.document.ycells[1]
                await until(lambda: len(cell["outputs"]) == 1 and str(cell["outputs"][0]["text"]) == "started\n")
                assert cell["execution_state"] == "running"
                assert cell["execution_count"] is None
                assert cell["metadata"]["interp_bench"] == {"run": "r", "status": "running"}
                await until(lambda: len(browser.presence) == 1)
                assert browser.presence[0]["interp_bench"] == {"run": "r", "cell": "waits"}
                (root / "n_files" / "go").touch()
                await task
                await until(lambda: cell["execution_state"] == "idle")
                assert cell["execution_count"] == 1
                assert cell["metadata"]["interp_bench"]["status"] == "ok"
                await until(lambda: browser.presence[0]["interp_bench"]["cell"] is None)
            await session.close()
            assert "interp_bench" not in next(iter(rooms(place.app).values())).awareness.get_local_state()

    asyncio.run(scenario())


def test_a_person_types_beside_the_agent(root: Path) -> None:
    async def scenario() -> None:
        async with (
            at("ydoc", root) as place,
            place.session() as (session, events),
            browsing(place.app) as browser,
        ):
            await session.add_code("first", cell_id="first")
            await session.add_code(WAITS, cell_id="waits")
            await until(lambda: len(browser.sources) == 2)
            task = asyncio.create_task(session.run_cell("waits", timeout_s=60))
            text = browser.document.ycells[0]["source"]
            for letter in "# a person was here\n":
                text.insert(len(str(text).encode()) - len("first"), letter)
                await asyncio.sleep(0)
            browser.document.append_cell({"cell_type": "markdown", "source": "theirs", "metadata": {}, "id": "x"})
            document = await place.document()
            await until(lambda: document.cell_number == 3)
            (root / "n_files" / "go").touch()
            assert (await task).status == "ok"
            await session.add_code("last", cell_id="last")
            await until(lambda: len(browser.sources) == 4)
            expected = ["# a person was here\nfirst", WAITS, "theirs", "last"]
            assert browser.sources == await place.sources() == expected
            assert events.of("cell_edited")[-1] == CellEdited(cell_id="first", source=expected[0])
            assert session.cells()[0].source == expected[0]

    asyncio.run(scenario())
    assert sources(root / "n.ipynb")[::2] == ["# a person was here\nfirst", "theirs"]


def test_changes_are_as_small_as_what_is_new(root: Path) -> None:
    long = "".join(f"line {number} ä\n" for number in range(5000))
    steps = [
        code("a", long, "running"),
        code("a", long, "running", outputs=[stream(long)]),
        code("a", long, "running", outputs=[stream(long + "more\n")]),
        code("a", long, "running", outputs=[stream(long + "more and mehr ü\n")]),
        code("a", long, "ok", outputs=[stream(long + "more and mehr ü\n"), stream("b")], execution_count=1),
        code("a", long.replace("line 99 ", "line 99, 100 "), "ok", outputs=[stream(long + "more\n")]),
    ]

    async def scenario() -> None:
        sizes: list[int] = []
        async with at("ydoc", root) as place, place.backend() as backend:
            document = await place.document()
            stack = len(document.undo_manager.undo_stack)
            subscription = document.ydoc.observe(lambda event: sizes.append(len(event.update)))
            for step in steps:
                await backend.put([step])
            await backend.put([steps[-1]])
            document.ydoc.unobserve(subscription)
            # One change each, and none where nothing is new.
            assert len(sizes) == len(steps)
            assert max(sizes[2:]) < 500
            assert document.get()["cells"][0]["outputs"] == [stream(long + "more\n")]
            assert document.get()["cells"][0]["source"] == steps[-1].source
            # What was overwritten is not kept for an undo that nobody can ask for.
            assert len(document.undo_manager.undo_stack) == stack

    asyncio.run(scenario())


def test_a_room_without_a_browser_lives_as_long_as_the_run(root: Path) -> None:
    async def scenario() -> None:
        async with at("ydoc", root, **SHORT_STAY) as place:
            async with place.backend() as backend:
                [room] = rooms(place.app).values()
                async with browsing(place.app):
                    await backend.put([code("a", "a")])
                await until(lambda: len(room.clients) == 1)
                passed = asyncio.Event()
                asyncio.get_running_loop().call_later(1.0, passed.set)
                await passed.wait()
                assert list(rooms(place.app).values()) == [room]
                await backend.put([code("b", "b")])
                await until(lambda: saved_sources(root / "n.ipynb") == ["a", "b"])
            await until(lambda: rooms(place.app) == {})

    asyncio.run(scenario())


def test_a_room_that_is_about_to_end_is_kept(root: Path) -> None:
    async def scenario() -> None:
        async with at("ydoc", root, YDocExtension={"document_cleanup_delay": 1.0}) as place:
            async with place.backend() as backend:
                await backend.put([code("a", "a")])
            [room] = rooms(place.app).values()
            async with place.backend() as backend:
                await asyncio.gather(room.cleaner, return_exceptions=True)
                assert list(rooms(place.app).values()) == [room]
                await backend.put([code("b", "b")])

    asyncio.run(scenario())
    assert sources(root / "n.ipynb") == ["a", "b"]


def test_a_browser_that_comes_back_while_the_room_ends_keeps_it(root: Path) -> None:
    async def scenario() -> None:
        async with at("ydoc", root, YDocExtension={"document_cleanup_delay": 1.0}) as place:
            async with place.backend() as backend:
                await backend.put([code("a", "a")])
            [room] = rooms(place.app).values()
            async with browsing(place.app) as browser:
                await asyncio.gather(room.cleaner, return_exceptions=True)
                assert list(rooms(place.app).values()) == [room]
                assert browser.sources == ["a"]

    asyncio.run(scenario())


def test_each_step_is_saved_though_the_room_saves_nothing_by_itself(root: Path) -> None:
    async def scenario() -> None:
        async with at("ydoc", root, **NEVER_SAVES) as place, place.backend() as backend:
            for number in range(3):
                await backend.put([code(f"c{number}", str(number))])
                expected = [str(index) for index in range(number + 1)]
                await until(lambda expected=expected: saved_sources(root / "n.ipynb") == expected)

    asyncio.run(scenario())


def test_cells_that_were_not_saved_survive_another_program_that_writes_the_file(root: Path) -> None:
    async def scenario() -> None:
        quick = {"document_save_delay": None, "file_poll_interval": 0.1}
        async with at("ydoc", root, YDocExtension=quick) as place, place.backend() as backend:
            document = await place.document()
            await backend.put([code("a", "a"), code("b", "old")])
            await until(lambda: saved_sources(root / "n.ipynb") == ["a", "old"])
            # The room has heard of its own write, too.
            await until(lambda: document.hash == hashlib.sha256((root / "n.ipynb").read_bytes()).hexdigest())
            older = on_disk(root / "n.ipynb")
            await backend.put([code("b", "new"), code("c", "c", outputs=[stream("x")])])
            older["cells"].append({"id": "x", "cell_type": "markdown", "metadata": {}, "source": "theirs"})
            (root / "n.ipynb").write_text(json.dumps(older))
            await until(lambda: [cell["id"] for cell in document.ycells] == ["a", "b", "x", "c"])
            # The file's older text of b is no edit, and the run's newer one is not lost.
            assert await backend.refresh() == {}
            assert await place.sources() == ["a", "new", "theirs", "c"]

    asyncio.run(scenario())
    assert sources(root / "n.ipynb") == ["a", "new", "theirs", "c"]
    assert on_disk(root / "n.ipynb")["cells"][3]["outputs"][0]["text"] == ["x"]


def test_a_browser_that_reconnects_after_the_room_was_rebuilt_doubles_nothing(root: Path) -> None:
    async def scenario() -> None:
        async with at("ydoc", root, **SHORT_STAY) as place:
            async with place.backend() as backend, browsing(place.app) as browser:
                await backend.put([code("a", "a"), code("b", "b", outputs=[stream("x")])])
                await until(lambda: browser.sources == ["a", "b"])
            await until(lambda: rooms(place.app) == {})
            async with place.backend() as backend:
                await backend.put([code("c", "c")])
                async with browsing(place.app, ydoc=browser.document.ydoc) as again:
                    await until(lambda: again.sources == ["a", "b", "c"])
                    assert await place.sources() == ["a", "b", "c"]

    asyncio.run(scenario())
    assert sources(root / "n.ipynb") == ["a", "b", "c"]


def test_the_room_s_history_is_where_the_administrator_wants_it(root: Path) -> None:
    async def scenario() -> None:
        async with at("ydoc", root) as place, place.backend() as backend:
            await backend.put([code("a", "a")])

    asyncio.run(scenario())
    store = sqlite3.connect(root.parent / f"{root.name}-state" / "ystore.db")
    assert store.execute("SELECT count(*) FROM yupdates").fetchone()[0] > 0
    store.close()


def test_collaboration_is_what_is_enabled_not_what_is_installed(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    package = tmp_path / "rival" / "jupyter_server_documents"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text(
        "def _jupyter_server_extension_points():\n"
        "    return [{'module': 'jupyter_server_documents'}]\n"
        "def _load_jupyter_server_extension(serverapp):\n"
        "    serverapp.web_app.settings['jupyter_server_ydoc'] = object()\n"
    )
    monkeypatch.syspath_prepend(str(package.parent))
    rival = {"jpserver_extensions": {"jupyter_server_documents": True}}

    async def found(**config: Any) -> bool:
        collaboration = config.pop("collaboration", True)
        async with running_server(root, collaboration=collaboration, **config) as app:
            return collaboration_of(app) is not None

    assert asyncio.run(found())
    assert not asyncio.run(found(collaboration=False))
    assert not asyncio.run(found(YDocExtension={"disable_rtc": True}))
    assert not asyncio.run(found(ServerApp=rival))


def test_a_run_that_is_cut_off_leaves_no_seat(root: Path) -> None:
    async def scenario() -> None:
        async with at("ydoc", root) as place:
            async with place.session() as (session, events):
                task = asyncio.create_task(run(session, "while True: pass"))
                await events.until(lambda event: event.type == "cell_started")
                task.cancel()
                await asyncio.gather(task, return_exceptions=True)
            [room] = rooms(place.app).values()
            assert room.clients == set()
            cell = (await place.read())["cells"][0]
            assert cell["metadata"]["interp_bench"]["status"] == "interrupted"
            assert (await place.document()).ycells[0]["execution_state"] == "idle"

    asyncio.run(scenario())


def test_a_room_that_dies_costs_no_run_and_is_opened_again(root: Path) -> None:
    async def scenario() -> None:
        async with at("ydoc", root) as place:
            async with place.session() as (session, _):
                [dead] = rooms(place.app).values()
                dead._task_group.cancel_scope.cancel()
                await until(lambda: not _serves(dead))
                with pytest.raises(RuntimeError):
                    dead.awareness.set_local_state({"a": 1})
                await session.add_code("1 + 1", cell_id="c1")
                assert (await session.run_cell("c1", timeout_s=60)).status == "ok"
                await session.close()
            assert "1 + 1" in sources(root / "n.ipynb")
            async with place.session() as (session, _):
                [room] = rooms(place.app).values()
                assert room is not dead
                assert _serves(room)
                await session.add_code("2 + 2", cell_id="c2")
                await session.close()
            assert "2 + 2" in sources(root / "n.ipynb")

    asyncio.run(scenario())


def test_where_no_room_can_be_had_the_file_is_written(root: Path, caplog: pytest.LogCaptureFixture) -> None:
    async def scenario() -> None:
        async with at("ydoc", root) as place:
            async with place.session() as (session, _):
                await session.close()
            place.app.log.addHandler(caplog.handler)
            extension = place.app.web_app.settings["jupyter_server_ydoc"]
            extension.ywebsocket_server._task_group.cancel_scope.cancel()
            await until(lambda: not any(_serves(room) for room in rooms(place.app).values()))
            async with place.session() as (session, _):
                await session.add_code("3 + 3", cell_id="c3")
                assert (await session.run_cell("c3", timeout_s=60)).status == "ok"
                await session.close()
            assert "3 + 3" in sources(root / "n.ipynb")
            assert "serves no documents any more" in caplog.text

    asyncio.run(scenario())
