"""The server over stdin and stdout, in a process of its own that drives the runs."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

import anyio
from mcp.server.stdio import stdio_server

from ..runs import Services
from ..runs.catalog import Catalog
from ..runs.manager import RunManager
from ..runs.notebook_paths import Places
from ..runs.policy import Policy
from .clients import Clients
from .server import make_server

_ORGANISMS = 2
"""The next run's, and that of a run before which still closes its notebook."""


class _Server:
    """What lives as long as the process."""

    def __init__(self, *, notebooks: Path, configs: Sequence[Path], all_runs: bool) -> None:
        self.runs = RunManager(
            Services.open(at_most=_ORGANISMS),
            catalog=Catalog(root=Path.cwd(), extra=configs),
            places=Places(notebooks),
            policy=Policy(max_runs=1),
            log=logging.getLogger(__name__),
        )
        self.clients = Clients(runs=self.runs, attended=False, all_runs=all_runs)

    async def close(self) -> None:
        """End the run that is under way, so that it can be resumed."""
        await self.runs.close()
        await self.clients.close()
        await self.runs.services.close()


async def serve(*, notebooks: Path, configs: Sequence[Path] = (), all_runs: bool = False) -> None:
    """Serve one client until it closes stdin, or until SIGTERM or SIGINT.

    Args:
        notebooks: Folder of the runs' notebooks; it exists.
        configs: Further folders of configs.
        all_runs: Whether the client may read, go on with and fork runs that it has not begun.
    """
    its = _Server(notebooks=notebooks, configs=configs, all_runs=all_runs)
    server = make_server(its.clients)
    loop = asyncio.get_running_loop()
    ending: set[asyncio.Task[None]] = set()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, lambda code: ending.add(loop.create_task(_leave(its, code))), 128 + number)
    try:
        async with stdio_server() as (read, write):
            await server.run(read, write, server.create_initialization_options())
    except* (OSError, anyio.BrokenResourceError, anyio.ClosedResourceError):
        pass  # the client has gone while it was being told something
    finally:
        if not ending:
            await its.close()


async def _leave(its: _Server, code: int) -> None:
    """End the process although a thread of it reads stdin, which nothing but the client can end."""
    with suppress(Exception):
        await its.close()
    os._exit(code)
