from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
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


def given(tickets: Tickets) -> HubTicket:
    offer = tickets._offers.find("quartz", ALICE)
    return tickets.give(
        ALICE, offer, AskTicket(organism=offer.handle, digest="ab" * 32, caller="x", access=Access.BASE)
    )


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
