"""What a manager of runs does about a disk that is full; the rest of it is tested through a server."""

from __future__ import annotations

import asyncio
import logging
import sqlite3

import pytest

from interp_bench_ext.api import ResumeRun, StartRun
from interp_bench_ext.models.key import Key
from interp_bench_ext.record.journal import Journal
from interp_bench_ext.runs import Services
from interp_bench_ext.runs.catalog import Catalog
from interp_bench_ext.runs.manager import RunManager
from interp_bench_ext.runs.notebook_paths import Places
from interp_bench_ext.runs.policy import Policy
from tests.agent.messages_server import MessagesServer
from tests.runs.serving import scripted, write_configs


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


@pytest.mark.slow
def test_a_full_disk_ends_a_run_in_a_sentence_and_it_goes_on_when_there_is_room(tmp_path, agent):
    write_configs(tmp_path)

    async def main():
        services = Services.open(journal=tmp_path / "journal.sqlite", key=Key(api_key="sk-test"))
        journal = services.journal
        manager = RunManager(
            services,
            catalog=Catalog(root=tmp_path),
            places=Places(tmp_path),
            policy=Policy(max_runs=1),
            log=logging.getLogger("test"),
        )
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
