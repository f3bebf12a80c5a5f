"""Stopping a run at moments that a real notebook passes through too quickly to be met."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from interp_bench_ext.config import load_config
from interp_bench_ext.contracts import Connection, Used
from interp_bench_ext.errors import NotebookConflict
from interp_bench_ext.record.cell_events import KernelStarted
from interp_bench_ext.record.events import RunEnded, WeightsIdentified
from interp_bench_ext.record.journal import Journal
from interp_bench_ext.record.provenance import Revision
from interp_bench_ext.runs import Environment, Run, start
from interp_bench_ext.runs.drive import STOPPED


@dataclass
class Place:
    """An organism and a notebook that do nothing; the notebook opens when ``go_on`` is set."""

    begun: asyncio.Event = field(default_factory=asyncio.Event)
    go_on: asyncio.Event = field(default_factory=asyncio.Event)
    did: list[str] = field(default_factory=list)
    connection = Connection("unix:///nowhere", "token")
    specs = ()
    revisions: tuple[Revision, ...] = ()
    kernel_id = None
    fails_to_close: bool = False

    def used(self) -> Used:
        return Used()

    @asynccontextmanager
    async def organism(self, spec, emit, terms) -> AsyncIterator[Place]:
        self.did.append("loaded")
        yield self
        self.did.append("let go")

    async def notebook(self, path, *, emit, connection, run, veil):
        self.begun.set()
        await self.go_on.wait()
        emit(KernelStarted(veil="process"))
        self.did.append("opened")
        return self

    async def close(self, *, last_words: str = "") -> None:
        self.did.append("closed")
        if self.fails_to_close:
            raise NotebookConflict("The notebook is gone.")


@pytest.fixture
def journal(tmp_path):
    journal = Journal(tmp_path / "journal.sqlite")
    yield journal
    journal.close()


def begin(journal: Journal, place: Place, folder: Path) -> Run:
    config = folder / "x.yaml"
    config.write_text("experiment_name: x\nmodel: {name: a/b, execution_mode: local}\ntask: t\n", encoding="utf-8")
    environment = Environment(journal=journal, organism=place.organism, notebook=place.notebook)
    return start.begin(load_config(config), environment=environment, out=folder)


def ends(journal: Journal, run: Run) -> list[tuple[str, str]]:
    return [(event.status, event.message) for event in journal.events(run.id) if isinstance(event, RunEnded)]


def test_a_run_stopped_before_its_task_has_begun_loads_nothing(journal, tmp_path):
    async def main():
        place = Place()
        run = begin(journal, place, tmp_path)
        task = asyncio.create_task(run.drive())
        run.stop("no time")
        await asyncio.wait([task])
        assert place.did == []
        assert ends(journal, run) == [("interrupted", "no time")]

    asyncio.run(main())


@pytest.mark.parametrize("fails_to_close", [False, True])
def test_a_notebook_that_opens_while_its_run_is_stopped_is_opened_whole_and_closed(journal, tmp_path, fails_to_close):
    async def main():
        place = Place(fails_to_close=fails_to_close)
        run = begin(journal, place, tmp_path)
        task = asyncio.create_task(run.drive())
        await place.begun.wait()
        run.stop()
        run.stop("a second time")
        done, _ = await asyncio.wait([task], timeout=0.05)
        assert not done
        place.go_on.set()
        await asyncio.wait([task])
        assert place.did[:3] == ["loaded", "opened", "closed"]
        assert ends(journal, run) == [("interrupted", STOPPED)]
        task.cancelled() or task.exception()

    asyncio.run(main())


def test_weights_that_changed_under_one_config_are_said_at_the_start_and_only_sealed(journal, tmp_path):
    async def main():
        said = []
        for commit in ("0f1e2d", "0f1e2d", "3c4b5a"):
            place = Place(revisions=(Revision(part="model", kind="hub commit", revision=commit),))
            run = begin(journal, place, tmp_path)
            task = asyncio.create_task(run.drive())
            await place.begun.wait()
            run.stop()
            place.go_on.set()
            await asyncio.wait([task])
            task.cancelled() or task.exception()
            said.append(journal.last(run.id, WeightsIdentified))
            assert journal.conditions.revisions(run.id) == list(place.revisions)
            assert all(commit not in body for _, body in journal.raw_entries(run.id))
        assert [event.changed for event in said] == [False, False, True]
        assert said[0].weights == said[1].weights != said[2].weights

    asyncio.run(main())
