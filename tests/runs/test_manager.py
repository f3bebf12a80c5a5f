"""What a manager of runs does about a full disk and about its own mistakes; the rest is tested through a server."""

from __future__ import annotations

import asyncio
import logging
import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from interp_bench_ext.api import ResumeRun, StartRun
from interp_bench_ext.models.key import Key
from interp_bench_ext.organisms.pool import OrganismPool
from interp_bench_ext.record.journal import Journal
from interp_bench_ext.runs import Services
from interp_bench_ext.runs.catalog import Catalog
from interp_bench_ext.runs.manager import RunManager
from interp_bench_ext.runs.notebook_paths import Places
from interp_bench_ext.runs.policy import Policy
from tests.agent.messages_server import MessagesServer
from tests.runs.serving import SECRET, scripted, write_configs


@pytest.fixture
def agent(monkeypatch, tmp_path):
    monkeypatch.setenv("JUPYTER_DATA_DIR", str(tmp_path / "data"))
    with MessagesServer(scripted) as agent:
        monkeypatch.setenv("ANTHROPIC_BASE_URL", agent.url)
        yield agent


def pages(journal: Journal, limit: int | None = None) -> int:
    """Pages that the database has, or may have from now on."""
    pragma = "page_count" if limit is None else f"max_page_count={limit}"
    return int(journal._database.execute(f"PRAGMA {pragma}").fetchone()[0])


async def until(manager: RunManager, run: str, kind: str) -> None:
    while not any(f'"type":"{kind}"' in body for _, body in manager.journal.raw_entries(run, limit=10_000)):
        await manager.feed.more(run)


def manager_of(services: Services, folder: Path) -> RunManager:
    return RunManager(
        services,
        catalog=Catalog(root=folder),
        places=Places(folder),
        policy=Policy(max_runs=1),
        log=logging.getLogger("test"),
    )


class Broken(OrganismPool):
    @asynccontextmanager
    async def lease(self, *_: Any, **__: Any) -> AsyncIterator[Any]:
        raise RuntimeError(SECRET)
        yield


def test_the_log_has_where_an_internal_error_happened_and_nothing_of_what_it_says(tmp_path, agent, caplog):
    write_configs(tmp_path)

    async def main():
        services = Services.open(journal=tmp_path / "journal.sqlite", key=Key(api_key="sk-test"))
        services = replace(services, organisms=Broken(idle_s=60, at_most=1))
        manager = manager_of(services, tmp_path)
        run = (await manager.start(StartRun(request_id="1", config="talks"))).id
        await until(manager, run, "run_ended")
        while manager.under_way():
            await manager.feed.more(run)
        ended = manager.summary(run)
        await manager.close()
        await services.close()
        return ended

    ended = asyncio.run(main())
    assert (ended.status, ended.message) == ("failed", "an internal error ended the run (RuntimeError)")
    [record] = [record for record in caplog.records if "internal error" in record.getMessage()]
    assert "in lease" in record.getMessage()
    assert SECRET not in caplog.text


@pytest.mark.slow
def test_a_full_disk_ends_a_run_in_a_sentence_and_it_goes_on_when_there_is_room(tmp_path, agent):
    write_configs(tmp_path)

    async def main():
        services = Services.open(journal=tmp_path / "journal.sqlite", key=Key(api_key="sk-test"))
        journal = services.journal
        manager = manager_of(services, tmp_path)
        started = await manager.start(StartRun(request_id="1", config="talks"))
        run = started.id
        assert manager.under_way(waiting=False) == [run]
        await manager.pause(run)
        # Nobody keeps a server alive for a run that waits for a person: it can be resumed.
        assert (manager.under_way(), manager.under_way(waiting=False)) == ([run], [])
        await until(manager, run, "cell_finished")

        pages(journal, pages(journal))
        with pytest.raises(sqlite3.OperationalError, match="full"):
            await manager.tell(run, "x" * 20_000)
        await manager.unpause(run)
        while manager.under_way():
            await manager.feed.more(run)
        cut = manager.summary(run)
        assert (cut.status, cut.here) == ("interrupted", False)
        assert cut.message == "the journal could not be written; free some disk space, then resume the run"
        assert [summary.message for summary in await manager.summaries()] == [cut.message]

        pages(journal, 1_000_000)
        await manager.resume(run, ResumeRun(request_id="2"))
        await until(manager, run, "run_ended")
        assert manager.summary(run).status == "finished"
        await manager.close()
        await services.close()

    asyncio.run(main())
