"""A real manager of runs that drives none, over a journal of made-up ones: nothing is loaded."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from pathlib import Path

from interp_bench_ext.mcp.clients import Client
from interp_bench_ext.record.events import Event, RunStarted
from interp_bench_ext.record.journal import new_run_id
from interp_bench_ext.runs import Services
from interp_bench_ext.runs.catalog import Catalog
from interp_bench_ext.runs.manager import RunManager
from interp_bench_ext.runs.notebook_paths import Places
from interp_bench_ext.runs.policy import Policy

ONE, OTHER = Client(key="session 1", name="One"), Client(key="session 2", name="Other")


def with_manager(folder: Path, work: Callable[[RunManager], Awaitable[None]]) -> None:
    """Do ``work`` with a manager whose notebooks are below ``folder``."""

    async def main() -> None:
        services = Services.open(journal=folder / "journal.sqlite")
        manager = RunManager(
            services,
            catalog=Catalog(root=folder),
            places=Places(folder),
            policy=Policy(max_runs=1),
            log=logging.getLogger("test"),
        )
        await work(manager)
        await manager.close()
        await services.close()

    asyncio.run(main())


def recorded(manager: RunManager, notebook: Path, *events: Event, client: str | None = "One") -> str:
    """A run in the journal, led by the client of that name; None: by the playbook."""
    agent = {"provider": "mcp", "model": client} if client else {"provider": "playbook"}
    name = f"mcp {client}" if client else "playbook"
    first = RunStarted(public={"agent": agent}, agent=name, seed=0, notebook=str(notebook))
    run = new_run_id()
    config = notebook.parent / "fern.yaml"
    manager.journal.create_run(run, experiment="fern", config=config, notebook=notebook, first=first, then=events)
    return run
