"""A user's server at the Hub's service: its tickets, its socket for kernels, and a service that goes away."""

from __future__ import annotations

import asyncio
import contextlib
import http.client
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from interp_bench_ext.config import load_config
from interp_bench_ext.contracts import Access
from interp_bench_ext.errors import InterpBenchError, NotFound, NotNow
from interp_bench_ext.host.spec import OrganismSpec
from interp_bench_ext.host.terms import Terms
from interp_bench_ext.kernel.client import RemoteOrganism, UnknownTechnique
from interp_bench_ext.kernel.wire import open_connection
from interp_bench_ext.organisms.places.hub.account import Account
from interp_bench_ext.organisms.places.hub.configs import HubConfigs
from interp_bench_ext.organisms.places.hub.organism import HubOrganism
from interp_bench_ext.organisms.tickets import Lease, admitted, lent
from interp_bench_ext.record.events import Event, OrganismReady, OrganismWentAway
from tests.host.running import frames
from tests.hub.hub import Hub
from tests.redteam.hub.users import GROUP
from tests.redteam.suite import attempt

pytestmark = pytest.mark.slow
TECHNIQUES = Path(__file__).parents[2] / "techniques"
SPEC = OrganismSpec(name="quartz", techniques=(TECHNIQUES / "sample.py", TECHNIQUES / "logit_lens.py"), place="hub")


def served(hub: Hub, user: str, test: Callable[[HubOrganism, list[Event]], Awaitable[None]]) -> None:
    """Run ``test`` with the organism as the user's server has it."""

    async def running() -> None:
        events: list[Event] = []
        account = Account(hub.service, hub.token_of(user))
        organism = await HubOrganism.start(account, SPEC, emit=events.append)
        try:
            await test(organism, events)
        finally:
            await organism.stop()

    asyncio.run(running())


async def sampled(lease: Lease, **arguments: object) -> object:
    """What a kernel gets that holds the lease's connection."""
    remote = RemoteOrganism(lease.connection)
    return await asyncio.to_thread(remote.call, "sample", **{"prompts": "hello", "max_new_tokens": 2, **arguments})


def asked(lease: Lease, method: str, path: str, token: str | None = None) -> int:
    """The status of one request on the kernel's socket."""
    connection = open_connection(lease.connection.url)
    with contextlib.closing(connection):
        connection.request(method, path, headers={"Authorization": f"Bearer {token or lease.connection.token}"})
        return connection.getresponse().status


def test_a_kernel_calls_through_its_servers_socket_and_the_use_is_known_as_the_call_ends(hub: Hub) -> None:
    async def test(organism: HubOrganism, events: list[Event]) -> None:
        assert isinstance(events[-1], OrganismReady)
        assert events[-1].remote
        assert organism.device == "cpu"
        assert organism.revisions[0].kind == "unknown"
        async with lent(organism, Terms(caller="run", access=Access.SAMPLE)) as lease:
            await sampled(lease, n=3)
            assert lease.used().samples == 3
            assert lease.busy_s() > 0
            remote = RemoteOrganism(lease.connection)
            with pytest.raises(UnknownTechnique):
                await asyncio.to_thread(remote.call, "logit_lens", prompt="hello")
        with pytest.raises(InterpBenchError, match="has ended"):
            await sampled(lease)

    served(hub, "alice", test)


@attempt("U30", GROUP, "The Hub, its API and other users' servers, through the socket of a kernel", veil="any")
def test_the_socket_leads_to_the_organism_and_nowhere_else(hub: Hub) -> None:
    paths = (
        "/",
        "/tickets",
        "/organisms",
        "/admin/state",
        "/../organisms",
        "/health/../../../hub/api",
        hub.url + "hub/api",
    )

    async def test(organism: HubOrganism, events: list[Event]) -> None:
        async with lent(organism, Terms(caller="run", access=Access.BASE)) as lease:
            assert await asyncio.to_thread(asked, lease, "GET", "/health") == http.client.OK
            for path in paths:
                assert await asyncio.to_thread(asked, lease, "GET", path) == http.client.NOT_FOUND, path
            assert await asyncio.to_thread(asked, lease, "GET", "/health", "0" * 32) == http.client.UNAUTHORIZED
            assert await asyncio.to_thread(asked, lease, "DELETE", "/calls") == http.client.METHOD_NOT_ALLOWED

    served(hub, "alice", test)


