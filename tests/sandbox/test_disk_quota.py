from __future__ import annotations

import asyncio
import os
from pathlib import Path

import pytest

from interp_bench_ext.contracts import Veil
from interp_bench_ext.sandbox.disk_quota import DiskQuota, used_bytes
from interp_bench_ext.sandbox.provisioner import SandboxProvisioner
from tests.notebook.support import needs_sandbox, open_session, run, text_of

MIB = 2**20
ENOUGH = 100 * MIB


def write(path: Path, size: int) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(os.urandom(size))


def test_files_are_counted_and_what_links_lead_to_is_not(tmp_path: Path) -> None:
    folder, elsewhere = tmp_path / "work", tmp_path / "elsewhere"
    write(folder / "a", 3 * MIB)
    write(folder / "deep" / "b", 2 * MIB)
    write(elsewhere / "large", 20 * MIB)
    (folder / "link").symlink_to(elsewhere)
    (folder / "file").symlink_to(elsewhere / "large")
    assert 5 * MIB <= used_bytes(folder, enough_bytes=ENOUGH) < 6 * MIB


def test_empty_files_and_holes_count_as_what_they_cost(tmp_path: Path) -> None:
    for number in range(1000):
        (tmp_path / f"{number}").touch()
    with (tmp_path / "hole").open("wb") as file:
        file.truncate(ENOUGH)
    assert 4 * MIB * 0.97 < used_bytes(tmp_path, enough_bytes=ENOUGH) < 5 * MIB


def test_what_is_too_deep_to_be_counted_is_too_much(tmp_path: Path) -> None:
    before, name = Path.cwd(), "d" * 200
    assert used_bytes(tmp_path, enough_bytes=ENOUGH) == 0
    try:
        os.chdir(tmp_path)
        for _ in range(30):
            Path(name).mkdir()
            os.chdir(name)
    finally:
        os.chdir(before)
    assert used_bytes(tmp_path, enough_bytes=ENOUGH) == ENOUGH


def test_a_folder_that_was_full_before_may_shrink_and_not_grow(tmp_path: Path) -> None:
    write(tmp_path / "before", 3 * MIB)
    quota = DiskQuota(tmp_path, MIB)
    assert not quota.exceeded()
    write(tmp_path / "more", MIB)
    assert quota.exceeded()
    (tmp_path / "more").unlink()
    assert not quota.exceeded()
    assert not DiskQuota(tmp_path / "not there", MIB).exceeded()


@needs_sandbox
def test_a_full_work_folder_ends_the_kernel_in_a_sentence_and_not_the_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(SandboxProvisioner, "disk_bytes", 8 * MIB)
    one = "open('one', 'wb').write(bytes(9 * 2**20))"
    many = "import itertools\nfor n in itertools.count(): open(f'm{n}', 'wb').write(bytes(2**20))"

    async def scenario() -> None:
        async with open_session(tmp_path / "n.ipynb", veil=Veil.SANDBOXED) as (session, events):
            assert (await run(session, one)).outputs[-1]["ename"] == "OSError"
            assert (await run(session, many)).status == "kernel_died"
            assert "more than 8 MiB" in events.of("kernel_died")[-1].reason
            assert used_bytes(tmp_path / "n_files", enough_bytes=2**40) > 8 * MIB
            await session.restart_kernel()
            tidied = "import glob, os\nfor path in glob.glob('m*'): os.remove(path)\nprint(os.listdir())"
            assert text_of((await run(session, tidied)).outputs) == "['one']\n"

    asyncio.run(scenario())
