"""Tickets as the gate of an organism knows them: who may use it, how far they may look, and what they have used."""

from __future__ import annotations

import asyncio
import hashlib
import secrets
import threading
import time
from collections.abc import AsyncIterator, Mapping
from dataclasses import asdict, dataclass, field, fields
from typing import Any

from interp_bench_ext.contracts import Access, Used
from interp_bench_ext.errors import AccessEnded, CallCancelled
from interp_bench_ext.host.frames import json_frame
from interp_bench_ext.host.shares import Payer
from interp_bench_ext.host.terms import Terms

NO_TICKET = (
    "This access to the organism has ended, as a run's does with the run, or its token is wrong: take one of your own"
    " with `%interp use`, or resume the run."
)

TOLD_EVERY_S = 0.25
"""How often the parent hears what the tickets of calls under way have used."""
_LOOK_EVERY_S, _SAY_EVERY = 0.1, 100


@dataclass(frozen=True, kw_only=True)
class Ticket(Terms):
    """One use of an organism. It holds a digest of its token only, so whoever is shown it cannot use it."""

    id: str
    """Names it to meters; no secret."""
    digest: str
    """SHA-256 of its token, in hexadecimal digits."""

    @property
    def payer(self) -> Payer:
        """Whom its calls are counted for."""
        return Payer(self.user, self.weight)

    @classmethod
    def under(cls, terms: Terms, *, token: str) -> Ticket:
        """A new one for whoever has ``token``, on the terms given, which may be another ticket's."""
        same = {field.name: getattr(terms, field.name) for field in fields(Terms)}
        return cls(id=secrets.token_hex(8), digest=hashlib.sha256(token.encode()).hexdigest(), **same)

    def to_wire(self) -> dict[str, Any]:
        """Plain JSON."""
        return {**asdict(self), "access": str(self.access)}

    @classmethod
    def from_wire(cls, fields: Mapping[str, Any]) -> Ticket:
        """The ticket that :meth:`to_wire` wrote."""
        return cls(**{**fields, "access": Access(fields["access"])})


@dataclass(eq=False)
class Admitted:
    """A ticket that the gate lets through, with its own meter."""

    ticket: Ticket
    used: Used = Used()
    """What its calls have had; of those under way, the work that was put down."""
    since: float | None = None
    """When one of its calls began to have the model for itself, on the monotonic clock; None where none has."""
    ended: threading.Event = field(default_factory=threading.Event)
    held: bool = False
    """Whether its calls wait before they begin."""

    in_method: threading.Lock = field(default_factory=threading.Lock)
    """Held while one of its calls runs a custom method."""

    async def let_go(self) -> AsyncIterator[bytes]:
        """Ends once the ticket is not held, or has ended; meanwhile a frame now and then, so that nobody gives up."""
        looked = 0
        while self.held and not self.ended.is_set():
            if looked % _SAY_EVERY == 0:
                yield json_frame(b"P", {"stage": "paused by a person", "done": 0, "total": 0})
            looked += 1
            await asyncio.sleep(_LOOK_EVERY_S)

    @property
    def busy_s(self) -> float:
        """Seconds that the model has worked for it by now."""
        since = self.since
        return self.used.busy_s + (0.0 if since is None else time.monotonic() - since)

    def begin(self) -> None:
        """One of its calls has the model for itself from here on."""
        self.since = time.monotonic()

    def pause(self) -> float:
        """It has not any more; the seconds that it took are put down, and returned."""
        busy_s, before, self.since = self.busy_s, self.used.busy_s, None
        self.used = self.used._replace(busy_s=busy_s)
        return busy_s - before

    def charge(self, seconds: float) -> None:
        """Put down its part of what a batch of several calls took. For whoever has the model."""
        self.used = self.used.plus(Used(busy_s=seconds))

    def check(self) -> None:
        """Raises where its calls may not go on."""
        ticket = self.ticket
        if self.ended.is_set() or (ticket.deadline is not None and time.time() >= ticket.deadline):
            raise CallCancelled("The call was cancelled, as its access to the organism has ended.")
        if ticket.quota_s is not None and self.busy_s >= ticket.quota_s:
            raise AccessEnded(
                f"The organism's model has worked for {ticket.quota_s / 60:.3g} minutes, all that this access allows."
            )


class Tickets:
    """The tickets that are good now. Safe to use from several threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._by_digest: dict[str, Admitted] = {}

    def admit(self, ticket: Ticket) -> None:
        """Let its token through from here on."""
        with self._lock:
            self._by_digest.setdefault(ticket.digest, Admitted(ticket))

    def revoke(self, ticket_id: str) -> None:
        """Refuse its token from here on, and have its calls end at their next check."""
        with self._lock:
            for digest, admitted in list(self._by_digest.items()):
                if admitted.ticket.id == ticket_id:
                    admitted.ended.set()
                    del self._by_digest[digest]

    def hold(self, ticket_id: str, *, held: bool) -> None:
        """Have its calls wait before they begin, or let them go on."""
        with self._lock:
            for admitted in self._by_digest.values():
                if admitted.ticket.id == ticket_id:
                    admitted.held = held

    def of(self, authorization: str) -> Admitted | None:
        """What the header ``Bearer <token>`` opens; None: nothing."""
        token = authorization.removeprefix("Bearer ")
        # Looked up by digest, the time that it takes tells nothing of a token.
        digest = hashlib.sha256(token.encode()).hexdigest()
        with self._lock:
            found = self._by_digest.get(digest)
        if found is None or token == authorization:
            return None
        expired = found.ticket.deadline is not None and time.time() >= found.ticket.deadline
        return None if expired else found
