"""The kernel of a run inside a Jupyter server is the notebook's own, and a person can do with it what they like."""

from __future__ import annotations

import asyncio
import fcntl
import json
import os
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
import zmq
from jupyter_client.asynchronous.client import AsyncKernelClient
from jupyter_client.provisioning.local_provisioner import LocalProvisioner
from jupyter_server.serverapp import ServerApp

from interp_bench_ext.contracts import Connection, Veil
from interp_bench_ext.errors import BadInput, KernelDied
from interp_bench_ext.record.events import Event
from interp_bench_ext.sandbox.provisioner import SandboxProvisioner
from tests.redteam.suite import attempt

from .serving import fetch
from .support import BOTH_VEILS, at, needs_sandbox, run, text_of, until

WAIT_FOR = """
import os, time
print("started", flush=True)
while not os.path.exists({name!r}):
    time.sleep(0.01)
print("gone")
"""


STAYS = """
import fcntl, os, subprocess, sys
x = 5
mine = open("thread", "w")
fcntl.flock(mine, fcntl.LOCK_EX)
theirs = "import fcntl, time; f = open('detached', 'w'); fcntl.flock(f, 2); print(1, flush=True); time.sleep(600)"
started = subprocess.Popen(
    ["sh", "-c", 'setsid "$0" -c "$1" &', sys.executable, theirs], stdout=subprocess.PIPE, start_new_session=True
)
assert started.stdout.readline() == b"1\\n"
"""
"""Leaves the kernel's own process and a detached one, each with a lock on a file in the work folder."""


