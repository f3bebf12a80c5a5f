"""What was spent, as administrators, people and Prometheus read it."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Gauge, generate_latest
from pydantic import BaseModel

from ..people import Person
from .ledger import Ledger

_WINDOWS_H = {"day": 24.0, "month": 720.0}


class Spending(BaseModel):
    """Of one person, or of a group's members together, within one window of time that ends now."""

    scope: str
    hours: float
    requests: int
    tokens: int
    usd: float


def spending_of(ledger: Ledger, person: Person | None) -> list[Spending]:
    """Of a person and their groups; of everybody where it is None. Requests under way count at their most."""
    scopes = ledger.scopes(hours=max(_WINDOWS_H.values())) if person is None else person.scopes
    found = [(scope, hours, ledger.spent(scope, hours=hours)) for scope in scopes for hours in _WINDOWS_H.values()]
    return [
        Spending(scope=scope, hours=hours, requests=spent.requests, tokens=spent.tokens, usd=round(spent.usd, 6))
        for scope, hours, spent in found
    ]


def metrics_page(ledger: Ledger) -> bytes:
    """In Prometheus' text format."""
    registry = CollectorRegistry()
    labels = ("scope", "window")
    tokens = Gauge("interp_bench_gateway_tokens", "Tokens read and written by models", labels, registry=registry)
    usd = Gauge("interp_bench_gateway_usd", "US dollars spent", labels, registry=registry)
    requests = Gauge("interp_bench_gateway_requests", "Requests to the provider", labels, registry=registry)
    states = Gauge("interp_bench_gateway_states", "Requests by how they ended", ["state"], registry=registry)
    for scope in ledger.scopes(hours=max(_WINDOWS_H.values())):
        for window, hours in _WINDOWS_H.items():
            spent = ledger.spent(scope, hours=hours)
            tokens.labels(scope, window).set(spent.tokens)
            usd.labels(scope, window).set(spent.usd)
            requests.labels(scope, window).set(spent.requests)
    for state, count in ledger.counts().items():
        states.labels(state).set(count)
    return generate_latest(registry)
