from __future__ import annotations

import asyncio
import importlib.metadata
import json
import os
import signal
import socket
import socketserver
import stat
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil
import pytest
from jupyter_client.manager import AsyncKernelManager

from interp_bench_ext.contracts import Connection, Veil
from interp_bench_ext.notebook.contents import ContentsBackend
from interp_bench_ext.notebook.session import NotebookSession
from interp_bench_ext.record.events import EVENT
from interp_bench_ext.sandbox import provisioner
from interp_bench_ext.sandbox.bubblewrap import sandbox_available
from interp_bench_ext.sandbox.provisioner import SandboxProvisioner
from tests.notebook.support import BOTH_VEILS, needs_sandbox, on_disk, open_session, run, text_of
from tests.redteam.suite import attempt

from .inside import seen_inside

REPOSITORY = Path(__file__).parents[2]

LOOK_AROUND = """
import importlib.metadata, json, os, socket, subprocess, sys

def attempt(action):
    try:
        return str(action())
    except BaseException as error:
        return type(error).__name__

def reach(family, address):
    with socket.socket(family) as client:
        client.settimeout(2)
        client.connect(address)
        return client.recv(100).decode()

def writable_in_proc():
    for folder, names, files in os.walk("/proc"):
        if folder == "/proc":
            names[:] = [name for name in names if not name.isdigit() and name not in ("self", "thread-self", "net")]
        for name in files:
            path = os.path.join(folder, name)
            if attempt(lambda: os.close(os.open(path, os.O_WRONLY | os.O_NONBLOCK))) == "None":
                yield path

print(json.dumps({
    "writable_in_proc": list(writable_in_proc()),
    "environment": dict(os.environ),
    "init": attempt(lambda: open("/proc/1/environ").read()),
    "processes": [name for name in os.listdir("/proc") if name.isdigit()],
    "read": {path: attempt(lambda: open(path).read()) for path in READ},
    "write": {path: attempt(lambda: open(path, "w").write("x")) for path in WRITE},
    "network": attempt(lambda: reach(socket.AF_INET, ("127.0.0.1", PORT))),
    "organism": attempt(lambda: reach(socket.AF_UNIX, os.environ["INTERP_BENCH_URL"].removeprefix("unix://"))),
    "told": [os.getcwd(), *sys.argv, *sys.path, sys.executable, sys.prefix, sys.base_prefix],
    "namespace": subprocess.run(["unshare", "--user", "true"], capture_output=True).returncode,
    "capabilities": [line for line in open("/proc/self/status") if line.startswith("CapEff")][0].split()[1],
    "package": attempt(lambda: sorted(os.listdir(os.path.dirname(__import__("interp_bench_ext").__path__[0])))),
    "distribution": attempt(lambda: list(importlib.metadata.files("interp_bench_ext"))),
    "home": attempt(lambda: os.listdir(os.path.expanduser("~"))),
    "descriptors": [attempt(lambda: os.readlink(f"/proc/self/fd/{fd}")) for fd in (0, 1, 2)],
}))
"""


class Greeter(socketserver.BaseRequestHandler):
    def handle(self) -> None:
        self.request.sendall(b"hello")


@contextmanager
def listening(server: socketserver.BaseServer) -> Iterator[None]:
    with server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        try:
            yield
        finally:
            server.shutdown()
            thread.join()


@pytest.fixture(autouse=True)
def _jupyter_folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The notary's database and connection files stay out of the home of whoever runs the tests."""
    for name in ("JUPYTER_DATA_DIR", "JUPYTER_RUNTIME_DIR", "JUPYTER_CONFIG_DIR"):
        monkeypatch.setenv(name, str(tmp_path / name.lower()))


@pytest.fixture
def secret_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ANTHROPIC_API_KEY", "sk-secret")
    monkeypatch.setenv("JUPYTERHUB_API_TOKEN", "hub-secret")


def look_around(tmp_path: Path, veil: Veil, **where: Any) -> dict[str, Any]:
    places = {"READ": [], "WRITE": [], "PORT": 1, "SOCKET": "/nowhere", **where}
    source = "".join(f"{name} = {value!r}\n" for name, value in places.items()) + LOOK_AROUND

    async def scenario() -> dict[str, Any]:
        connection = Connection(f"unix://{places['SOCKET']}", "the-token")
        async with open_session(tmp_path / "n.ipynb", veil=veil, connection=connection) as (session, _):
            done = await run(session, source)
            assert done.status == "ok", done.outputs
            found: dict[str, Any] = json.loads(text_of(done.outputs))
            return found

    return asyncio.run(scenario())


