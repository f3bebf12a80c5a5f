"""Budgets: checked before each call of the agent, counted from the journal, so that they survive a resume.

A request is only sent when what it may use up at most still fits: all of its prompt at the dearest rate, and a reply of
``max_tokens``. So no budget of tokens or money is ever exceeded.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from ..config import AgentSection
from ..errors import BadInput, BudgetReached
from ..models.capacity import Capacity
from ..models.prices import Price
from ..record.events import BudgetUsed, Emit
from ..record.figures import BUDGETS, Meter, Request, amount, limits_of
from .state import RunState

WARN_AT = 0.8
MIN_REPLY_TOKENS = 256
"""A reply that must be shorter than this is not worth its prompt."""


@dataclass(frozen=True, kw_only=True)
class Room:
    """What one budget still has for the next request."""

    meter: Meter
    limit: float
    prompt: float
    """What the request's prompt takes of it at most."""
    per_token: float
    """What each token of the reply takes."""

    @property
    def reply_tokens(self) -> float:
        """How long the reply may be."""
        left = self.limit - self.meter.used - self.prompt
        if self.per_token > 0:
            # Sums of dollars are a little off, by less than anybody is billed for.
            return (left + 1e-9 * self.limit) // self.per_token
        return float("inf") if left >= 0 else 0.0

    @property
    def too_little(self) -> str:
        """That it does not hold the request, and what the prompt takes of it."""
        its = f", whose prompt may take {self.meter.budget.amount(self.prompt)}" if self.prompt else ""
        return f"has too little left for another step{its}"

    @property
    def used_up(self) -> bool:
        return self.meter.used >= self.limit

    @property
    def nearly_used_up(self) -> bool:
        return self.meter.used + self.prompt >= WARN_AT * self.limit

    @property
    def event(self) -> BudgetUsed:
        budget = self.meter.budget
        return BudgetUsed(budget=budget.name, used=round(self.meter.used, 4), limit=self.limit, unit=budget.unit)

    def reached(self, how: str) -> BudgetReached:
        budget = self.meter.budget
        what = budget.amount(self.limit) if budget.unit == "USD" else f"{amount(self.limit)} {budget.name}"
        return BudgetReached(f"the budget of {what} {how}")


@dataclass(frozen=True)
class Budgets:
    """The limits of one run; a limit of None is no limit."""

    limits: AgentSection
    clock: Callable[[], float] = time.time
    """Unix time, from where the run's events have theirs."""

    def described(self) -> Mapping[str, str]:
        """Name to limit with its unit, for the agent's prompt and the report."""
        return {
            room.meter.budget.name: room.meter.budget.amount(room.limit) for room in self._rooms(RunState(), 0, None)
        }

    def refuse_unknown_price(self, capacity: Capacity) -> None:
        """Raise BadInput where money is limited and what the model costs is not known."""
        if capacity.price is None and self.limits.max_cost_usd is not None:
            raise BadInput(
                f"agent.max_cost_usd: what {capacity.model} costs is not known, so its cost cannot be limited; add it"
                " to prices.json in the configuration folder, or limit max_tokens instead"
            )

    def check(self, state: RunState, emit: Emit, price: Price | None = None) -> list[BudgetUsed]:
        """Emit and return a warning for each budget of which the next request leaves less than a fifth.

        Raises BudgetReached when one is used up, after the event that says so.
        """
        warnings = []
        for room in self._rooms(state, state.measured.tokens if state.measured else 0, price):
            if room.used_up:
                emit(room.event)
                raise room.reached("is used up")
            if room.nearly_used_up and state.warned.get(room.meter.budget.name) != room.limit:
                emit(room.event)
                warnings.append(room.event)
        return warnings

    def reply_tokens(self, state: RunState, prompt_tokens: int, price: Price | None) -> float:
        """How long a reply to a prompt of that many tokens may be."""
        return min((room.reply_tokens for room in self._within_step(state, prompt_tokens, price)), default=float("inf"))

    def require(self, state: RunState, emit: Emit, prompt_tokens: int, price: Price | None) -> None:
        """Raise BudgetReached where a budget has no room for the request, after the event that says so."""
        for room in self._within_step(state, prompt_tokens, price):
            if room.used_up or room.reply_tokens < MIN_REPLY_TOKENS:
                emit(room.event)
                raise room.reached("is used up" if room.used_up else room.too_little)

    def seconds_left(self, state: RunState) -> float:
        """Until the run's minutes are used up."""
        limit = self.limits.max_minutes
        return float("inf") if limit is None else 60 * (limit - state.figures.minutes(self.clock()))

    def _within_step(self, state: RunState, prompt_tokens: int, price: Price | None) -> Iterator[Room]:
        return (room for room in self._rooms(state, prompt_tokens, price) if not room.meter.budget.between_steps)

    def _rooms(self, state: RunState, prompt_tokens: int, price: Price | None) -> Iterator[Room]:
        dollars, per_token = price.at_most(prompt_tokens) if price else (0.0, 0.0)
        request = Request(prompt_tokens=prompt_tokens, prompt_usd=dollars, usd_per_token=per_token)
        limits, now = limits_of(self.limits.model_dump()), self.clock()
        for budget in BUDGETS:
            limit = limits.get(budget.name)
            if limit is not None:
                prompt, of_reply = budget.reserve(request)
                meter = budget.meter(state.figures, limit, now)
                yield Room(meter=meter, limit=limit, prompt=float(prompt), per_token=float(of_reply))
