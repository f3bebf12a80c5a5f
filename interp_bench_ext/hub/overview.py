"""What the administrator's page shows, and what it can stop."""

from __future__ import annotations

import time
from typing import Any

import psutil

from ..errors import NotFound, NotNow
from .people import Person, user_scope
from .service import Service
from .tickets import HubTicket

HOURS = 24.0
"""The window of the usage that is shown."""


def overview(service: Service) -> dict[str, Any]:
    """How the service is now, as plain JSON."""
    memory = psutil.virtual_memory()
    return {
        "organisms": _organisms(service),
        "queue": [
            {"user": user, "organism": handle, "running": running, "waiting": waiting}
            for handle, queue in sorted(service.calls.queues.items())
            for user, (running, waiting) in sorted(queue.counts().items(), key=lambda entry: -sum(entry[1]))
        ],
        "tickets": [_ticket(ticket) for ticket in service.tickets.all()],
        "users": _users(service),
        "hours": HOURS,
        "memory": {"used": memory.total - memory.available, "total": memory.total},
    }


def _organisms(service: Service) -> list[dict[str, Any]]:
    states = {state.config: state for state in service.pool.states()}
    shown = []
    for offer in service.offers.all():
        state = states.get(offer.handle)
        counts = service.calls.queues[offer.handle].counts().values() if offer.handle in service.calls.queues else ()
        shown.append(
            {
                "handle": offer.handle,
                "description": offer.public.description,
                "veil": offer.veil,
                "access": str(offer.public.access),
                "state": state.state if state else "not loaded",
                "stage": state.stage if state else "",
                "device": state.device if state else "",
                "tickets": sum(ticket.row.organism == offer.handle for ticket in service.tickets.all()),
                "running": sum(running for running, _ in counts),
                "waiting": sum(waiting for _, waiting in counts),
            }
        )
    return shown


def _ticket(ticket: HubTicket) -> dict[str, Any]:
    return {
        "id": ticket.row.id,
        "user": ticket.row.user,
        "organism": ticket.row.organism,
        "caller": ticket.row.caller,
        "calls": len(ticket.calls),
        "busy_s": ticket.used.busy_s,
        "samples": ticket.used.samples,
        "tokens": ticket.used.tokens,
        "silent_s": time.monotonic() - ticket.heard_at,
    }


def _users(service: Service) -> list[dict[str, Any]]:
    groups = {ticket.row.user: ticket.row.groups for ticket in service.tickets.all()}
    prefix = user_scope("")
    names = {scope.removeprefix(prefix) for scope in service.store.scopes(hours=HOURS) if scope.startswith(prefix)}
    return [
        _user(service, Person(name=name, groups=groups.get(name, frozenset()))) for name in sorted(names | set(groups))
    ]


def _user(service: Service, person: Person) -> dict[str, Any]:
    usage = service.store.usage(user_scope(person.name), hours=HOURS)
    return {
        "name": person.name,
        "groups": sorted(person.groups),
        "calls": usage.calls,
        "samples": usage.samples,
        "tokens": usage.tokens,
        "busy_s": usage.busy_s,
        "quotas": [
            {"scope": scope, "hours": quota.hours, "what": what, "used": used, "limit": limit}
            for scope, quota in service.settings.quotas(person)
            for now in [service.store.usage(scope, hours=quota.hours)]
            for what, used, limit in (
                ("calls", now.calls, quota.calls),
                ("samples", now.samples, quota.samples),
                ("tokens", now.tokens, quota.tokens),
                ("minutes of work", now.busy_s / 60, quota.busy_minutes),
            )
            if limit is not None
        ],
    }


async def stop(service: Service, *, organism: str | None, ticket: str | None, user: str | None) -> None:
    """End what is named. Raises NotFound where there is no such thing."""
    chosen = [
        one
        for one in service.tickets.all()
        if one.row.id == ticket or one.row.user == user or (organism is not None and one.row.organism == organism)
    ]
    if organism is not None:
        await _unload(service, organism, chosen)
        return
    if not chosen:
        raise NotFound("nothing of that is there any more")
    for one in chosen:
        await service.tickets.end(one)


async def _unload(service: Service, handle: str, tickets: list[HubTicket]) -> None:
    """Take an organism out of memory, the calls on it with it; tickets stay good, and the next call loads it."""
    for ticket in tickets:
        await service.tickets.release(ticket)
    states = [state for state in service.pool.states() if state.config == handle]
    if not states:
        raise NotFound(f"{handle} is not loaded")
    for state in states:
        try:
            service.pool.stop(state.id)
        except NotNow:
            raise NotNow(f"{handle} is being loaded for somebody; try again in a moment") from None
