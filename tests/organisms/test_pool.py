from __future__ import annotations

import asyncio
import dataclasses
import os
from pathlib import Path

import psutil
import pytest

from interp_bench_ext.errors import BadInput, NotFound, NotNow, OrganismLost
from interp_bench_ext.host.spec import OrganismSpec
from interp_bench_ext.kernel.client import RemoteOrganism
from interp_bench_ext.organisms.pool import OrganismPool
from interp_bench_ext.record.events import Event, OrganismLoading, OrganismReady, OrganismWentAway
from tests.host.tiny import save_model

SAMPLE = Path(__file__).parents[2] / "techniques" / "sample.py"


@pytest.fixture(scope="module")
def spec(tmp_path_factory) -> OrganismSpec:
    model = save_model("llama", tmp_path_factory.mktemp("model"))
    return OrganismSpec(name=str(model), device="cpu", hidden_system_prompt="quokka", techniques=(SAMPLE,))


class Ear:
    """Hears what a pool tells one run."""

    def __init__(self) -> None:
        self.events: list[Event] = []
        self._came = asyncio.Event()

    def __call__(self, event: Event) -> None:
        self.events.append(event)
        self._came.set()

    async def hears(self, kind: type, *, after: int = 0) -> Event:
        while True:
            for event in self.events[after:]:
                if isinstance(event, kind):
                    return event
            self._came.clear()
            await asyncio.wait_for(self._came.wait(), 60)


def children() -> list[psutil.Process]:
    """The processes that an organism consists of."""
    return [child for child in psutil.Process().children(recursive=True) if "interp_bench_ext.host" in child.cmdline()]


def in_pool(main, *, idle_s: float = 600.0, at_most: int = 2) -> None:
    """Run ``main(pool)``; afterwards no process is left."""

    async def whole():
        pool = OrganismPool(idle_s=idle_s, at_most=at_most)
        try:
            async with asyncio.timeout(120):
                await main(pool)
        finally:
            await pool.close()
        assert pool.states() == []
        assert children() == []

    asyncio.run(whole())


def other(spec: OrganismSpec, seed: int) -> OrganismSpec:
    return dataclasses.replace(spec, seed=seed)


def test_an_organism_is_loaded_once_and_shared_and_when_killed_comes_back_for_all(spec):
    async def main(pool):
        first, second, third = Ear(), Ear(), Ear()
        one = pool.lease(spec, first, run="1", config="tiny")
        two = pool.lease(spec, second, run="2", config="tiny")
        a, b = await asyncio.gather(one.__aenter__(), two.__aenter__())
        assert a.connection == b.connection
        for ear in (first, second):
            assert isinstance(ear.events[-1], OrganismReady)
            assert any(isinstance(event, OrganismLoading) for event in ear.events)
        await asyncio.to_thread(lambda: RemoteOrganism(a.connection).sample(["hello"], max_new_tokens=4))
        assert a.busy_s() > 0
        async with pool.lease(spec, third, run="3", config="tiny") as late:
            assert [type(event) for event in third.events] == [OrganismReady]
            assert late.busy_s() < a.busy_s()
            [state] = pool.states()
            assert (state.config, state.runs, state.device) == ("tiny", ["1", "2", "3"], "cpu")
            assert state.state in ("ready", "busy")
            for sealed in ("quokka", spec.name):
                assert sealed not in state.model_dump_json()
            await one.__aexit__(None, None, None)
            for child in children():
                child.kill()
            for ear in (second, third):
                lost = await ear.hears(OrganismWentAway)
                assert lost.restarting
                await ear.hears(OrganismReady, after=ear.events.index(lost))
        assert not any(isinstance(event, OrganismWentAway) for event in first.events)
        await two.__aexit__(None, None, None)
        assert [state.runs for state in pool.states()] == [[]]

    in_pool(main)


def test_an_idle_organism_is_stopped_and_one_that_somebody_uses_is_not(spec):
    async def main(pool):
        async with pool.lease(spec, Ear(), run="1", config="tiny") as lease:
            connection = lease.connection
        # The run has ended; its notebook's kernel goes on using the organism.
        for _ in range(5):
            await asyncio.to_thread(lambda: RemoteOrganism(connection).sample(["hello"], max_new_tokens=4))
            assert len(pool.states()) == 1
            await asyncio.sleep(0.2)
        while pool.states():  # noqa: ASYNC110 - the pool tells nobody that it stops an idle one
            await asyncio.sleep(0.05)

    in_pool(main, idle_s=1.0)