def is_held(file: Path) -> bool:
    """Whether a process that has locked ``file`` still lives."""
    with file.open() as opened:
        try:
            fcntl.flock(opened, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            return True
    return False


@asynccontextmanager
async def person(app: ServerApp, kernel_id: str) -> AsyncIterator[AsyncKernelClient]:
    """Somebody else's client of a kernel, as a browser has one."""
    manager = app.kernel_manager.get_kernel(kernel_id)
    client = AsyncKernelClient(parent=manager)
    client.load_connection_info(manager.get_connection_info())
    client.start_channels(stdin=False, hb=False)
    try:
        await client.wait_for_ready(timeout=30)
        yield client
    finally:
        client.stop_channels()


async def value(client: AsyncKernelClient, expression: str) -> str:
    reply = await client.execute("", user_expressions={"x": expression}, reply=True, timeout=30)
    found = reply["content"]["user_expressions"]["x"]
    return str(found["data"]["text/plain"] if found["status"] == "ok" else found["ename"])


async def session_of(app: ServerApp, path: str = "n.ipynb") -> dict[str, Any]:
    sessions = json.loads((await fetch(app, "GET", "api/sessions")).body)
    [found] = [session for session in sessions if session["path"] == path]
    return dict(found)


async def start_session(app: ServerApp, path: str = "n.ipynb") -> dict[str, Any]:
    body = {"path": path, "name": path, "type": "notebook", "kernel": {"name": "python3"}}
    return dict(json.loads((await fetch(app, "POST", "api/sessions", json.dumps(body))).body))


def died(event: Event) -> bool:
    return event.type == "kernel_died"


def printed(event: Event) -> bool:
    return event.type == "cell_output"


@pytest.mark.parametrize("veil", BOTH_VEILS)
def test_the_browser_sees_an_ordinary_kernel_with_the_notebook_s_session(
    root: Path, veil: Veil, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SECRET", "sk-secret")
    look = "import os; print(os.getcwd(), os.environ['INTERP_BENCH_TOKEN'], 'SECRET' in os.environ)"

    async def scenario() -> None:
        (root.parent / "o").mkdir(mode=0o700)
        connection = Connection(f"unix://{root.parent}/o/organism.sock", "the-token")
        async with at("contents", root) as place, place.session(veil=veil, connection=connection) as (session, events):
            found = await session_of(place.app)
            assert found["kernel"]["id"] == session.kernel_id
            assert found["kernel"]["name"] == "python3"
            assert found["type"] == "notebook"
            assert events[0].veil == veil
            folder = "/work" if veil is Veil.SANDBOXED else root / "n_files"
            for _ in range(2):
                assert text_of((await run(session, look)).outputs) == f"{folder} the-token False\n"
                # A rename makes the server give the kernel its own environment when it starts again.
                await place.app.session_manager.update_session(found["id"], path="n.ipynb")
                await session.restart_kernel()
                assert (await session_of(place.app))["kernel"]["id"] == found["kernel"]["id"]

    asyncio.run(scenario())
    assert json.loads((root / "n.ipynb").read_text())["metadata"]["kernelspec"]["name"] == "python3"


@pytest.mark.parametrize("veil", BOTH_VEILS)
@pytest.mark.skipif(not zmq.has("curve"), reason="this libzmq cannot encrypt")
def test_a_server_that_insists_on_encryption_has_it(root: Path, veil: Veil) -> None:
    config = {"MappingKernelManager": {"transport_encryption": "required"}}

    async def scenario() -> None:
        async with at("contents", root, **config) as place, place.session(veil=veil) as (session, _):
            assert place.app.kernel_manager.get_kernel(session.kernel_id).curve_publickey
            assert text_of((await run(session, "print(1)")).outputs) == "1\n"
            await session.restart_kernel()
            assert text_of((await run(session, "print(2)")).outputs) == "2\n"

    asyncio.run(scenario())


def test_a_kernel_that_the_notebook_had_is_left_running(root: Path) -> None:
    async def scenario() -> None:
        async with at("contents", root) as place:
            before = await start_session(place.app)
            async with person(place.app, before["kernel"]["id"]) as theirs:
                await theirs.execute("x = 5", reply=True)
                async with place.session() as (session, _):
                    after = await session_of(place.app)
                    assert after["id"] == before["id"]
                    assert after["kernel"]["id"] == session.kernel_id != before["kernel"]["id"]
                    assert await value(theirs, "x") == "5"
            # It was started like any other.
            manager = place.app.kernel_manager.get_kernel(before["kernel"]["id"])
            assert type(manager.provisioner) is LocalProvisioner

    asyncio.run(scenario())


_STAYS = "A thread and a detached process of a run live on after it in a Jupyter server"


@pytest.mark.parametrize(
    "veil",
    [
        pytest.param(Veil.PROCESS, marks=attempt("H7p", "resources", _STAYS, veil="process")),
        pytest.param(Veil.SANDBOXED, marks=[needs_sandbox, attempt("H7", "resources", _STAYS)]),
    ],
)
def test_the_kernel_ends_with_the_run_and_the_notebook_gets_a_fresh_one(root: Path, veil: Veil) -> None:
    (root.parent / "o").mkdir(mode=0o700)
    connection = Connection(f"unix://{root.parent}/o/organism.sock", f"the-token-{veil}")

    async def scenario() -> None:
        async with at("contents", root) as place:
            async with place.session(veil=veil, connection=connection) as (session, events):
                done = await run(session, STAYS)
                assert done.status == "ok", done
                before = str(session.kernel_id)
                assert [is_held(root / "n_files" / name) for name in ("thread", "detached")] == [True, True]
            assert not events.of("kernel_died")
            await until(lambda: not is_held(root / "n_files" / "thread"))
            await until(lambda: not is_held(root / "n_files" / "detached"))
            after = (await session_of(place.app))["kernel"]["id"]
            assert after != before not in place.app.kernel_manager
            async with person(place.app, after) as client:
                assert await value(client, "x") == "NameError"
                assert await value(client, "__import__('os').environ.get('INTERP_BENCH_TOKEN')") == "None"
            provisioner = place.app.kernel_manager.get_kernel(after).provisioner
            assert isinstance(provisioner, SandboxProvisioner) is (veil is Veil.SANDBOXED)

    asyncio.run(scenario())


def test_the_fresh_kernel_is_like_any_other_of_the_server(root: Path) -> None:
    config = {"KernelRestarter": {"time_to_dead": 0.1}}

    async def scenario() -> None:
        async with at("contents", root, **config) as place:
            async with place.session() as (session, _):
                await run(session, "x = 5")
            kernel_id = (await session_of(place.app))["kernel"]["id"]
            provisioner = place.app.kernel_manager.get_kernel(kernel_id).provisioner
            async with person(place.app, kernel_id) as client:
                await client.execute("x = 6", reply=True)
            dead = provisioner.process
            os.kill(dead.pid, signal.SIGKILL)
            # Nobody else starts it again, so the server does.
            await until(lambda: provisioner.process not in (None, dead))
            async with person(place.app, kernel_id) as client:
                assert await value(client, "x") == "NameError"

    asyncio.run(scenario())


def test_a_kernel_that_a_person_took_away_is_not_replaced_at_the_end(root: Path) -> None:
    async def scenario() -> None:
        async with at("contents", root) as place:
            async with place.session() as (session, _):
                await fetch(place.app, "DELETE", f"api/kernels/{session.kernel_id}")
            assert list(place.app.kernel_manager.list_kernel_ids()) == []

    asyncio.run(scenario())


def test_a_run_s_kernel_is_not_culled_until_the_run_is_over(root: Path) -> None:
    config = {"MappingKernelManager": {"cull_idle_timeout": 1, "cull_interval": 1}}

    async def scenario() -> None:
        async with at("contents", root, **config) as place:
            kernels = place.app.kernel_manager
            async with place.session() as (session, _):
                kernel_id = str(session.kernel_id)
                theirs = (await start_session(place.app, "other.ipynb"))["kernel"]["id"]
                await until(lambda: theirs not in kernels)
                assert kernel_id in kernels
                activity = place.app.web_app.last_activity()
                await until(lambda: place.app.web_app.last_activity() > activity)
            assert kernel_id not in kernels
            # Nor is the one that takes its place kept.
            await until(lambda: not kernels.list_kernel_ids())

    asyncio.run(scenario())


def test_not_even_an_administrator_s_strictest_culling_ends_it(root: Path) -> None:
    config = {"MappingKernelManager": {"cull_idle_timeout": 3, "cull_interval": 1, "cull_connected": True}}

    async def scenario() -> None:
        async with at("contents", root, **config) as place, place.session() as (session, _):
            theirs = (await start_session(place.app, "other.ipynb"))["kernel"]["id"]
            await until(lambda: theirs not in place.app.kernel_manager)
            assert (await run(session, "1")).status == "ok"

    asyncio.run(scenario())


@pytest.mark.parametrize("veil", BOTH_VEILS)
def test_a_crash_is_noticed_and_only_the_run_starts_the_kernel_again(root: Path, veil: Veil) -> None:
    config = {"KernelRestarter": {"time_to_dead": 0.1}}

    async def scenario() -> None:
        async with at("contents", root, **config) as place, place.session(veil=veil) as (session, events):
            kernel_id = session.kernel_id
            manager = place.app.kernel_manager.get_kernel(kernel_id)
            told: list[str] = []
            manager.add_restart_callback(lambda: told.append("restart"), "restart")
            done = await run(session, "import os; os._exit(7)")
            assert done.status == "kernel_died"
            assert "exit code 7" in events.of("kernel_died")[0].reason
            dead, polled = manager.provisioner.process, asyncio.Event()
            asyncio.get_running_loop().call_later(0.5, polled.set)
            await polled.wait()
            assert manager.provisioner.process is dead
            assert told == []
            await session.restart_kernel()
            assert session.kernel_id == kernel_id
            # Browsers learn that what they have asked is not answered any more.
            assert told == ["restart"]
            assert (await run(session, "print(1)")).status == "ok"
            assert [event.type for event in events if "kernel" in event.type] == [
                *("kernel_started", "kernel_died", "kernel_started")
            ]

    asyncio.run(scenario())


@pytest.mark.parametrize("veil", BOTH_VEILS)
def test_a_kernel_that_a_person_restarts_is_used_as_it_is(root: Path, veil: Veil) -> None:
    async def scenario() -> None:
        async with at("contents", root) as place, place.session(veil=veil) as (session, events):
            cell_id = await session.add_code(WAIT_FOR.format(name="never"))
            task = asyncio.create_task(session.run_cell(cell_id, timeout_s=60))
            await events.until(printed)
            await fetch(place.app, "POST", f"api/kernels/{session.kernel_id}/restart", "{}")
            assert (await task).status in ("kernel_died", "interrupted")
            assert "restarted by somebody else" in (await events.until(died)).reason  # type: ignore[union-attr]
            manager = place.app.kernel_manager.get_kernel(session.kernel_id)
            process = manager.provisioner.process
            with pytest.raises(KernelDied, match="restarted by somebody else"):
                await session.run_cell(cell_id, timeout_s=5)
            await session.restart_kernel()
            assert manager.provisioner.process is process
            assert (await run(session, "print(1)")).status == "ok"

    asyncio.run(scenario())


def test_a_restart_that_is_under_way_is_waited_for(root: Path) -> None:
    async def scenario() -> None:
        async with at("contents", root) as place, place.session() as (session, events):
            kernel_id = session.kernel_id
            await run(session, "x = 1")
            theirs = asyncio.create_task(fetch(place.app, "POST", f"api/kernels/{kernel_id}/restart", "{}"))
            await events.until(died)
            await session.restart_kernel()
            await theirs
            assert session.kernel_id == kernel_id
            assert (await run(session, "x")).status == "error"
            assert (await run(session, "2")).execution_count == 2

    asyncio.run(scenario())


def test_a_person_s_interrupt_ends_the_cell_as_interrupted(root: Path) -> None:
    async def scenario() -> None:
        async with at("contents", root) as place, place.session() as (session, events):
            cell_id = await session.add_code(WAIT_FOR.format(name="never"))
            task = asyncio.create_task(session.run_cell(cell_id, timeout_s=60))
            await events.until(printed)
            await fetch(place.app, "POST", f"api/kernels/{session.kernel_id}/interrupt", "{}")
            assert (await task).status == "interrupted"
            assert (await run(session, "1")).status == "ok"

    asyncio.run(scenario())


@pytest.mark.parametrize("how", ["shut down", "changed", "no kernel"])
def test_a_kernel_that_a_person_takes_away_is_replaced(root: Path, how: str) -> None:
    async def scenario() -> None:
        async with at("contents", root) as place, place.session() as (session, events):
            first, model = str(session.kernel_id), await session_of(place.app)
            if how == "shut down":
                await fetch(place.app, "DELETE", f"api/kernels/{first}")
            elif how == "no kernel":
                await fetch(place.app, "DELETE", f"api/sessions/{model['id']}")
            else:
                body = json.dumps({"kernel": {"name": "python3"}})
                await fetch(place.app, "PATCH", f"api/sessions/{model['id']}", body)
            theirs = {kernel["id"] for kernel in place.app.kernel_manager.list_kernels()}
            assert first not in theirs
            assert "shut down or changed by somebody else" in (await events.until(died)).reason  # type: ignore[union-attr]
            await session.restart_kernel()
            assert session.kernel_id not in {first, *theirs}
            assert (await session_of(place.app))["kernel"]["id"] == session.kernel_id
            assert theirs <= {kernel["id"] for kernel in place.app.kernel_manager.list_kernels()}
            assert (await run(session, "print(1)")).status == "ok"

    asyncio.run(scenario())


def test_a_person_s_cell_is_left_to_end_before_the_agent_s(root: Path) -> None:
    async def scenario() -> None:
        async with (
            at("contents", root) as place,
            place.session() as (session, events),
            person(place.app, str(session.kernel_id)) as client,
        ):
            theirs = asyncio.ensure_future(client.execute(WAIT_FOR.format(name="go"), reply=True, timeout=60))
            await until(lambda: session._kernel is not None and session._kernel.iopub.busy_elsewhere)
            # Neither the deadline nor a stop of the agent's cell ends theirs.
            slow = asyncio.create_task(run(session, "print('mine')", timeout_s=0.5))
            await events.until(lambda event: event.type == "cell_started")
            stopped = await slow if slow.done() else None
            await session.interrupt()
            assert (stopped or await slow).status == "interrupted"
            assert not theirs.done()
            mine = asyncio.create_task(run(session, "print('mine')", timeout_s=30))
            (root / "n_files" / "go").touch()
            assert (await theirs)["content"]["status"] == "ok"
            assert text_of((await mine).outputs) == "mine\n"

    asyncio.run(scenario())


def test_a_closed_browser_s_buffer_does_not_fill_the_server_s_memory(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("interp_bench_ext.notebook.server_kernels._BUFFERED_BYTES", 100_000)

    async def scenario() -> None:
        async with at("contents", root) as place, place.session() as (session, _):
            kernels, kernel_id = place.app.kernel_manager, str(session.kernel_id)
            kernels.start_buffering(kernel_id, "browser", {"iopub": kernels.connect_iopub(kernel_id)})
            await run(session, "for _ in range(300): print('x' * 1000, flush=True)")
            await until(lambda: kernel_id not in kernels._kernel_buffers)

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
