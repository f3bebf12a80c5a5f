from __future__ import annotations

import dataclasses
import hashlib
import json
import time

import pytest

from interp_bench_ext.contracts import Access, Used
from interp_bench_ext.errors import CallCancelled
from interp_bench_ext.host.tickets import Ticket, Tickets


def ticket(token: str, **terms: object) -> Ticket:
    digest = hashlib.sha256(token.encode()).hexdigest()
    return Ticket(id=token[:4], digest=digest, caller="run", **terms)


def test_a_token_opens_from_its_admission_until_it_is_revoked() -> None:
    tickets, one, other = Tickets(), ticket("one-token"), ticket("another-token")
    assert tickets.of("Bearer one-token") is None
    tickets.admit(one)
    tickets.admit(other)
    admitted = tickets.of("Bearer one-token")
    assert admitted is not None
    assert admitted.ticket is one
    admitted.check()
    tickets.revoke(one.id)
    assert tickets.of("Bearer one-token") is None
    with pytest.raises(CallCancelled):
        admitted.check()
    assert tickets.of("Bearer another-token") is not None


def test_only_a_bearers_whole_token_opens() -> None:
    tickets = Tickets()
    tickets.admit(ticket("token"))
    for header in ("", "token", "Bearer", "Bearer ", "Bearer toke", "Bearer token ", "bearer token", "Basic token"):
        assert tickets.of(header) is None, header
    assert tickets.of(f"Bearer {ticket('token').digest}") is None


def test_a_ticket_past_its_deadline_opens_nothing() -> None:
    tickets = Tickets()
    tickets.admit(ticket("late", deadline=time.time() - 1))
    tickets.admit(ticket("soon", deadline=time.time() + 60))
    assert tickets.of("Bearer late") is None
    assert tickets.of("Bearer soon") is not None


def test_admitted_again_it_keeps_its_meter() -> None:
    tickets = Tickets()
    tickets.admit(ticket("token"))
    admitted = tickets.of("Bearer token")
    assert admitted is not None
    admitted.used = Used(busy_s=3.0)
    tickets.admit(ticket("token"))
    assert tickets.of("Bearer token") is admitted


def test_its_wire_form_is_json_and_holds_no_token() -> None:
    whole = ticket("secret", user="ada", access=Access.LOGITS, deadline=5.0, quota_s=7.0)
    wire = json.dumps(whole.to_wire())
    assert "secret" not in wire
    assert Ticket.from_wire(json.loads(wire)) == whole
    assert dataclasses.replace(whole, access=Access.BASE) != whole
