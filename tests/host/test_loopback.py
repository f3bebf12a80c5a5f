"""The organism on a port of 127.0.0.1, as where there are no Unix sockets."""

from __future__ import annotations

import asyncio
from pathlib import Path

import psutil
import pytest

from interp_bench_ext.contracts import Access, Connection
from interp_bench_ext.errors import InterpBenchError
from interp_bench_ext.host.spec import OrganismSpec
from interp_bench_ext.host.terms import Terms
from interp_bench_ext.kernel.client import RemoteOrganism
from interp_bench_ext.organisms.process import OrganismProcess
from interp_bench_ext.organisms.tickets import admitted
from interp_bench_ext.record.events import OrganismReady
from tests.techniques.support import FOLDER


class OnLoopback(OrganismProcess):
    unix_sockets = False


@pytest.mark.slow
def test_it_serves_with_a_token_and_comes_back_on_the_same_port(model_folders: dict[str, Path]) -> None:
    asyncio.run(_served(model_folders["llama"]))


async def _served(model: Path) -> None:
    again, seen = asyncio.Event(), []

    def emit(event: object) -> None:
        if isinstance(event, OrganismReady):
            seen.append(event)
            if len(seen) == 2:
                again.set()

    spec = OrganismSpec(name=str(model), device="cpu", techniques=(FOLDER / "get_model_info.py",))
    others = set(psutil.Process().children())
    organism = await OnLoopback.start(spec, emit=emit, sandbox=False)
    try:
        lease = await admitted(organism, Terms(caller="t", access=Access.BASE))
        connection = lease.connection
        assert connection.url.startswith("http://127.0.0.1:")
        remote = RemoteOrganism(connection)
        assert (await asyncio.to_thread(remote.call, "get_model_info")).n_layers == 3
        with pytest.raises(InterpBenchError):
            await asyncio.to_thread(RemoteOrganism(Connection(connection.url, "wrong")).techniques)
        (child,) = set(psutil.Process().children()) - others
        child.kill()
        await asyncio.wait_for(again.wait(), 60)
        assert organism.url == connection.url
        assert (await asyncio.to_thread(remote.call, "get_model_info")).n_layers == 3
    finally:
        await organism.stop()
