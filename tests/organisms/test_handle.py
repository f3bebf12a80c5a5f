from __future__ import annotations

import asyncio

import pytest

from interp_bench_ext.errors import OrganismLost
from interp_bench_ext.organisms.handle import Awaited


def test_whoever_uses_it_waits_until_it_serves_and_hears_when_it_never_will() -> None:
    async def scenario() -> None:
        organism = Awaited()
        waiting = asyncio.create_task(organism.wait_ready())
        await asyncio.sleep(0)
        assert not waiting.done()
        organism._ready.set()
        await waiting
        organism.lost = OrganismLost("It has gone.")
        with pytest.raises(OrganismLost, match="It has gone"):
            await organism.wait_ready()

    asyncio.run(scenario())
