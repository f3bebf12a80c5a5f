"""An organism of the Hub in use by this server, with the same face as one in a process of this machine."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Awaitable, Callable
from typing import TypeVar

from interp_bench_ext.contracts import TechniqueSpec, Used, Veil
from interp_bench_ext.errors import InterpBenchError, NotFound, OrganismLost
from interp_bench_ext.host.spec import OrganismSpec
from interp_bench_ext.host.technique_files import read_spec
from interp_bench_ext.host.tickets import Ticket
from interp_bench_ext.organisms.handle import Relayed
from interp_bench_ext.organisms.places.hub.account import Account
from interp_bench_ext.organisms.places.hub.api import HubApi, Unreachable
from interp_bench_ext.organisms.places.hub.relay import HubRelay
from interp_bench_ext.record.events import Emit, OrganismLoading, OrganismReady, OrganismWentAway
from interp_bench_ext.record.provenance import Revision

_LOOK_EVERY_S = 2.0
_PATIENCE_S, _FIRST_PATIENCE_S = 90.0, 5.0
_AWAY = "The Hub's organism service does not answer."
Told = TypeVar("Told")


class HubOrganism(Relayed):
    """Made by :meth:`start`. The Hub keeps the organism; this end lends it to runs and kernels of one user."""

    url: str
    device: str
    revisions: tuple[Revision, ...] = ()
    """A digest that is equal for equal weights; what they are stays at the Hub."""
    veil = Veil.REMOTE

    def __init__(self, account: Account, handle: str, specs: tuple[TechniqueSpec, ...], emit: Emit) -> None:
        self._relay = HubRelay(f"{account.url}/organism", self._look_at)
        super().__init__(self._relay.tickets)
        self._handle, self._emit = handle, emit
        self.specs = specs
        self._api = HubApi(account)
        self.url = self._relay.url
        self._tickets: dict[str, str] = {}
        """From a ticket's id here to its id at the Hub."""
        self._used: dict[str, Used] = {}
        self._load_s = 0.0

    @classmethod
    async def start(cls, account: Account, spec: OrganismSpec, *, emit: Emit) -> HubOrganism:
        """Have the Hub load what it calls ``spec.name``, and return when it serves.

        ``emit`` gets OrganismLoading and OrganismReady. Raises what the Hub says, or NotNow where it does not answer.
        """
        handle = cls(account, spec.name, tuple(map(read_spec, spec.techniques)), emit)
        try:
            await handle._load()
        except BaseException:
            await handle.stop()
            raise
        handle._following = asyncio.create_task(handle._follow())
        return handle

    @property
    def busy(self) -> bool:
        """The Hub says what its tickets have had, and not that they are having it."""
        return False

    def busy_s(self, ticket: str | None = None) -> float:
        """Seconds that its model has worked for a ticket, or for all that were admitted here."""
        used = self._used.values() if ticket is None else [self.used(ticket)]
        return sum(one.busy_s for one in used)

    def used(self, ticket: str) -> Used:
        """What a ticket has had, as the Hub said last: that is at the end of each call, and meanwhile now and then."""
        return self._used.get(ticket, Used())

    async def admit(self, ticket: Ticket) -> None:
        """Let the ticket's token in. Raises what the Hub says, a quota that is used up among it."""
        self._tickets[ticket.id] = await self._patiently(lambda: self._api.give(self._handle, ticket))
        self._used[ticket.id] = Used()
        self._relay.tickets.admit(ticket)

    async def revoke(self, ticket: Ticket) -> None:
        """Refuse the ticket's token, from when this returns; its calls are cut off."""
        self._relay.tickets.revoke(ticket.id)
        await self._look_at(ticket.id)
        with contextlib.suppress(InterpBenchError):  # one that nobody answers for ends by itself
            await self._api.end(self._tickets.pop(ticket.id))

    async def stop(self) -> None:
        """End the tickets that are left and remove the socket; may be called twice. The organism stays at the Hub."""
        await self._unfollow()
        for ticket in list(self._tickets):
            with contextlib.suppress(InterpBenchError):
                await self._api.end(self._tickets.pop(ticket))
        await self._relay.stop()
        await self._api.aclose()
        self.lost = self.lost or OrganismLost("The organism was stopped.")
        self._ready.set()

    async def _patiently(self, ask: Callable[[], Awaitable[Told]], *, patience_s: float = _PATIENCE_S) -> Told:
        """What ``ask`` gives, asked again for a while where the service does not answer: it may be restarting."""
        until: float | None = None
        while True:
            try:
                return await ask()
            except Unreachable:
                until = until or time.monotonic() + patience_s
                if time.monotonic() > until:
                    raise
            await asyncio.sleep(_LOOK_EVERY_S)

    async def _load(self) -> None:
        began = time.monotonic()
        await self._patiently(self._api.organisms, patience_s=_FIRST_PATIENCE_S)
        await self._patiently(lambda: self._loaded(began))

    async def _loaded(self, began: float) -> None:
        """Follow one loading to its end."""
        async for told in self._api.start(self._handle):
            if told["type"] == "loading":
                self._emit(OrganismLoading(stage=told["stage"], done=told["done"], total=told["total"]))
            elif told["type"] == "ready":
                self.device = str(told["device"])
                self.revisions = (Revision(part="model", kind="unknown", revision=str(told["weights"])),)
                self._load_s = time.monotonic() - began
                self._serve()
                return
        raise Unreachable

    def _serve(self) -> None:
        self._ready.set()
        self._emit(OrganismReady(load_s=self._load_s, device=self.device, remote=True))

    async def _follow(self) -> None:
        """Keep the tickets alive, and say when the service goes away and comes back."""
        while self.lost is None:
            await asyncio.sleep(_LOOK_EVERY_S)
            try:
                for ticket in list(self._tickets):
                    await self._note(ticket)
            except Unreachable:
                self._went_away()
            except InterpBenchError:  # it is there, and cannot say at the moment how they stand
                continue
            else:
                if not self._ready.is_set():
                    self._serve()

    def _went_away(self) -> None:
        if self._ready.is_set():
            self._ready.clear()
            self._emit(OrganismWentAway(reason=_AWAY, restarting=True))

    async def _look_at(self, ticket: str) -> None:
        with contextlib.suppress(InterpBenchError):
            await self._note(ticket)

    async def _note(self, ticket: str) -> None:
        """Ask the Hub how a ticket stands. Raises Unreachable."""
        if ticket not in self._tickets:
            return
        try:
            state = await self._api.state(self._tickets[ticket])
        except NotFound:
            self._relay.tickets.revoke(ticket)
            self._tickets.pop(ticket, None)
            return
        counts = (int(state[name]) for name in ("samples", "prompts", "tokens"))
        self._used[ticket] = Used(float(state["busy_s"]), *counts)