@needs_sandbox
@pytest.mark.usefixtures("secret_environment")
def test_the_sandbox_shows_the_organism_and_nothing_else(tmp_path: Path) -> None:
    secret = tmp_path / "secret.yaml"
    secret.write_text("ground truth")
    folder = tmp_path / "o"
    folder.mkdir(mode=0o700)
    work = tmp_path / "n_files"
    read = [secret, REPOSITORY / "pyproject.toml", tmp_path / "n.ipynb", Path.home() / ".bashrc", "/etc/shadow"]
    write = ["/interp_bench/interp_bench_ext/new.py", "/packages/lib/new.py", "/new", "/run/organism/new", "/work/mine"]
    tcp = socketserver.TCPServer(("127.0.0.1", 0), Greeter)
    unix = socketserver.UnixStreamServer(str(folder / "organism.sock"), Greeter)
    with listening(tcp), listening(unix):
        with socket.create_connection(tcp.server_address) as client:
            assert client.recv(100) == b"hello"
        found = look_around(
            tmp_path,
            Veil.SANDBOXED,
            READ=[str(path) for path in read],
            WRITE=write,
            PORT=tcp.server_address[1],
            SOCKET=unix.server_address,
        )
    assert found["organism"] == "hello"
    assert found["network"] == "ConnectionRefusedError"
    assert set(found["read"].values()) <= {"FileNotFoundError", "PermissionError"}
    assert [attempt == "1" for attempt in found["write"].values()] == [False, False, False, False, True]
    assert (work / "mine").read_text() == "x"
    assert found["environment"]["INTERP_BENCH_TOKEN"] == "the-token"
    assert "secret" not in json.dumps(found["environment"]) + found["init"]
    assert len(found["processes"]) <= 4
    assert found["namespace"] != 0
    assert int(found["capabilities"], 16) == 0
    assert found["writable_in_proc"] == []
    assert found["package"] == "['interp_bench_ext']"
    assert importlib.metadata.files("interp_bench_ext")
    assert found["distribution"] == "TypeError"
    told = json.dumps([found["environment"], found["told"]])
    assert "/work" in told
    assert [path for path in (str(Path.home()), str(REPOSITORY), str(tmp_path), "/ib-") if path in told] == []
    assert not any(name.startswith("/dev/pts") for name in found["descriptors"])


@pytest.mark.usefixtures("secret_environment")
def test_a_plain_kernel_inherits_no_secret(tmp_path: Path) -> None:
    found = look_around(tmp_path, Veil.PROCESS)
    assert "secret" not in json.dumps(found["environment"])
    assert found["environment"]["INTERP_BENCH_URL"] == "unix:///nowhere"
    assert found["environment"]["HOME"] == str(Path.home())
    assert not any(name.startswith("/dev/pts") for name in found["descriptors"])


@attempt(
    "C5", "sockets", "Links among a kernel's sockets, which its server would follow after a restart", veil="sandboxed"
)
@needs_sandbox
def test_works_under_a_stock_manager_through_restart_and_shutdown(tmp_path: Path) -> None:
    async def scenario() -> None:
        manager = AsyncKernelManager(kernel_name="python3")
        assert manager.kernel_spec is not None
        manager.kernel_spec.interrupt_mode = "message"
        manager.provisioner = SandboxProvisioner(parent=manager, kernel_spec=manager.kernel_spec)
        await manager.start_kernel(cwd=str(tmp_path))
        folder = manager.provisioner.folder
        assert folder is not None
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700
        for _ in range(2):
            client = manager.client()
            client.start_channels()
            await client.wait_for_ready(timeout=60)
            client.stop_channels()
            if _ == 0:
                (folder / "s" / "k-9").symlink_to(tmp_path / "elsewhere")
                (folder / "s" / "k-1").unlink()
                (folder / "s" / "k-1").symlink_to(tmp_path / "elsewhere")
                await manager.restart_kernel(now=True)
        assert sorted(path.name for path in (folder / "s").iterdir()) == [f"k-{number}" for number in range(1, 6)]
        assert all(path.is_socket() and not path.is_symlink() for path in (folder / "s").iterdir())
        await manager.shutdown_kernel()
        assert not folder.exists()

    asyncio.run(scenario())


def test_memory_beyond_the_limit_is_an_error_and_not_the_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(provisioner, "memory_mb", lambda: 1600)

    async def scenario() -> None:
        async with open_session(tmp_path / "n.ipynb") as (session, _):
            done = await run(session, "bytearray(2**30)")
            assert done.outputs[-1]["ename"] == "MemoryError"
            assert (await run(session, "1")).status == "ok"

    asyncio.run(scenario())


