from __future__ import annotations

import asyncio
import subprocess
import sys
from pathlib import Path

import pytest

from interp_bench_ext.contracts import Veil
from interp_bench_ext.record.cell_events import KernelWentAway
from interp_bench_ext.sandbox import memory_group, provisioner
from interp_bench_ext.sandbox.memory_quota import held_bytes
from tests.notebook.support import needs_sandbox, open_session, run
from tests.redteam.suite import attempt

MIB = 2**20
HOLDS = {
    "private memory": "kept = bytearray(b'x') * SIZE",
    "shared memory": "import mmap; kept = mmap.mmap(-1, SIZE); kept[:] = bytes([1]) * SIZE",
    "a file without a name": "import os; kept = os.memfd_create('kept'); os.write(kept, bytes(SIZE))",
    "a child's memory": "import os, time\nif os.fork() == 0:\n    kept = bytearray(b'x') * SIZE\n"
    "    print('ready', flush=True)\n    time.sleep(60)",
    "memory that a child shares": "import mmap, os, time\nkept = mmap.mmap(-1, SIZE)\nkept[:] = bytes([1]) * SIZE\n"
    "if os.fork() == 0:\n    sum(kept[::4096])\n    print('ready', flush=True)\n    time.sleep(60)",
}
"""Programs that hold 64 MiB in some way."""


def held(program: str) -> int:
    """Bytes that a Python holds with its children, once it says that it is ready."""
    text = f"SIZE = {64 * MIB}\n{program}\nimport sys\nprint('ready', flush=True)\nsys.stdin.read()"
    with subprocess.Popen(
        [sys.executable, "-S", "-c", text], stdin=subprocess.PIPE, stdout=subprocess.PIPE, start_new_session=True
    ) as process:
        assert process.stdout is not None
        for _ in range(program.count("fork") + 1):
            process.stdout.readline()
        found = held_bytes(process.pid)
        subprocess.run(["pkill", "-9", "-s", str(process.pid)], check=False)
    return found


@pytest.mark.parametrize("kind", HOLDS)
def test_whatever_holds_memory_is_counted_and_counted_once(kind: str) -> None:
    more = held(HOLDS[kind]) - held("")
    assert 62 * MIB < more < 80 * MIB


_SHARES = """
import mmap, os, time
for _ in range(4):
    if os.fork() == 0:
        kept = mmap.mmap(-1, 2**27)
        kept[:] = bytes([1]) * 2**27
        time.sleep(600)
time.sleep(600)
"""


@needs_sandbox
@attempt("H4b", "limits", "Memory that processes share, of which each has little", veil="sandboxed")
def test_all_of_a_sandbox_s_processes_together_are_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(provisioner, "memory_mb", lambda: 512)
    monkeypatch.setattr(memory_group, "own_groups", lambda: iter(()))  # a machine where no control group may be made

    async def scenario() -> None:
        async with open_session(tmp_path / "n.ipynb", veil=Veil.SANDBOXED) as (session, events):
            assert (
                await run(session, "import mmap\nkept = mmap.mmap(-1, 2**27)\nkept[:] = bytes(2**27)")
            ).status == "ok"
            assert (await run(session, _SHARES)).status == "kernel_died"
            [gone] = [event for event in events if isinstance(event, KernelWentAway)]
            assert gone.reason.startswith("The kernel's processes held more than 384 MiB of memory together")
            await session.restart_kernel()
            assert (await run(session, "1")).status == "ok"

    asyncio.run(scenario())
