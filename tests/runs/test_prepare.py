"""A resumed run's notebook and kernel, made from its events."""

from __future__ import annotations

import asyncio
from pathlib import Path

from interp_bench_ext.config import load_config
from interp_bench_ext.contracts import Veil
from interp_bench_ext.installed import find_config
from interp_bench_ext.notebook.session import NotebookSession
from interp_bench_ext.record.cell_events import CellAdded, CellFinished, CellStarted, KernelStarted
from interp_bench_ext.record.events import Event, MessageSent, RunResumed, RunStarted
from interp_bench_ext.record.journal import Journal
from interp_bench_ext.runs.prepare import prepare
from interp_bench_ext.runs.recorder import Recorder

RUN = "0123abcd"


def ran(cell_id: str, source: str) -> list[Event]:
    """A cell that is recorded as ``ok``, as 0.1.0 recorded one that calls ``exit()`` too."""
    return [
        CellAdded(cell_id=cell_id, kind="code", source=source),
        CellStarted(cell_id=cell_id),
        CellFinished(cell_id=cell_id, status="ok", execution_count=1, duration_s=0.1),
    ]


def test_a_resume_outlives_an_earlier_cell_that_ends_the_kernel(tmp_path: Path) -> None:
    public = load_config(find_config("amber")).public
    events: list[Event] = [
        RunStarted(public={}, agent="playbook", seed=0, notebook=str(tmp_path / "n.ipynb")),
        CellAdded(cell_id="intro", kind="markdown", source="An investigation"),
        *ran("setup", "first = 1"),
        *ran("c1", "exit()"),
        *ran("c2", "second = 2"),
    ]
    journal = Journal(tmp_path / "journal.sqlite")
    journal.create_run(
        RUN, experiment="x", config=tmp_path / "x.yaml", notebook=tmp_path / "n.ipynb", first=events[0], then=events[1:]
    )
    recorder = Recorder(journal, RUN, listener=lambda event: None)

    async def resumed() -> str:
        recorder(RunResumed())
        session = await NotebookSession.open(
            tmp_path / "n.ipynb", emit=recorder, connection=None, veil=Veil.PROCESS, run=RUN
        )
        try:
            await prepare(session, recorder, public, events)
            cell = await session.add_code("second")
            return (await session.run_cell(cell, timeout_s=20)).status
        finally:
            await session.close()

    assert asyncio.run(resumed()) == "ok"
    told = journal.events(RUN)[len(events) :]
    assert [event.restored_cells for event in told if isinstance(event, KernelStarted)] == [0, 0, 1]
    [message] = [event.text for event in told if isinstance(event, MessageSent)]
    assert message.startswith("What these cells define is missing in the new kernel: setup, c1.")
    journal.close()