def test_a_held_ticket_s_calls_are_not_sent_to_the_hub_until_it_is_let_go(hub: Hub) -> None:
    async def test(organism: HubOrganism, events: list[Event]) -> None:
        async with lent(organism, Terms(caller="run", access=Access.SAMPLE)) as lease:
            await lease.hold(held=True)
            body = b'{"technique": "sample", "arguments": {"prompts": "go", "n": 1, "max_new_tokens": 2}}'
            headers = {"Authorization": f"Bearer {lease.connection.token}"}
            with contextlib.closing(open_connection(lease.connection.url)) as connection:
                await asyncio.to_thread(connection.request, "POST", "/calls", body, headers)
                with await asyncio.to_thread(connection.getresponse) as reply:
                    _, said = await asyncio.to_thread(lambda: next(frames(reply.read)))
                    assert (said["stage"], lease.used().samples) == ("paused by a person", 0)
                    await lease.hold(held=False)
                    rest = await asyncio.to_thread(lambda: [kind for kind, _ in frames(reply.read)])
            assert (rest[-1], lease.used().samples) == ("B", 1)

    served(hub, "alice", test)


def test_a_kernel_that_interrupts_its_call_cancels_it_at_the_hub(hub: Hub, tokens: dict[str, str]) -> None:
    async def test(organism: HubOrganism, events: list[Event]) -> None:
        async with lent(organism, Terms(caller="run", access=Access.BASE)) as lease:
            connection = open_connection(lease.connection.url)
            body = b'{"technique": "sample", "arguments": {"prompts": "go", "n": 64, "max_new_tokens": 4000}}'
            headers = {"Authorization": f"Bearer {lease.connection.token}"}
            await asyncio.to_thread(connection.request, "POST", "/calls", body, headers)
            await until(lambda: running(hub, tokens["root"], "carol"))
            connection.close()
            await until(lambda: not running(hub, tokens["root"], "carol"))

    served(hub, "carol", test)


def running(hub: Hub, admin: str, user: str) -> bool:
    queue = hub.ask("GET", "/admin/state", admin).json()["queue"]
    return any(entry["user"] == user and entry["running"] for entry in queue)


async def until(happened: Callable[[], bool]) -> None:
    async with asyncio.timeout(60):
        while not await asyncio.to_thread(happened):  # each asks the Hub, which takes its time
            pass


def test_a_call_goes_on_when_the_service_is_killed_under_it(hub: Hub, tokens: dict[str, str]) -> None:
    async def test(organism: HubOrganism, events: list[Event]) -> None:
        async with lent(organism, Terms(caller="run", access=Access.BASE)) as lease:
            calling = asyncio.ensure_future(sampled(lease, n=8, max_new_tokens=200))
            await until(lambda: running(hub, tokens["root"], "bob"))
            process = hub.service_process()
            process.kill()
            await calling
            assert lease.used().samples >= 8
            await until(lambda: isinstance(events[-1], OrganismReady))
            if any(isinstance(event, OrganismWentAway) for event in events):
                await organism.wait_ready()

    served(hub, "bob", test)
    hub.wait(f"{hub.service}/health")


def test_what_the_administrator_ends_opens_nothing_any_more(hub: Hub, tokens: dict[str, str]) -> None:
    async def test(organism: HubOrganism, events: list[Event]) -> None:
        lease = await admitted(organism, Terms(caller="run", access=Access.BASE))
        await sampled(lease)
        await asyncio.to_thread(hub.ask, "POST", "/admin/stop", tokens["root"], json={"user": "mallory"})
        with pytest.raises(InterpBenchError, match="has ended"):
            await sampled(lease)

    served(hub, "mallory", test)


def test_an_organism_that_is_not_offered_and_a_hub_that_does_not_answer_are_sentences(hub: Hub) -> None:
    async def start(account: Account, name: str) -> None:
        spec = OrganismSpec(name=name, techniques=SPEC.techniques, place="hub")
        await HubOrganism.start(account, spec, emit=lambda event: None)

    with pytest.raises(NotFound, match="offers you no organism 'sapphire'"):
        asyncio.run(start(Account(hub.service, hub.token_of("alice")), "sapphire"))
    with pytest.raises(NotNow, match="does not answer"):
        asyncio.run(start(Account("http://127.0.0.1:9/services/interp-bench", "x"), "quartz"))


def test_what_the_hub_offers_are_configs_without_a_sealed_half(
    hub: Hub, organisms: Path, prompt: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("JUPYTER_DATA_DIR", str(tmp_path))
    offered = HubConfigs(Account(hub.service, hub.token_of("bob")))
    offered.refresh()
    assert [file.name for file in offered.folder.iterdir()] == ["quartz.yaml"]
    file = offered.folder / "quartz.yaml"
    experiment = load_config(file)
    assert experiment.public.execution_mode == "hub"
    assert experiment.public.access is Access.ACTIVATIONS
    assert set(experiment.public.techniques) == {"sample", "get_model_info", "logit_lens"}
    for sealed in (prompt, "sapphire", str(organisms)):
        assert sealed not in file.read_text()
