from __future__ import annotations

import asyncio
import secrets
import time
from collections.abc import Iterator
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from interp_bench_ext.contracts import Access
from interp_bench_ext.errors import NotFound
from interp_bench_ext.hub.bodies import AskTicket
from interp_bench_ext.hub.classrooms import Classrooms
from interp_bench_ext.hub.metrics import Metrics
from interp_bench_ext.hub.offers import Offers
from interp_bench_ext.hub.people import Person
from interp_bench_ext.hub.quotas import Quotas
from interp_bench_ext.hub.settings import Group, Settings
from interp_bench_ext.hub.store import Store
from interp_bench_ext.hub.tickets import HubTicket, Tickets
from interp_bench_ext.organisms.pool import OrganismPool
from interp_bench_ext.record.events import Event, OrganismLoading

ALICE = Person(name="alice", groups=frozenset({"course"}))
LONG_AGO_S = 3600.0


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    opened = Store(tmp_path / "state.sqlite")
    yield opened
    opened.close()


@pytest.fixture
def tickets(organisms: Path, store: Store) -> Tickets:
    settings = Settings(
        organisms=("quartz.yaml", "topaz.yaml"),
        groups={"course": Group(organisms=("quartz",)), "others": Group(organisms=("topaz",))},
        silent_minutes=15,
    )
    rooms = Classrooms(settings, store)
    offers = Offers(settings, folder=organisms, classrooms=rooms)
    quotas, pool = Quotas(settings, store, rooms), OrganismPool(idle_s=60, at_most=1)
    return Tickets(settings=settings, store=store, offers=offers, quotas=quotas, pool=pool, metrics=Metrics())


@pytest.fixture
def room_for_two(organisms: Path, store: Store) -> Tickets:
    """Tickets for three organisms, of which two can be loaded."""
    first = (organisms / "quartz.yaml").read_text()
    for name in ("beryl", "onyx"):  # each with a hidden prompt of its own
        (organisms / f"{name}.yaml").write_text(first.replace("quartz", name).replace("sapphire", name))
    settings = Settings(organisms=("quartz.yaml", "beryl.yaml", "onyx.yaml"))
    rooms = Classrooms(settings, store)
    offers = Offers(settings, folder=organisms, classrooms=rooms)
    quotas, pool = Quotas(settings, store, rooms), OrganismPool(idle_s=60, at_most=2)
    return Tickets(settings=settings, store=store, offers=offers, quotas=quotas, pool=pool, metrics=Metrics())


def given(tickets: Tickets, person: Person = ALICE, organism: str = "quartz") -> HubTicket:
    offer, digest = tickets._offers.find(organism, person), secrets.token_hex(32)
    return tickets.give(person, offer, AskTicket(organism=offer.handle, digest=digest, caller="x", access=Access.BASE))


def test_calls_keep_no_ticket_alive_whose_server_is_not_heard_of_any_more(tickets: Tickets) -> None:
    async def test() -> None:
        ticket = given(tickets)
        call = asyncio.create_task(asyncio.sleep(60))
        ticket.calls.add(call)
        await tickets.end_overdue(hub_away_at=float("-inf"))
        assert tickets.all() == [ticket]
        ticket.heard_at = time.monotonic() - LONG_AGO_S
        await tickets.end_overdue(hub_away_at=time.monotonic() - 60)  # nobody could be heard until a minute ago
        assert tickets.all() == [ticket]
        await tickets.end_overdue(hub_away_at=float("-inf"))
        assert tickets.all() == []
        assert call.cancelled()

    asyncio.run(test())


def test_a_ticket_follows_its_user_into_other_groups(tickets: Tickets, store: Store) -> None:
    async def test() -> None:
        ticket = given(tickets)
        both = Person(name="alice", groups=frozenset({"course", "staff"}))
        await tickets.hear(ticket, both)
        assert ticket.person == both
        assert [row.groups for row in store.tickets()] == [both.groups]

    asyncio.run(test())


def test_a_ticket_ends_when_its_user_is_not_offered_the_organism_any_more(tickets: Tickets) -> None:
    async def test() -> None:
        ticket = given(tickets)
        with pytest.raises(NotFound):
            await tickets.hear(ticket, Person(name="alice", groups=frozenset({"others"})))
        assert tickets.all() == []
        assert ticket.ended.is_set()

    asyncio.run(test())


@pytest.mark.slow
def test_one_person_does_not_keep_the_room_of_all_organisms(room_for_two: Tickets) -> None:
    tickets, bob = room_for_two, Person(name="bob", groups=frozenset())

    async def test() -> None:
        first, second = given(tickets), given(tickets, organism="onyx")
        bobs, waits = given(tickets, bob, "beryl"), asyncio.Event()

        def heard(event: Event) -> None:
            if isinstance(event, OrganismLoading) and event.stage.startswith("waiting"):
                waits.set()

        async def call(ticket: HubTicket) -> None:
            async with tickets.organism(ticket, heard):
                pass

        async with AsyncExitStack() as quartz, AsyncExitStack() as onyx:
            await quartz.enter_async_context(tickets.organism(first, heard))
            await onyx.enter_async_context(tickets.organism(second, heard))
            coming = asyncio.create_task(call(bobs))
            await asyncio.wait_for(waits.wait(), 120)
            again = asyncio.create_task(call(second))  # alice goes on without a break
            await asyncio.sleep(0)
            await onyx.aclose()
            await asyncio.wait_for(coming, 120)
            assert not again.done()
            loaded = {state.config for state in tickets._pool.states()}
            assert loaded == {"quartz", "beryl"}
            await tickets.release(bobs)
            await asyncio.wait_for(again, 120)
        await tickets.close()
        await tickets._pool.close()

    asyncio.run(test())
