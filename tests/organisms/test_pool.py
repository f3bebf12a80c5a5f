from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import os
from contextlib import AsyncExitStack, suppress
from pathlib import Path

import psutil
import pytest

from interp_bench_ext.config import load_config
from interp_bench_ext.contracts import Access, Connection
from interp_bench_ext.errors import (
    AccessDenied,
    AccessEnded,
    BadInput,
    CallCancelled,
    InterpBenchError,
    NoRoom,
    NotFound,
    NotNow,
    OrganismLost,
)
from interp_bench_ext.host.spec import OrganismSpec
from interp_bench_ext.host.terms import Terms
from interp_bench_ext.kernel.client import RemoteOrganism
from interp_bench_ext.kernel.wire import Wire, open_connection
from interp_bench_ext.organisms.placement import organism_spec
from interp_bench_ext.organisms.pool import OrganismPool
from interp_bench_ext.record.events import Event, OrganismLoading, OrganismReady, OrganismWentAway
from tests.host.tiny import save_model
from tests.redteam.suite import attempt

SAMPLE = Path(__file__).parents[2] / "techniques" / "sample.py"


@pytest.fixture(scope="module")
def spec(tmp_path_factory) -> OrganismSpec:
    model = save_model("llama", tmp_path_factory.mktemp("model"))
    return OrganismSpec(name=str(model), device="cpu", hidden_system_prompt="quokka", techniques=(SAMPLE,))


def status(connection: Connection) -> int:
    """Of a request with the connection's token."""
    wire = open_connection(connection.url)
    with contextlib.closing(wire):
        wire.request("GET", "/health", headers={"Authorization": f"Bearer {connection.token}"})
        return wire.getresponse().status


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


_others: list[psutil.Process] = []
"""Organisms of tests that share theirs, in this process too."""


def children() -> list[psutil.Process]:
    """The processes that the pool's organisms consist of."""
    return [child for child in _hosts() if child not in _others]


def _hosts() -> list[psutil.Process]:
    found = []
    for child in psutil.Process().children(recursive=True):
        with suppress(psutil.Error):  # it may be gone by now
            if "interp_bench_ext.host" in child.cmdline():
                found.append(child)
    return found


def in_pool(main, *, idle_s: float = 600.0, at_most: int = 2) -> None:
    """Run ``main(pool)``; afterwards no process is left."""

    async def whole():
        _others[:] = _hosts()
        pool = OrganismPool(idle_s=idle_s, at_most=at_most)
        try:
            async with asyncio.timeout(120):
                await main(pool)
        finally:
            await pool.close()
        assert pool.states() == []
        assert children() == []

    asyncio.run(whole())


def other(spec: OrganismSpec) -> OrganismSpec:
    return dataclasses.replace(spec, hidden_system_prompt="numbat")


def lent(pool, spec, ear, *, run, config="tiny", access=Access.BASE, **terms):
    return pool.lease(spec, ear, Terms(caller=run, access=access, **terms), config=config)


async def sampled(connection: Connection, **arguments) -> None:
    """Have the organism's model work."""
    await asyncio.to_thread(lambda: RemoteOrganism(connection).sample(["hello"], max_new_tokens=4, **arguments))


def test_an_organism_is_loaded_once_and_shared_and_when_killed_comes_back_for_all(spec):
    async def main(pool):
        first, second, third = Ear(), Ear(), Ear()
        one = lent(pool, spec, first, run="1")
        two = lent(pool, spec, second, run="2")
        a, b = await asyncio.gather(one.__aenter__(), two.__aenter__())
        assert a.connection.url == b.connection.url
        for ear in (first, second):
            assert isinstance(ear.events[-1], OrganismReady)
            assert any(isinstance(event, OrganismLoading) for event in ear.events)
        async with lent(pool, spec, third, run="3"):
            assert [type(event) for event in third.events] == [OrganismReady]
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


