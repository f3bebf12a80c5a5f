"""Tickets that people's servers hold. Behind each stands one of the organism's own, for as long as it is in use."""

from __future__ import annotations

import asyncio
import hashlib
import secrets
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field, replace

from ..contracts import Used
from ..errors import InterpBenchError, NotFound, NotNow, OrganismLost
from ..host.terms import Terms
from ..organisms.pool import OrganismPool
from ..organisms.tickets import Lease
from ..record.events import Emit, Event, OrganismLoading
from .bodies import AskTicket
from .metrics import Metrics
from .offers import Offer, Offers
from .people import Person
from .quotas import Quotas
from .settings import Settings
from .starts import Start, Starts
from .store import Store, TicketRow

_KEPT_S = 60.0
"""How long a ticket holds its organism after a call: more calls are likely."""
_LOOK_EVERY_S = 1.0
_OTHERS_WAIT = "waiting for one of your other organisms to be free, as other people use this server too"
_TOO_MANY = "you hold {n} tickets already, all that one person may have: end a run first"


@dataclass(eq=False)
class HubTicket:
    """One use of an organism by one person's server."""

    row: TicketRow
    offer: Offer
    heard_at: float = field(default_factory=time.monotonic)
    """When its user's server, with a token that the Hub still knew, last asked how it stands."""
    calls: set[asyncio.Task[None]] = field(default_factory=set)
    """Those under way; cancelled when it ends."""
    ended: asyncio.Event = field(default_factory=asyncio.Event)
    hold: _Hold | None = None
    charged_s: float = 0.0
    """Of its work, what the queue has been told."""

    @property
    def person(self) -> Person:
        return Person(name=self.row.user, groups=self.row.groups)

    @property
    def used(self) -> Used:
        return self.row.used


class _Hold:
    """The organism, lent to one ticket."""

    def __init__(self) -> None:
        self.ready: asyncio.Future[Lease] = asyncio.get_running_loop().create_future()
        self.free = asyncio.Event()
        self.seen = Used()
        """What of its use has been put down."""
        self.listeners: list[Emit] = []
        self.users = 0
        self.timer: asyncio.TimerHandle | None = None
        self.task: asyncio.Task[None]

    def heard(self, event: Event) -> None:
        for listener in list(self.listeners):
            listener(event)


