"""What a sandboxed kernel leaves on the machine, seen from the machine."""

from __future__ import annotations

import asyncio
import json
import os
import stat
from collections.abc import Iterable
from pathlib import Path

import psutil

from interp_bench_ext.contracts import Veil
from interp_bench_ext.notebook.own_kernels import OwnKernels
from interp_bench_ext.notebook.session import NotebookSession
from tests.notebook.support import needs_sandbox, open_session, run, text_of

from .suite import Trial, attempt

_MARK = "crimson-ibis-left-by-a-kernel"
_FOLDERS = ("/tmp", "/home/agent", "/dev/shm", "/run", "/usr/src", "/var/tmp")
_WRITES = f"""
import contextlib, os
for folder in {(*_FOLDERS, ".")!r}:
    with contextlib.suppress(OSError):
        open(os.path.join(folder, {_MARK!r}), 'w').close()
        print('wrote', folder)
"""
_SPAWNS = f"""
import subprocess, sys
line = 'import time; time.sleep(600)  # ' + {_MARK!r}
for _ in range(100):
    subprocess.Popen([sys.executable, '-S', '-c', line], start_new_session=True)
print('started')
"""
_REWRITES = """
import contextlib, glob
for path in glob.glob('/run/**', recursive=True) + glob.glob('/work/**', recursive=True):
    with contextlib.suppress(OSError):
        if path.endswith('.json'):
            open(path, 'w').write('{}')
            print('rewrote', path)
"""


def holders() -> int:
    """How many processes of the machine were started by the attempt."""
    return sum(_MARK in " ".join(process.info["cmdline"] or ()) for process in psutil.process_iter(["cmdline"]))


def marked(folders: Iterable[str]) -> list[str]:
    """The folders of the machine that hold the file."""
    return [folder for folder in folders if os.path.lexists(Path(folder, _MARK))]


def connection_of(session: NotebookSession) -> str:
    """What the kernel's manager has written of where it is."""
    kernels = session._kernels
    assert isinstance(kernels, OwnKernels)
    assert kernels._manager is not None
    return Path(kernels._manager.connection_file).read_text(encoding="utf-8")


@needs_sandbox
@attempt("A13", "files", "What a kernel writes into folders that are only its own is found on the machine")
def test_private_folders_are_private(tmp_path: Path, trial: Trial) -> None:
    async def main() -> None:
        async with open_session(tmp_path / "n.ipynb", veil=Veil.SANDBOXED) as (session, _):
            said = text_of((await run(session, _WRITES)).outputs)
            assert "wrote /tmp" in said
            assert "wrote ." in said
            trial.abuse(bool, marked(_FOLDERS), marked([str(tmp_path / "n_files")]))

    asyncio.run(main())


@needs_sandbox
@attempt("A14", "files", "The kernel's connection file is written anew for whoever reads it next")
def test_the_manager_s_connection_file_is_not_the_kernel_s(tmp_path: Path, trial: Trial) -> None:
    async def main() -> None:
        async with open_session(tmp_path / "n.ipynb", veil=Veil.SANDBOXED) as (session, _):
            before = connection_of(session)
            assert "rewrote /run/connection.json" in text_of((await run(session, _REWRITES)).outputs)
            trial.abuse(lambda text: text != before, connection_of(session), "{}")
            await session.restart_kernel()
            assert "2" in text_of((await run(session, "print(1 + 1)")).outputs)

    asyncio.run(main())


@needs_sandbox
@attempt("H3", "limits", "A hundred detached processes live on after their kernel")
def test_detached_processes_end_with_their_kernel(tmp_path: Path, trial: Trial) -> None:
    async def main() -> None:
        async with open_session(tmp_path / "n.ipynb", veil=Veil.SANDBOXED) as (session, _):
            assert "started" in text_of((await run(session, _SPAWNS)).outputs)
            meanwhile = holders()
            assert meanwhile == 100
        trial.abuse(lambda count: count > 0, holders(), meanwhile)

    asyncio.run(main())


@attempt("J2", "files", "Other users read notebook and work folder, as far as the umask lets them", veil="any")
def test_what_is_shared_is_as_the_umask_says(tmp_path: Path, trial: Trial) -> None:
    async def main() -> None:
        async with open_session(tmp_path / "n.ipynb") as (session, _):
            await run(session, "open('mine', 'w').close()")

    before = os.umask(0o077)
    try:
        asyncio.run(main())
    finally:
        os.umask(before)
    others = [
        path
        for path in (tmp_path / "n.ipynb", tmp_path / "n_files", tmp_path / "n_files" / "mine")
        if stat.S_IMODE(path.stat().st_mode) & 0o077
    ]
    open_to_all = tmp_path / "open"
    open_to_all.touch(0o644)
    open_to_all.chmod(0o644)
    trial.abuse(bool, others, [stat.S_IMODE(open_to_all.stat().st_mode) & 0o077])
    assert json.loads((tmp_path / "n.ipynb").read_text(encoding="utf-8"))["cells"]
