"""An organism lent: a ticket is minted as the use begins, metered by itself, and revoked as the use ends."""

from __future__ import annotations

import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from ..contracts import Connection, TechniqueSpec, Used
from ..host.terms import Terms
from ..host.tickets import Ticket
from ..record.provenance import Revision
from .handle import ServedOrganism


@dataclass(frozen=True, kw_only=True)
class Lease:
    """An organism as one ticket uses it."""

    organism: ServedOrganism
    ticket: Ticket
    connection: Connection
    """Address and token; the token is kept nowhere else."""

    @property
    def specs(self) -> tuple[TechniqueSpec, ...]:
        """The techniques that the config names and the ticket's access allows."""
        return tuple(spec for spec in self.organism.specs if self.ticket.access.allows(spec.access))

    @property
    def revisions(self) -> tuple[Revision, ...]:
        """Where its weights come from. Sealed."""
        return self.organism.revisions

    async def hold(self, *, held: bool) -> None:
        """Have its calls wait before they begin, from when this returns, or let them go on."""
        await self.organism.hold(self.ticket, held=held)

    def busy_s(self) -> float:
        """Seconds that the model has worked for this ticket: a call under way counts, other tickets' calls do not."""
        return self.used().busy_s

    def used(self) -> Used:
        """What this ticket has had; a call under way counts, other tickets' calls do not."""
        return self.organism.used(self.ticket.id)


async def admitted(organism: ServedOrganism, terms: Terms) -> Lease:
    """A new ticket for ``organism``, which is good until it is revoked or the organism ends."""
    token = secrets.token_urlsafe(32)
    ticket = Ticket.under(terms, token=token)
    await organism.admit(ticket)
    return Lease(organism=organism, ticket=ticket, connection=Connection(organism.url, token))


@asynccontextmanager
async def lent(organism: ServedOrganism, terms: Terms) -> AsyncIterator[Lease]:
    """A ticket for as long as the block lasts: the moment after, its token opens nothing."""
    lease = await admitted(organism, terms)
    try:
        yield lease
    finally:
        await organism.revoke(lease.ticket)