class Tickets:
    """All that are good, those of before a restart included."""

    def __init__(
        self,
        *,
        settings: Settings,
        store: Store,
        offers: Offers,
        quotas: Quotas,
        pool: OrganismPool,
        metrics: Metrics,
    ) -> None:
        self._metrics = metrics
        self._settings, self._store, self._offers = settings, store, offers
        self._quotas, self._pool = quotas, pool
        self._starts = Starts(each=settings.organisms_per_user)
        self._by_digest: dict[str, HubTicket] = {}
        known = {offer.handle: offer for offer in offers.all()}
        for row in store.tickets():
            if row.organism in known:
                self._by_digest[row.digest] = HubTicket(row, known[row.organism], charged_s=row.used.busy_s)
            else:
                store.remove(row.id)

    def give(self, person: Person, offer: Offer, asked: AskTicket) -> HubTicket:
        """A ticket for whoever shows the token whose digest is given.

        Raises:
            NotNow: They hold as many as one may.
            AccessEnded: A quota of theirs is used up.
            BadInput: The token has been used before.
        """
        own = [ticket for ticket in self.all() if ticket.row.user == person.name]
        if len(own) >= self._settings.tickets_per_user:
            raise NotNow(_TOO_MANY.format(n=len(own)))
        self._quotas.check(person, offer.handle)
        latest = time.time() + 3600 * self._settings.ticket_hours
        row = TicketRow(
            id=secrets.token_hex(8),
            digest=asked.digest,
            user=person.name,
            groups=person.groups,
            organism=offer.handle,
            caller=asked.caller,
            access=min(asked.access, offer.public.access, key=lambda level: level.rank),
            quota_s=asked.quota_s,
            deadline=latest if asked.deadline is None else min(asked.deadline, latest),
        )
        self._store.add(row)
        ticket = self._by_digest[row.digest] = HubTicket(row, offer)
        return ticket

    def all(self) -> list[HubTicket]:
        return list(self._by_digest.values())

    def under_way(self, person: Person, handle: str) -> int:
        """Their calls on an organism, those that wait included."""
        own = [ticket for ticket in self.all() if (ticket.row.user, ticket.row.organism) == (person.name, handle)]
        return sum(len(ticket.calls) for ticket in own)

    def of_token(self, authorization: str) -> HubTicket | None:
        """What the header ``Bearer <token>`` opens; None: nothing."""
        scheme, _, token = authorization.partition(" ")
        # Looked up by digest, the time that it takes tells nothing of a token.
        found = self._by_digest.get(hashlib.sha256(token.encode()).hexdigest())
        return found if found is not None and scheme == "Bearer" and time.time() < found.row.deadline else None

    def of(self, ident: str, person: Person) -> HubTicket:
        """A ticket of theirs. Raises NotFound, for another's as for one that never was."""
        for ticket in self.all():
            if ticket.row.id == ident and ticket.row.user == person.name:
                return ticket
        raise NotFound("you hold no such ticket (any more)")

    async def hear(self, ticket: HubTicket, person: Person) -> None:
        """Its user is still there, and in these groups now. Raises NotFound where they are not offered it any more."""
        ticket.heard_at = time.monotonic()
        if person.groups != ticket.row.groups:
            ticket.row = replace(ticket.row, groups=person.groups)
            self._store.regroup(ticket.row)
        try:
            self._offers.find(ticket.row.organism, person)
        except NotFound:
            await self.end(ticket)
            raise

    async def end(self, ticket: HubTicket) -> None:
        """Its token opens nothing from here on; its calls are cut off."""
        self._by_digest.pop(ticket.row.digest, None)
        ticket.ended.set()
        await self.release(ticket)
        self._store.remove(ticket.row.id)

    async def close(self) -> None:
        """Let go of all organisms; the tickets stay good for the next start."""
        for ticket in self.all():
            await self.release(ticket)

    async def end_overdue(self, *, hub_away_at: float) -> None:
        """End those whose time is up, or whose server has not been heard of; calls are no sign of it.

        Args:
            hub_away_at: When the Hub last did not say whose a token is, on the monotonic clock: nobody could be heard.
        """
        silent_s = 60 * self._settings.silent_minutes
        for ticket in self.all():
            silent = time.monotonic() - max(ticket.heard_at, hub_away_at) > silent_s
            if silent or time.time() >= ticket.row.deadline:
                await self.end(ticket)

    def note(self, ticket: HubTicket, *, calls: int = 0) -> None:
        """Put down what its calls have had since the last time."""
        self._note(ticket, ticket.hold, calls=calls)

    def _note(self, ticket: HubTicket, hold: _Hold | None, *, calls: int = 0) -> None:
        more = Used()
        if hold is not None and hold.ready.done() and not hold.ready.cancelled() and hold.ready.exception() is None:
            now = hold.ready.result().used()
            more, hold.seen = now.since(hold.seen), now
        if calls or any(more):
            ticket.row = replace(ticket.row, used=ticket.row.used.plus(more))
            scopes = ticket.person.scopes
            self._store.note(ticket.row.id, ticket.row.organism, scopes, more, calls=calls)
            self._metrics.used(ticket.row.user, ticket.row.organism, more)

    @asynccontextmanager
    async def organism(self, ticket: HubTicket, emit: Emit) -> AsyncIterator[Lease]:
        """The organism, loaded now if need be; ``emit`` hears how that goes.

        It is kept for a while after the block, unless somebody else needs the room.
        """
        hold = self._hold(ticket)
        if hold.timer is not None:
            hold.timer.cancel()
        hold.users += 1
        hold.listeners.append(emit)
        try:
            yield await asyncio.shield(hold.ready)
        finally:
            self._note(ticket, hold)
            hold.listeners.remove(emit)
            hold.users -= 1
            if not hold.users:
                kept_s = _KEPT_S if hold.ready.done() and hold is ticket.hold else 0.0
                hold.timer = asyncio.get_running_loop().call_later(kept_s, self._let_go, hold)

    def _hold(self, ticket: HubTicket) -> _Hold:
        """What its next call uses. What others wait for is given back when the calls under way have ended."""
        hold = ticket.hold
        if hold is not None and not hold.free.is_set():
            if not (hold.ready.done() and self._starts.too_many(ticket.row.user, ticket.row.organism)):
                return hold
            self._let_go(hold)
        hold = ticket.hold = _Hold()
        hold.task = asyncio.create_task(self._keep(ticket, hold))
        return hold

    def lost(self, ticket: HubTicket) -> None:
        """Its organism will not come back by itself: the next call has it loaded anew."""
        if ticket.hold is not None:
            ticket.hold.free.set()

    async def _keep(self, ticket: HubTicket, hold: _Hold) -> None:
        """Hold the organism until the ticket lets go of it."""
        row = ticket.row
        left = self._quotas.busy_left_s(ticket.person, row.organism)
        own = None if row.quota_s is None else max(0.0, row.quota_s - row.used.busy_s)
        terms = Terms(
            caller=row.id,
            access=row.access,
            user=row.user,
            weight=self._settings.group_of(ticket.person).weight,
            deadline=row.deadline,
            quota_s=min([limit for limit in (left, own) if limit is not None], default=None),
        )
        try:
            async with self.lent(ticket.offer, hold.heard, terms) as lease:
                hold.ready.set_result(lease)
                await hold.free.wait()
                self._note(ticket, hold)
        except InterpBenchError as error:
            _fail(hold, error)
        finally:
            _fail(hold, OrganismLost("the organism could not be loaded; the log of the Hub's service says why"))
            if ticket.hold is hold:
                ticket.hold = None

    @asynccontextmanager
    async def lent(self, offer: Offer, emit: Emit, terms: Terms) -> AsyncIterator[Lease]:
        """The organism from the pool, once there is room for it, under a ticket on these terms.

        Where it must be loaded, the one whose turn it is comes first.
        """
        async with AsyncExitStack() as stack:
            start = stack.enter_context(self._starts.asked(terms.user, offer.handle))
            while True:
                if self._may_begin(start, offer):
                    start.begun = True
                    try:
                        lending = self._pool.lease(offer.spec, emit, terms, config=offer.handle)
                        lease = await stack.enter_async_context(lending)
                        break
                    except NotNow:
                        start.begun = False
                emit(OrganismLoading(stage=self._why_it_waits(start), done=0, total=0))
                self._make_room(start)
                await asyncio.sleep(_LOOK_EVERY_S)
            yield lease

    def _may_begin(self, start: Start, offer: Offer) -> bool:
        there = self._pool.holds(offer.spec) and not self._starts.too_many(start.user, start.organism)
        return there or self._starts.is_next(start)

    def _why_it_waits(self, start: Start) -> str:
        return _OTHERS_WAIT if self._starts.at_limit(start) else "waiting for another one to make room"

    def _make_room(self, start: Start) -> None:
        """Have tickets let go of what they do not use at the moment; only their own where somebody has too many."""
        only = start.user if self._starts.at_limit(start) else None
        for ticket in self.all():
            if ticket.hold is not None and not ticket.hold.users and only in (None, ticket.row.user):
                self._let_go(ticket.hold)

    def _let_go(self, hold: _Hold) -> None:
        if hold.users:
            return
        hold.free.set()
        if not hold.ready.done():
            hold.task.cancel()

    async def release(self, ticket: HubTicket) -> None:
        """Cut its calls off and let go of its organism."""
        calls, hold = set(ticket.calls), ticket.hold
        for call in calls:
            call.cancel()
        if calls:
            await asyncio.wait(calls)
        if hold is None:
            return
        hold.free.set()
        if not hold.ready.done():
            hold.task.cancel()
        await asyncio.wait([hold.task])


def _fail(hold: _Hold, error: InterpBenchError) -> None:
    if not hold.ready.done():
        hold.ready.set_exception(error)
        hold.ready.exception()  # it may be that nobody waits any more