@pytest.mark.parametrize("veil", BOTH_VEILS)
def test_what_a_kernel_writes_past_its_cells_is_bounded(tmp_path: Path, veil: Veil) -> None:
    flood = """
import os, sys
fd, written = sys.stdout._original_stdstream_copy, 0
try:
    while written < 2**24:
        written += os.write(fd, bytes(2**15))
except BlockingIOError:
    print(written)
"""

    async def scenario() -> None:
        async with open_session(tmp_path / "n.ipynb", veil=veil) as (session, _):
            written = int(text_of((await run(session, flood)).outputs))
            assert 0 < written <= 65_536
            assert text_of((await run(session, "print('on')")).outputs) == "on\n"

    asyncio.run(scenario())


@needs_sandbox
def test_memory_that_a_sandbox_can_take_as_files_is_bounded() -> None:
    program = """
import json, os
def size(path):
    return os.statvfs(path).f_frsize * os.statvfs(path).f_blocks
sizes = [size(path) for path in ("/tmp", "/dev/shm", "/run", "/home/agent")]
print(json.dumps([sizes, [path for path in ("/", "/dev", "/packages", "/proc/acpi") if os.access(path, os.W_OK)]]))
"""
    seen = seen_inside(program)
    assert sum(seen[0]) <= 2 * 2**30
    assert seen[1] == []


@attempt("H8", "limits", "A kernel is left behind when its server is killed", veil="any")
@pytest.mark.parametrize("veil", BOTH_VEILS)
def test_sigkill_of_the_parent_leaves_no_kernel_and_loses_no_cell(tmp_path: Path, veil: Veil) -> None:
    journal, notebook = tmp_path / "journal", tmp_path / "n.ipynb"
    program = f"""
import asyncio, pathlib, sys
sys.path.insert(0, {str(REPOSITORY)!r})
from interp_bench_ext.contracts import Veil
from interp_bench_ext.notebook.session import NotebookSession

async def main():
    with open({str(journal)!r}, "a") as file:
        def emit(event):
            print(event.model_dump_json(), file=file, flush=True)
            print(event.type, flush=True)
        session = await NotebookSession.open(
            pathlib.Path({str(notebook)!r}), emit=emit, connection=None, veil=Veil({str(veil)!r}))
        await session.run_cell(await session.add_code("print('done')"), timeout_s=60)
        await session.add_code("while True: print('on', flush=True)", cell_id="endless")
        await session.run_cell("endless", timeout_s=600)

asyncio.run(main())
"""
    environment = {**os.environ, "TMPDIR": str(tmp_path)}
    command = [sys.executable, "-c", program]
    parent = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment)
    assert parent.stdout is not None
    with parent.stdout:
        for line in parent.stdout:
            if line == "cell_finished\n":
                break
        for line in parent.stdout:
            if line == "cell_output\n":
                break
        kernels = psutil.Process(parent.pid).children(recursive=True)
        assert kernels
        parent.send_signal(signal.SIGKILL)
        parent.wait()
    _, alive = psutil.wait_procs(kernels, timeout=20)
    assert alive == []

    async def resume() -> None:
        emitted: list[Any] = []
        backend = await ContentsBackend.open(notebook)
        session = NotebookSession(backend, emit=emitted.append, connection=None, run="")
        await session.rebuild(EVENT.validate_json(line) for line in journal.read_text().splitlines())
        await session.close()
        assert [event.status for event in emitted] == ["interrupted"]

    asyncio.run(resume())
    cells = on_disk(notebook)["cells"]
    assert [cell["metadata"]["interp_bench"]["status"] for cell in cells] == ["ok", "interrupted"]
    assert cells[1]["outputs"][0]["text"][0] == "on\n"


@pytest.mark.parametrize(
    ("found", "sentence"),
    [(None, r"`apt-get install bubblewrap`"), ("/bin/false", r"does not work here .*apt-get install bubblewrap")],
)
def test_a_missing_sandbox_is_one_sentence_with_the_remedy(
    monkeypatch: pytest.MonkeyPatch, found: str | None, sentence: str
) -> None:
    monkeypatch.setattr("shutil.which", lambda _: found)
    sandbox_available.cache_clear()
    try:
        problem = sandbox_available()
    finally:
        sandbox_available.cache_clear()
    assert problem is not None
    with pytest.raises(AssertionError, match=sentence):
        raise AssertionError(problem)
