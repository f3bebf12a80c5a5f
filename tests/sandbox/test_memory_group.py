from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from interp_bench_ext.contracts import Veil
from interp_bench_ext.record.cell_events import KernelWentAway
from interp_bench_ext.sandbox import provisioner
from interp_bench_ext.sandbox.control_groups import V1, V2, Files
from interp_bench_ext.sandbox.limits import limited
from interp_bench_ext.sandbox.memory_group import MemoryGroup
from tests.notebook.support import needs_sandbox, open_session, run
from tests.redteam.suite import attempt

MIB = 2**20


def shares(mib: int) -> str:
    """A program that holds memory which no limit of a process counts."""
    size = mib * MIB
    return f"import mmap\nkept = mmap.mmap(-1, {size})\nfor at in range(0, {size}, 4096): kept[at] = 1"


def made() -> MemoryGroup:
    group = MemoryGroup.make(64 * MIB)
    if group is None:
        pytest.skip("no control group may be made here")
    return group


@pytest.fixture
def group() -> Iterator[MemoryGroup]:
    group = made()
    yield group
    group.remove()
    assert not group.folder.exists()


def group_of(pid: int, beside: MemoryGroup) -> Path:
    """The folder of the group that a process is in, which lies where ``beside`` does."""
    [name] = {Path(line).name for line in Path(f"/proc/{pid}/cgroup").read_text().split() if "interp-bench-" in line}
    return beside.folder.with_name(name)


def ended(program: str, group: MemoryGroup) -> int:
    command = limited([sys.executable, "-S", "-c", program], data_mb=0, group=group)
    return subprocess.run(command, check=False, timeout=60).returncode


def test_what_holds_more_than_its_group_may_is_ended_by_linux(group: MemoryGroup) -> None:
    assert (ended("bytes(2**20)", group), group.overflowed()) == (0, False)
    assert (ended(shares(128), group), group.overflowed()) == (-9, True)


def test_memory_of_all_its_processes_counts_together(group: MemoryGroup) -> None:
    assert ended(shares(40), group) == 0
    ended(f"import os\nchild = os.fork()\n{shares(40)}\nif child: os.waitpid(child, 0)", group)
    assert group.overflowed()


def test_whoever_cannot_enter_does_not_run(tmp_path: Path) -> None:
    folder = tmp_path / "it's gone"
    folder.mkdir()
    group = MemoryGroup(folder, V1)
    folder.rmdir()
    assert ended("", group) == 1


CRASH = """
import os
from interp_bench_ext.sandbox.memory_group import MemoryGroup
print(MemoryGroup.make(2**26).folder, flush=True)
os._exit(1)
"""


def test_what_a_crash_has_left_is_removed_at_the_next_start_and_what_is_used_is_not(group: MemoryGroup) -> None:
    said = subprocess.run([sys.executable, "-c", CRASH], stdout=subprocess.PIPE, text=True, check=False, timeout=60)
    other = MemoryGroup.make(64 * MIB)
    assert other is not None
    other.remove()
    assert not Path(said.stdout.strip()).exists()
    assert ended("", group) == 0


def test_what_runs_on_in_it_ends_with_it() -> None:
    group = made()
    program = "import sys; print(flush=True); sys.stdin.read()"
    with subprocess.Popen(
        limited([sys.executable, "-S", "-c", program], data_mb=0, group=group),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as process:
        assert process.stdout is not None
        process.stdout.readline()
        group.remove()
        assert process.wait(timeout=10) == -9


@pytest.mark.parametrize(
    ("files", "said"),
    [
        (V2, {"memory.max": "1000", "memory.swap.max": "0"}),
        (V1, {"memory.limit_in_bytes": "1000", "memory.memsw.limit_in_bytes": "1000"}),
    ],
)
def test_each_version_is_told_the_limit_in_its_own_files(tmp_path: Path, files: Files, said: dict[str, str]) -> None:
    for name in said:
        (tmp_path / name).touch()
    assert MemoryGroup(tmp_path, files).bound(1000)
    assert {path.name: path.read_text() for path in tmp_path.iterdir()} == said


def test_v2_says_in_its_events_that_a_process_was_killed(tmp_path: Path) -> None:
    group = MemoryGroup(tmp_path, V2)
    assert not group.overflowed()
    events = "low 0\nhigh 0\nmax {}\noom {}\noom_kill {}\noom_group_kill 0\n"
    (tmp_path / "memory.events").write_text(events.format(7, 7, 0))
    assert not group.overflowed()
    (tmp_path / "memory.events").write_text(events.format(7, 7, 1))
    assert group.overflowed()


@needs_sandbox
@attempt("H4c", "limits", "Memory that processes share, where a control group bounds it", veil="sandboxed")
def test_a_run_hears_of_it_as_where_memory_is_added_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, group: MemoryGroup
) -> None:
    monkeypatch.setattr(provisioner, "memory_mb", lambda: 512)
    groups: list[Path] = []

    async def scenario() -> None:
        async with open_session(tmp_path / "n.ipynb", veil=Veil.SANDBOXED) as (session, events):
            assert (await run(session, shares(512))).status == "kernel_died"
            [gone] = [event for event in events if isinstance(event, KernelWentAway)]
            assert gone.reason.startswith("The kernel's processes held more than 384 MiB of memory together")
            await session.restart_kernel()
            assert session._kernel is not None
            groups.append(group_of(session._kernel.pid, group))
            assert groups[0].exists()
            assert (await run(session, "1")).status == "ok"

    asyncio.run(scenario())
    assert not groups[0].exists()
