"""One call of one person: its quota, its place in the queue, its turn, and what it took."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections import defaultdict
from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass, field
from functools import partial

from starlette.types import Receive, Scope, Send

from ..errors import CallCancelled, DeadlineExceeded, InterpBenchError, NotNow, OrganismLost
from ..host.call_body import CallBody
from ..host.frames import error_frame, json_frame
from ..organisms.frame_watch import STILL_THERE, FrameWatch, last_after
from ..organisms.tickets import Lease
from ..record.events import Event, OrganismLoading, OrganismWentAway
from .fair_queue import FairQueue, Turn
from .forward import Forward
from .metrics import Metrics
from .quotas import Quotas
from .settings import Settings
from .tickets import HubTicket, Tickets

_TICK_S = 0.5
"""How often what a call takes is put down and held against the quotas."""
_SAID_AGAIN_S = 1.0
_GRACE_S = 15.0
"""How much longer than its own deadline the organism may take to say that a call is late."""
_START = [(b"content-type", b"application/octet-stream"), (b"x-accel-buffering", b"no")]


@dataclass(kw_only=True)
class Calls:
    """What all calls go through."""

    settings: Settings
    tickets: Tickets
    quotas: Quotas
    metrics: Metrics
    forward: Forward = field(default_factory=Forward)

    def __post_init__(self) -> None:
        self.queues: defaultdict[str, FairQueue] = defaultdict(self._queue)
        """By the organism's handle."""

    def _queue(self) -> FairQueue:
        return FairQueue(self.settings.calls_at_once, each=self.settings.calls_at_once_per_user)

    def charge(self, ticket: HubTicket, turn: Turn) -> None:
        """Put down what its ticket has had by now."""
        self.tickets.note(ticket)
        self.queues[ticket.row.organism].charge(turn, ticket.used.busy_s - ticket.charged_s)
        ticket.charged_s = ticket.used.busy_s


class Say:
    """What a call's client is told while it waits; of what comes too fast, the newest."""

    def __init__(self) -> None:
        self.frame = b""
        self.news = asyncio.Event()

    def stage(self, stage: str, done: int = 0, total: int = 0) -> None:
        self.frame = json_frame(b"P", {"stage": stage, "done": done, "total": total})
        self.news.set()

    def place(self, place: int, total: int) -> None:
        """Its place in the queue."""
        self.stage(f"place {place} of {total} in the queue")

    def event(self, event: Event) -> None:
        """What the organism does meanwhile."""
        if isinstance(event, OrganismLoading):
            self.stage(f"loading the organism: {event.stage}", event.done, event.total)
        elif isinstance(event, OrganismWentAway):
            self.stage("the organism is restarting")