@attempt("D7", "organism", "The token of another run on the same organism, or of one that has ended", veil="any")
def test_a_tickets_token_opens_until_the_lease_ends_and_its_meter_counts_its_own_calls(spec):
    async def main(pool):
        async with lent(pool, spec, Ear(), run="2") as b:
            async with lent(pool, spec, Ear(), run="1") as a:
                assert a.connection.token != b.connection.token
                await sampled(b.connection)
                assert b.busy_s() > 0
                assert a.busy_s() == 0
                await sampled(a.connection)
                assert a.busy_s() > 0
            with pytest.raises(InterpBenchError, match="has ended, as a run's does with the run"):
                await sampled(a.connection)
            assert await asyncio.to_thread(status, a.connection) == 401
            worked_s = a.busy_s()  # the process has told all before it heeded the end of the ticket
            before_s = b.busy_s()
            await sampled(b.connection)
            while b.busy_s() <= before_s:  # told by the process on another way than the reply
                await asyncio.to_thread(status, b.connection)
            assert a.busy_s() == worked_s

    in_pool(main)


def test_a_call_under_way_is_cut_off_with_its_ticket_and_another_runs_goes_on(spec):
    async def main(pool):
        async with lent(pool, spec, Ear(), run="2") as b:
            async with lent(pool, spec, Ear(), run="1") as a:
                calling = asyncio.create_task(sampled(a.connection, n=20_000))
                while a.busy_s() == 0:  # noqa: ASYNC110 - the pool tells nobody that a call has begun
                    await asyncio.sleep(0.01)
            with pytest.raises(CallCancelled, match="access to the organism has ended"):
                await calling
            await sampled(b.connection)

    in_pool(main)


def test_seeds_and_access_of_one_config_are_one_load_and_each_run_sees_as_far_as_it_may(tmp_path, spec):
    config = tmp_path / "x.yaml"
    config.write_text(
        f"experiment_name: x\nmodel: {{name: {spec.name}, execution_mode: local, device: cpu}}\ntask: t\n"
        "techniques: [sample, logit_lens, get_model_info]\n",
        encoding="utf-8",
    )
    experiment = load_config(config)

    async def main(pool):
        async with AsyncExitStack() as stack:
            leases = []
            for seed, access in ((0, Access.BASE), (1, Access.SAMPLE), (2, Access.BASE)):
                public = experiment.public.model_copy(update={"seed": seed, "access": access})
                mine = organism_spec(dataclasses.replace(experiment, public=public))
                leases.append(await stack.enter_async_context(lent(pool, mine, Ear(), run=str(seed), access=access)))
            assert [state.runs for state in pool.states()] == [["0", "1", "2"]]
            assert [child.name().startswith("python") for child in children()].count(True) == 1
            _, low, high = leases
            assert [spec.name for spec in low.specs] == ["sample", "get_model_info"]
            assert [spec.name for spec in high.specs] == ["sample", "logit_lens", "get_model_info"]
            with pytest.raises(AccessDenied, match="logit_lens needs access to activations"):
                await asyncio.to_thread(Wire(low.connection).call, "logit_lens", {"prompt": "a"}, 60)
            infos = [await asyncio.to_thread(RemoteOrganism(one.connection).get_model_info) for one in (low, high)]
            assert [info.access for info in infos] == ["sample", "base"]

    in_pool(main, at_most=1)


@pytest.mark.slow
def test_tickets_and_their_meters_outlive_a_restart_and_a_revoked_one_stays_out(spec):
    async def main(pool):
        ear = Ear()
        async with lent(pool, spec, ear, run="2") as b:
            async with lent(pool, spec, Ear(), run="1") as a:
                await sampled(b.connection)
            before_s = b.busy_s()
            for child in children():
                child.kill()
            lost = await ear.hears(OrganismWentAway)
            await ear.hears(OrganismReady, after=ear.events.index(lost))
            assert b.busy_s() >= before_s
            await sampled(b.connection)
            assert b.busy_s() > before_s
            assert await asyncio.to_thread(status, a.connection) == 401

    in_pool(main)


@pytest.mark.slow
def test_a_run_gets_no_more_of_the_models_time_than_its_quota(spec):
    async def main(pool):
        async with lent(pool, spec, Ear(), run="1", quota_s=0.05) as lease:
            with pytest.raises(AccessEnded, match="all that this access allows"):
                await sampled(lease.connection, n=20_000)
            with pytest.raises(AccessEnded):
                await sampled(lease.connection)
        async with lent(pool, spec, Ear(), run="2") as other:
            await sampled(other.connection)

    in_pool(main)


