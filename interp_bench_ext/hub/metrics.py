"""What Prometheus is told. No label names what an organism is, only its handle."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

from ..contracts import Used

_WAITS_S = (0.01, 0.05, 0.1, 0.5, 1.0, 5.0, 15.0, 60.0, 300.0)
_LABELS = ("user", "organism")


class Metrics:
    """The service's own registry."""

    def __init__(self) -> None:
        own = self.registry = CollectorRegistry()
        self.calls = Counter(
            "interp_bench_calls",
            "Calls, by how they ended",
            [*_LABELS, "outcome"],
            registry=own,
        )
        self.busy_s = Counter(
            "interp_bench_busy_seconds",
            "Seconds that models have worked",
            _LABELS,
            registry=own,
        )
        self.samples = Counter("interp_bench_samples", "Texts that organisms read or wrote", _LABELS, registry=own)
        self.tokens = Counter("interp_bench_tokens", "Tokens that models read and wrote", _LABELS, registry=own)
        self.wait_s = Histogram(
            "interp_bench_wait_seconds", "Time in the queue", ["organism"], buckets=_WAITS_S, registry=own
        )
        self.waiting = Gauge("interp_bench_waiting", "Calls in the queue", ["organism"], registry=own)
        self.running = Gauge("interp_bench_running", "Calls under way", ["organism"], registry=own)
        self.loaded = Gauge("interp_bench_loaded", "Organisms in memory", registry=own)
        self.tickets = Gauge("interp_bench_tickets", "Tickets that are good", registry=own)

    def used(self, user: str, organism: str, more: Used) -> None:
        """So much more was used."""
        self.busy_s.labels(user, organism).inc(more.busy_s)
        self.samples.labels(user, organism).inc(more.samples)
        self.tokens.labels(user, organism).inc(more.tokens)

    def page(self) -> bytes:
        """In Prometheus' text format."""
        return generate_latest(self.registry)