class CallReply:
    """An ASGI application that answers one call; a client that goes away cancels it, and so does its ticket's end."""

    def __init__(self, calls: Calls, ticket: HubTicket, body: CallBody) -> None:
        self._calls, self._ticket, self._body = calls, ticket, body
        self._watch = FrameWatch()
        self._say = Say()
        self._sending = asyncio.Lock()
        self._turn: Turn | None = None
        settings = calls.settings
        self._given_s = min(body.deadline_s or float("inf"), 60 * settings.call_minutes)
        self._began = time.monotonic()

    async def __call__(self, _scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": _START})
        work = asyncio.create_task(self._answer(send))
        others = {asyncio.create_task(_disconnected(receive)), asyncio.create_task(self._tick())}
        self._ticket.calls.add(work)
        try:
            await asyncio.wait({work, *others}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in (work, *others):
                task.cancel()
            await asyncio.wait({work, *others})
            self._ticket.calls.discard(work)
        await self._end(_error_of(work, others, ended=self._ticket.ended.is_set()), send)

    async def _end(self, error: BaseException | None, send: Send) -> None:
        """Raises where the client must see that what it has is not whole, which cuts the connection."""
        outcome = "ok" if error is None else error.code if isinstance(error, InterpBenchError) else "internal"
        self._calls.metrics.calls.labels(self._ticket.row.user, self._ticket.row.organism, outcome).inc()
        if error is not None and (not isinstance(error, InterpBenchError) or self._watch.begun):
            raise error
        last = error_frame(error) if isinstance(error, InterpBenchError) else b""
        with contextlib.suppress(OSError):
            await send({"type": "http.response.body", "body": last})

    async def _answer(self, send: Send) -> None:
        telling = asyncio.create_task(self._tell(send))
        try:
            async with aclosing(self._frames()) as pieces:
                async for piece in pieces:
                    await self._send(send, piece)
        finally:
            telling.cancel()

    async def _send(self, send: Send, piece: bytes) -> None:
        """One piece whole before another, so that what stands between frames stands between them."""
        async with self._sending:
            self._watch.feed(piece)
            await send({"type": "http.response.body", "body": piece, "more_body": True})

    async def _frames(self) -> AsyncGenerator[bytes, None]:
        """The reply's frames, once it is this call's turn."""
        ticket, person, handle = self._ticket, self._ticket.person, self._ticket.row.organism
        self._calls.quotas.check(person, handle)
        queue = self._calls.queues[handle]
        # Those that wait for the organism to be loaded are in no queue yet.
        under_way = self._calls.tickets.under_way(person, handle) - 1
        waiting = under_way - queue.counts().get(person.name, (0, 0))[0]
        if waiting >= self._calls.settings.waiting_per_user:
            raise NotNow(f"{waiting} calls of yours are waiting for this organism already: wait for one of them.")
        weight = self._calls.settings.group_of(person).weight
        self._say.stage("waiting for the organism")
        late = "was still waiting for its turn when its time was up"
        try:
            async with (
                asyncio.timeout(self._left_s()) as until,
                self._calls.tickets.organism(ticket, self._say.event) as lease,
                queue.turn(person.name, weight=weight, heard=self._say.place) as turn,
            ):
                late = "took longer than it was given"
                until.reschedule(asyncio.get_running_loop().time() + self._left_s() + _GRACE_S)
                self._calls.quotas.check(person, handle)
                self._turn = turn
                self._calls.tickets.note(ticket, calls=1)
                self._calls.metrics.wait_s.labels(handle).observe(time.monotonic() - self._began)
                try:
                    settle = partial(self._settle, lease, turn)
                    async with aclosing(last_after(self._forwarded(lease), settle)) as pieces:
                        async for piece in pieces:
                            yield piece
                finally:
                    self._calls.charge(ticket, turn)
                    self._turn = None
        except TimeoutError:
            raise DeadlineExceeded(f"{self._body.technique} {late}.") from None

    async def _settle(self, lease: Lease, turn: Turn) -> None:
        """Put down all that the call has had, before its client knows that it has ended."""
        # The process tells what it has counted before it heeds an order, and to admit a ticket again changes nothing.
        await lease.organism.admit(lease.ticket)
        self._calls.charge(self._ticket, turn)

    async def _forwarded(self, lease: Lease) -> AsyncGenerator[bytes, None]:
        told = self._body.model_copy(update={"deadline_s": max(self._left_s(), 0.1)})
        try:
            async with aclosing(self._calls.forward.call(lease, told.model_dump_json().encode())) as pieces:
                async for piece in pieces:
                    yield piece
        except OrganismLost:
            if lease.organism.lost is not None:
                self._calls.tickets.lost(self._ticket)
            raise

    def _left_s(self) -> float:
        return self._given_s - (time.monotonic() - self._began)

    async def _tell(self, send: Send) -> None:
        """Say how the call waits, later again that it does, and that the organism is still at work on it.

        A proxy does not always pass on that a connection has ended: silence does.
        """
        while True:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_SAID_AGAIN_S):
                    await self._say.news.wait()
            self._say.news.clear()
            if self._watch.between and not self._sending.locked():
                await self._send(send, STILL_THERE if self._turn else self._say.frame)

    async def _tick(self) -> None:
        """Ends, with the reason, when a quota is used up."""
        while True:
            await asyncio.sleep(_TICK_S)
            if self._turn is not None:
                self._calls.charge(self._ticket, self._turn)
                self._calls.quotas.check(self._ticket.person, self._ticket.row.organism)


def _error_of(work: asyncio.Task[None], others: set[asyncio.Task[None]], *, ended: bool) -> BaseException | None:
    """Why there is no result; None: there is one."""
    if not work.cancelled():
        return work.exception()
    for task in others:
        if not task.cancelled() and (error := task.exception()) is not None:
            return error
    return CallCancelled("The Hub has ended this access to the organism." if ended else "The call was cancelled.")


async def _disconnected(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
