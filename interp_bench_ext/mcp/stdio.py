"""The server over stdin and stdout, in a process of its own that drives the runs."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from mcp.server.stdio import stdio_server

from ..organisms.pool import OrganismPool
from ..record.journal import Journal
from ..runs.catalog import Catalog
from ..runs.environment import own_notebook
from ..runs.manager import RunManager, Surroundings
from ..runs.notebook_paths import Places
from ..runs.policy import Policy
from .clients import Clients
from .server import make_server

_IDLE_S = 60.0
"""How long an organism stays loaded between two runs."""
_ORGANISMS = 2
"""The next run's, and that of a run before which still closes its notebook."""


@dataclass(frozen=True, kw_only=True)
class _Parts:
    """What lives as long as the process."""

    runs: RunManager
    organisms: OrganismPool
    clients: Clients

    @classmethod
    def make(cls, *, notebooks: Path, configs: Sequence[Path]) -> _Parts:
        catalog = Catalog(root=Path.cwd(), extra=configs)
        organisms = OrganismPool(idle_s=_IDLE_S, at_most=_ORGANISMS)
        surroundings = Surroundings(
            journal=Journal(),
            catalog=catalog,
            organisms=organisms,
            places=Places(notebooks),
            policy=Policy(max_runs=1),
            notebook=own_notebook,
            key=None,
        )
        runs = RunManager(surroundings, log=logging.getLogger(__name__))
        return cls(runs=runs, organisms=organisms, clients=Clients(runs=runs, catalog=catalog, attended=False))

    async def close(self) -> None:
        """End the run that is under way, so that it can be resumed."""
        await self.runs.close()
        await self.clients.close()
        await self.organisms.close()
        self.runs.journal.close()


async def serve(*, notebooks: Path, configs: Sequence[Path] = ()) -> None:
    """Serve one client until it closes stdin, or until SIGTERM or SIGINT.

    Args:
        notebooks: Folder of the runs' notebooks; it exists.
        configs: Further folders of configs.
    """
    parts = _Parts.make(notebooks=notebooks, configs=configs)
    server = make_server(parts.clients)
    loop = asyncio.get_running_loop()
    ending: set[asyncio.Task[None]] = set()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, lambda code: ending.add(loop.create_task(_leave(parts, code))), 128 + number)
    async with stdio_server() as (read, write):
        await server.run(read, write, server.create_initialization_options())
    if not ending:
        await parts.close()


async def _leave(parts: _Parts, code: int) -> None:
    """End the process although a thread of it reads stdin, which nothing but the client can end."""
    with suppress(Exception):
        await parts.close()
    os._exit(code)