def test_an_idle_organism_makes_room_and_one_in_use_never(spec):
    async def main(pool):
        async with pool.lease(spec, Ear(), run="1", config="used"):
            with pytest.raises(NotNow, match="1 organism at most, and all are in use"):
                pool.check_room(other(spec, 1))
            with pytest.raises(NotNow, match="1 organism at most"):
                async with pool.lease(other(spec, 1), Ear(), run="2", config="more"):
                    pass
            pool.check_room(spec)
        async with pool.lease(other(spec, 1), Ear(), run="2", config="more"):
            assert [state.config for state in pool.states()] == ["more"]

    in_pool(main, at_most=1)


def test_a_run_stopped_while_its_organism_loads_takes_it_along_unless_others_wait(spec):
    async def use(pool, ear, run):
        async with pool.lease(spec, ear, run=run, config="tiny"):
            return ear.events[-1]

    async def main(pool):
        ears = [Ear(), Ear(), Ear()]
        first, second = (asyncio.create_task(use(pool, ear, str(n))) for n, ear in enumerate(ears[:2]))
        await ears[0].hears(OrganismLoading)
        first.cancel()
        assert isinstance(await second, OrganismReady)
        [state] = pool.states()
        pool.stop(state.id)
        third = asyncio.create_task(use(pool, ears[2], "3"))
        await ears[2].hears(OrganismLoading)
        assert [state.state for state in pool.states()] == ["loading"]
        third.cancel()
        await asyncio.wait([third])
        assert pool.states() == []

    in_pool(main)


def test_a_persons_organism_stays_until_it_is_stopped(spec):
    async def main(pool):
        state, connection = await pool.hold(spec, "tiny")
        assert (state.state, state.runs) == ("ready", [])
        assert connection.url
        assert connection.token not in state.model_dump_json()
        async with pool.lease(spec, Ear(), run="1", config="tiny"):
            with pytest.raises(NotNow, match="used by 1 run"):
                pool.stop(state.id)
        with pytest.raises(NotNow, match="1 organism at most"):
            pool.check_room(other(spec, 1))
        pool.stop(state.id)
        assert pool.states() == []
        with pytest.raises(NotFound):
            pool.stop(state.id)

    in_pool(main, at_most=1)


def test_whoever_waits_for_an_organism_that_is_stopped_is_told(spec):
    async def main(pool):
        waiting = asyncio.create_task(pool.hold(spec, "tiny"))
        await asyncio.sleep(0)
        [state] = pool.states()
        pool.stop(state.id)
        with pytest.raises(OrganismLost, match="stopped while it was loading"):
            await waiting

    in_pool(main)


def test_an_organism_that_cannot_be_loaded_tells_all_who_wait_and_is_not_kept(spec):
    async def main(pool):
        bad = dataclasses.replace(spec, name="/nowhere/quokka")
        waiting = [asyncio.create_task(pool.hold(bad, "bad")) for _ in range(2)]
        for task in waiting:
            with pytest.raises(BadInput) as refused:
                await task
            assert "quokka" not in str(refused.value)
        assert pool.states() == []

    in_pool(main)


def test_files_that_changed_make_another_organism(spec, tmp_path):
    async def main(pool):
        technique = tmp_path / "mine.py"
        technique.write_text(SAMPLE.read_text(encoding="utf-8").replace("def sample", "def mine"), encoding="utf-8")
        mine = dataclasses.replace(spec, techniques=(technique,))
        waiting = asyncio.create_task(pool.hold(mine, "tiny"))
        await asyncio.sleep(0)
        pool.check_room(mine)
        os.utime(technique, ns=(1, 1))
        with pytest.raises(NotNow):
            pool.check_room(mine)
        pool.stop(pool.states()[0].id)
        with pytest.raises(OrganismLost):
            await waiting

    in_pool(main, at_most=1)
