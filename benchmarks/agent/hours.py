"""Eight hours of work on a fast clock: without a limit, then once with each budget a little too small for them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from lab.figures import Figure

from interp_bench_ext.agent.anthropic import AnthropicProvider
from interp_bench_ext.agent.state import RunState
from interp_bench_ext.config import AgentSection
from interp_bench_ext.models.prices import DEFAULT_MODEL, load_prices
from interp_bench_ext.record.cell_events import CellStarted
from interp_bench_ext.record.events import Event, RunEnded, StepStarted
from interp_bench_ext.record.figures import BUDGETS, Budget
from interp_bench_ext.record.journal import Entry
from tests.agent.investigators import calls_made
from tests.agent.messages_server import Answer, Refused, Streamed, overloaded

from .answering import AccountingServer, Served
from .environment import KEY, FastClock, RunEnvironment, environment, on_simulated_gpu
from .overhead import steady

HOURS = 8.0
SHARE = 0.9
"""What the run with a limit is given of what the whole run used."""
_REPLY_S, _CELL_S, _GPU_S = 95.0, 61.0, 37.0
_BEGINNING = 1_900_000_000.0
_NO_LIMITS: Mapping[str, Any] = {"max_steps": 100_000, "max_minutes": None}
_LIMITED = ("max_steps", "max_tokens", "max_cost_usd", "max_minutes", "max_gpu_minutes")
_SHOWN = tuple(budget for budget in BUDGETS if budget.field in _LIMITED)


@dataclass
class Day:
    """The world around one run: its time, the model behind its agent, and the organism's work."""

    clock: FastClock
    until: float
    asked: int = 0
    """Requests so far."""
    gpu_s: float = 0.0
    used_at: list[dict[str, float]] = field(default_factory=list)
    """What was used of each budget when each step began."""
    state: RunState = field(default_factory=RunState)
    served: list[Served] = field(default_factory=list)
    """The server's own account."""

    def answer(self, request: dict[str, Any]) -> Answer:
        """A reply takes a minute and a half; now and then the service is in trouble."""
        self.asked += 1
        if self.asked % 23 == 0:
            return Refused(status=429, type="rate_limit_error", headers={"retry-after": "40"})
        if self.asked % 31 == 0:
            return Refused(status=529, type="overloaded_error")
        self.clock.now += _REPLY_S
        reply = steady(10**9 if self.clock.now < self.until else calls_made(request), request)
        if self.asked % 47 == 0:
            return Streamed(content=reply.content, break_after=5, error=overloaded())
        return reply

    def see(self, event: Event) -> None:
        """A cell takes a minute, most of it the organism's."""
        self.state.apply(event, self.clock.now)
        if isinstance(event, StepStarted):
            self.used_at.append(used(self.state))
        if isinstance(event, CellStarted):
            self.clock.now += _CELL_S
            self.gpu_s += _GPU_S


def used(state: RunState) -> dict[str, float]:
    """What a run has used of each budget."""
    return {budget.name: budget.used(state.figures, None) for budget in _SHOWN}


def billed(day: Day) -> dict[str, float]:
    """What the server has counted, failed replies included."""
    price = load_prices()[DEFAULT_MODEL]
    return {
        "tokens": sum(answer.tokens for answer in day.served),
        "cost": sum(price.of(answer.usage) for answer in day.served),
    }


def hours() -> Iterator[Figure]:
    """One figure for the whole day, one for each budget."""
    clock = FastClock(_BEGINNING)
    with environment(clock) as around:
        whole, entries = _day(around, clock, AgentSection(**_NO_LIMITS))
        total = used(whole.state)
        yield Figure(
            name="tokens of that day that server and journal count differently",
            seen=abs(billed(whole)["tokens"] - total["tokens"]),
            unit="",
            limit=0,
            detail=f"{billed(whole)['tokens']:,} and {total['tokens']:,}",
        )
        yield Figure(
            name="a day without limits comes to its findings: minutes missing",
            seen=max(0.0, HOURS * 60 - total["minutes"]),
            unit="min",
            limit=0,
            detail=f"{_end(entries)}: {', '.join(f'{amount:,.6g} {_name(name)}' for name, amount in total.items())}",
        )
        for budget in _SHOWN:
            yield _limited(around, clock, budget, total[budget.name] * SHARE)


def _limited(around: RunEnvironment, clock: FastClock, budget: Budget, amount: float) -> Figure:
    name = budget.name
    limit = round(amount) if name in ("steps", "tokens") else round(amount, 2)
    day, entries = _day(around, clock, AgentSection(**{**_NO_LIMITS, budget.field: limit}))
    at_end = {**used(day.state), **billed(day)}[name]
    # A reply and a cell that have begun in time are let end.
    seen = day.used_at[-1][name] if budget.unit == "min" else at_end
    return Figure(
        name=f"a day with {limit:,} {_name(name)}: used" + (" when the last step began" if seen is not at_end else ""),
        seen=seen if _end(entries).startswith("interrupted: the budget of") else float("inf"),
        unit=budget.unit or name,
        limit=limit,
        detail=f"{at_end:,.6g} at the end; {day.asked} requests; {_end(entries)}",
    )


def _day(around: RunEnvironment, clock: FastClock, limits: AgentSection) -> tuple[Day, list[Entry]]:
    day = Day(clock, until=clock.now + HOURS * 3600)
    with AccountingServer(day.answer) as server:
        provider = AnthropicProvider(
            key=KEY, model=DEFAULT_MODEL, base_url=server.url, prices=load_prices(), sleep=clock.sleep
        )
        organism = on_simulated_gpu(lambda: day.gpu_s)
        entries = around.drive(provider, limits=limits, listener=day.see, organism=organism)
        day.served = server.served
    return day, entries


def _end(entries: list[Entry]) -> str:
    ended = next(entry.event for entry in reversed(entries) if isinstance(entry.event, RunEnded))
    return f"{ended.status}: {ended.message}" if ended.message else ended.status


def _name(budget: str) -> str:
    return "USD" if budget == "cost" else budget
