from __future__ import annotations

import asyncio
import os
import signal
from pathlib import Path

import pytest

from interp_bench_ext.cli.options import checked_notebook, experiment_of, given, interruptible
from interp_bench_ext.errors import BadInput
from interp_bench_ext.record.journal import RunRecord


def config(folder: Path, name: str) -> Path:
    file = folder / f"{name}.yaml"
    file.write_text(
        f"experiment_name: {name}\nmodel: {{name: a/b, execution_mode: local}}\ntask: t\n", encoding="utf-8"
    )
    return file


def record(file: Path) -> RunRecord:
    notebook = file.with_suffix(".ipynb")
    return RunRecord(id="r1", experiment="fern", config=file, notebook=notebook, created=0.0, status="interrupted")


def test_what_is_set_is_told_from_what_is_not():
    assert given(max_steps=0, max_minutes=None, model="") == {"max_steps": 0, "model": ""}


def test_a_signal_to_end_is_an_interrupt_that_the_work_can_record():
    recorded: list[str] = []

    async def work() -> None:
        os.kill(os.getpid(), signal.SIGTERM)
        try:
            await asyncio.Event().wait()
        finally:
            recorded.append("interrupted")

    with pytest.raises(KeyboardInterrupt):
        interruptible(work())
    assert recorded == ["interrupted"]


def test_work_that_ends_gives_its_value():
    async def work() -> int:
        return 7

    assert interruptible(work()) == 7


def test_a_run_has_the_config_that_it_was_started_from(tmp_path: Path):
    file = config(tmp_path, "fern")
    assert experiment_of(record(file), None).path == file
    with pytest.raises(BadInput, match=r"there is no such file on this machine; name its place here with --config"):
        experiment_of(record(tmp_path / "gone.yaml"), None)


def test_a_config_that_has_moved_is_named_and_another_ones_is_refused(tmp_path: Path):
    (tmp_path / "new").mkdir()
    moved = config(tmp_path / "new", "fern")
    assert experiment_of(record(tmp_path / "gone.yaml"), str(moved)).path == moved
    with pytest.raises(BadInput, match="is the config of moss, and run r1 is one of fern; name that one's config"):
        experiment_of(record(moved), str(config(tmp_path, "moss")))


def test_a_notebook_is_called_as_one(tmp_path: Path):
    assert checked_notebook(None) is None
    assert checked_notebook(tmp_path / "new.ipynb") == tmp_path / "new.ipynb"
    with pytest.raises(BadInput, match=r"n\.txt: a notebook's name ends in \.ipynb"):
        checked_notebook(Path("n.txt"))
