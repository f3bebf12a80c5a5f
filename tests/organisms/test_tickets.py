from __future__ import annotations

import asyncio
import hashlib
from dataclasses import dataclass, field
from typing import Any

import pytest

from interp_bench_ext.contracts import Access, TechniqueSpec, Used
from interp_bench_ext.host.terms import Terms
from interp_bench_ext.host.tickets import Ticket
from interp_bench_ext.organisms.tickets import Lease, admitted, lent


def spec(name: str, access: Access) -> TechniqueSpec:
    return TechniqueSpec(name=name, summary="", doc="", access=access, parameters=())


@dataclass
class Door:
    """An organism that knows who may come in, and nothing else."""

    url = "unix:///run/o.sock"
    revisions = ()
    specs = (spec("chat", Access.SAMPLE), spec("lens", Access.BASE))
    inside: dict[str, Ticket] = field(default_factory=dict)

    async def admit(self, ticket: Ticket) -> None:
        self.inside[ticket.id] = ticket

    async def revoke(self, ticket: Ticket) -> None:
        del self.inside[ticket.id]

    def used(self, ticket: str) -> Used:
        return Used(busy_s=2.0, samples=4) if ticket in self.inside else Used()


def lease(door: Any, **more: Any) -> Lease:
    return asyncio.run(admitted(door, Terms(**{"caller": "r", "access": Access.SAMPLE, **more})))


def test_the_organism_is_told_the_tokens_digest_only():
    door = Door()
    made = lease(door, user="ada", quota_s=60, deadline=9.0)
    assert (made.connection.url, made.ticket.caller, made.ticket.user) == (door.url, "r", "ada")
    assert made.ticket.digest == hashlib.sha256(made.connection.token.encode()).hexdigest()
    assert made.connection.token not in repr(door.inside)
    assert (made.ticket.quota_s, made.ticket.deadline) == (60, 9.0)


def test_no_two_tickets_are_alike():
    door = Door()
    first, second = lease(door), lease(door)
    assert first.ticket.id != second.ticket.id
    assert first.connection.token != second.connection.token


def test_a_ticket_shows_the_techniques_of_its_access():
    assert [one.name for one in lease(Door()).specs] == ["chat"]
    assert [one.name for one in lease(Door(), access=Access.BASE).specs] == ["chat", "lens"]


def test_what_was_used_is_the_tickets_own():
    made = lease(Door())
    assert (made.used().samples, made.busy_s()) == (4, 2.0)


@pytest.mark.parametrize("fails", [False, True])
def test_a_loan_ends_with_its_block_however_that_ends(fails: bool):
    door: Any = Door()

    async def main() -> None:
        async with lent(door, Terms(caller="r", access=Access.SAMPLE)) as made:
            assert list(door.inside) == [made.ticket.id]
            if fails:
                raise ZeroDivisionError

    if fails:
        with pytest.raises(ZeroDivisionError):
            asyncio.run(main())
    else:
        asyncio.run(main())
    assert door.inside == {}
