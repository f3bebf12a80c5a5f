"""The kernel of a run inside a Jupyter server is the notebook's own, and a person can do with it what they like."""

from __future__ import annotations

import asyncio
import fcntl
import json
import os
import signal
from pathlib import Path

import pytest
import zmq
from jupyter_client.provisioning.local_provisioner import LocalProvisioner
from tornado.httpclient import HTTPRequest
from tornado.websocket import websocket_connect

from interp_bench_ext.contracts import Connection, Veil
from interp_bench_ext.sandbox.provisioner import SandboxProvisioner
from tests.redteam.suite import attempt

from .persons import WAIT_FOR, person, session_of, start_session, value
from .serving import TOKEN, fetch, port_of
from .support import BOTH_VEILS, at, needs_sandbox, run, text_of, until

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
            assert (events[0].veil, events[0].kernel_id) == (veil, session.kernel_id)
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


@pytest.mark.slow
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


def test_a_browser_can_attach_while_a_cell_runs(root: Path) -> None:
    """The server asks the kernel first, which would answer when the cell has ended, or is waited for a minute."""

    async def scenario() -> None:
        async with at("contents", root) as place, place.session() as (session, events):
            cell = asyncio.create_task(run(session, WAIT_FOR.format(name="go"), timeout_s=120))
            await events.until(lambda event: event.type == "cell_started")
            url = f"ws://127.0.0.1:{port_of(place.app)}/api/kernels/{session.kernel_id}/channels?session_id=s"
            request = HTTPRequest(url, headers={"Authorization": f"token {TOKEN}"})
            socket = await asyncio.wait_for(websocket_connect(request), 10)
            assert not cell.done()
            socket.close()
            (root / "n_files" / "go").touch()
            await cell
            while await socket.read_message() is not None:  # until it has gone
                pass

    asyncio.run(scenario())
