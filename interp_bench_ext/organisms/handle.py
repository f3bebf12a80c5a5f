"""A loaded organism, wherever it runs."""

from __future__ import annotations

import asyncio
import contextlib
from typing import Protocol

from interp_bench_ext.contracts import TechniqueSpec, Used, Veil
from interp_bench_ext.errors import InterpBenchError
from interp_bench_ext.host.tickets import Ticket, Tickets
from interp_bench_ext.record.provenance import Revision


class ServedOrganism(Protocol):
    """A loaded organism that serves until it is stopped; it comes back by itself when it is lost."""

    url: str
    """Where it listens, for whoever has a ticket."""
    device: str
    revisions: tuple[Revision, ...]
    """Where its weights come from. Sealed."""
    lost: InterpBenchError | None
    """Why it is gone for good, or None."""

    @property
    def specs(self) -> tuple[TechniqueSpec, ...]:
        """The techniques that the config names."""
        ...

    @property
    def veil(self) -> Veil: ...

    @property
    def busy(self) -> bool:
        """Whether a call is under way, as far as that is known here."""
        ...

    def busy_s(self, ticket: str | None = None) -> float:
        """Seconds that its model has worked for the ticket with this id; None: for all."""
        ...

    def used(self, ticket: str) -> Used:
        """What the ticket with this id has had, the call under way included."""
        ...

    async def admit(self, ticket: Ticket) -> None:
        """Let the ticket's token in, from when this returns."""
        ...

    async def revoke(self, ticket: Ticket) -> None:
        """Refuse the ticket's token, from when this returns, and cut its calls off."""
        ...

    async def hold(self, ticket: Ticket, *, held: bool) -> None:
        """Have the ticket's calls wait before they begin, from when this returns, or let them go on."""
        ...

    async def wait_ready(self) -> None: ...

    async def stop(self) -> None: ...


class Awaited:
    """What every organism that may be away for a while has: those who use it wait until it serves again."""

    def __init__(self) -> None:
        self._ready = asyncio.Event()
        self.lost: InterpBenchError | None = None
        """Why the organism is gone for good, or None."""

    async def wait_ready(self) -> None:
        """Return once the organism serves. Raises OrganismLost when it is gone for good."""
        await self._ready.wait()
        if self.lost is not None:
            raise self.lost


class Relayed(Awaited):
    """An organism elsewhere: a relay here lets tickets in, and a task follows how it is until it is stopped."""

    def __init__(self, tickets: Tickets) -> None:
        super().__init__()
        self._let_in = tickets
        """Those of the relay."""
        self._following: asyncio.Task[None] | None = None

    async def hold(self, ticket: Ticket, *, held: bool) -> None:
        """Have the ticket's calls wait here before they begin, or let them go on; what was sent on is carried out."""
        self._let_in.hold(ticket.id, held=held)

    async def _unfollow(self) -> bool:
        """End the task; whether there was one."""
        following, self._following = self._following, None
        if following is not None:
            following.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await following
        return following is not None