@pytest.mark.slow
def test_an_idle_organism_is_stopped_and_one_that_somebody_uses_is_not(spec):
    async def main(pool):
        _, connection = await pool.hold(spec, "tiny", access=Access.BASE)
        for _ in range(5):
            await sampled(connection)
            assert len(pool.states()) == 1
            await asyncio.sleep(0.2)
        while pool.states():  # noqa: ASYNC110 - the pool tells nobody that it stops an idle one
            await asyncio.sleep(0.05)

    in_pool(main, idle_s=1.0)


@pytest.mark.slow
def test_an_idle_organism_makes_room_and_one_in_use_never(spec):
    async def main(pool):
        async with lent(pool, spec, Ear(), run="1", config="used"):
            with pytest.raises(NoRoom, match="1 organism at most, and all are in use"):
                pool.check_room(other(spec))
            with pytest.raises(NotNow, match="1 organism at most"):
                async with lent(pool, other(spec), Ear(), run="2", config="more"):
                    pass
            pool.check_room(spec)
        async with lent(pool, other(spec), Ear(), run="2", config="more"):
            assert [state.config for state in pool.states()] == ["more"]

    in_pool(main, at_most=1)


@pytest.mark.slow
def test_an_idle_organism_of_whoever_has_most_makes_room_before_anothers(spec):
    async def main(pool: OrganismPool) -> None:
        one, two, three = (dataclasses.replace(spec, hidden_system_prompt=word) for word in ("one", "two", "three"))
        for user, wanted, config in (("bob", one, "one"), ("alice", two, "two"), ("alice", three, "three")):
            async with pool.lease(wanted, Ear(), Terms(caller=user, access=Access.BASE, user=user), config=config):
                pass
        # The one of bob's was idle for longer.
        assert {state.config for state in pool.states()} == {"one", "three"}

    in_pool(main, at_most=2)


@pytest.mark.slow
def test_a_run_stopped_while_its_organism_loads_takes_it_along_unless_others_wait(spec):
    async def use(pool, ear, run):
        async with lent(pool, spec, ear, run=run):
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
        state, connection = await pool.hold(spec, "tiny", access=Access.BASE)
        assert (state.state, state.runs) == ("ready", [])
        assert connection.url
        assert connection.token not in state.model_dump_json()
        async with lent(pool, spec, Ear(), run="1"):
            with pytest.raises(NotNow, match="used by 1 run"):
                pool.stop(state.id)
        with pytest.raises(NotNow, match="1 organism at most"):
            pool.check_room(other(spec))
        pool.stop(state.id)
        assert pool.states() == []
        with pytest.raises(NotFound):
            pool.stop(state.id)

    in_pool(main, at_most=1)


def test_whoever_waits_for_an_organism_that_is_stopped_is_told(spec):
    async def main(pool):
        waiting = asyncio.create_task(pool.hold(spec, "tiny", access=Access.BASE))
        await asyncio.sleep(0)
        [state] = pool.states()
        pool.stop(state.id)
        with pytest.raises(OrganismLost, match="stopped while it was loading"):
            await waiting

    in_pool(main)


def test_an_organism_that_cannot_be_loaded_tells_all_who_wait_and_is_not_kept(spec):
    async def main(pool):
        bad = dataclasses.replace(spec, name="/nowhere/quokka")
        waiting = [asyncio.create_task(pool.hold(bad, "bad", access=Access.BASE)) for _ in range(2)]
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
        waiting = asyncio.create_task(pool.hold(mine, "tiny", access=Access.BASE))
        await asyncio.sleep(0)
        pool.check_room(mine)
        os.utime(technique, ns=(1, 1))
        with pytest.raises(NotNow):
            pool.check_room(mine)
        pool.stop(pool.states()[0].id)
        with pytest.raises(OrganismLost):
            await waiting

    in_pool(main, at_most=1)
