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
from .state import RunState

WARN_AT = 0.8
MIN_REPLY_TOKENS = 256
"""A reply that must be shorter than this is not worth its prompt."""
_UNITS = {"cost": " USD", "minutes": " min", "GPU minutes": " min"}
_BETWEEN_STEPS = "steps"


@dataclass(frozen=True, kw_only=True)
class Meter:
    """One budget: what is used of it, and what the next request may add to that."""

    name: str
    used: float
    limit: float
    prompt: float = 0.0
    """What the request's prompt adds at most."""
    per_token: float = 0.0
    """What each token of the reply adds."""

    @property
    def reply_tokens(self) -> float:
        """How long the reply may be."""
        left = self.limit - self.used - self.prompt
        if self.per_token > 0:
            # Sums of dollars are a little off, by less than anybody is billed for.
            return (left + 1e-9 * self.limit) // self.per_token
        return float("inf") if left >= 0 else 0.0

    @property
    def event(self) -> BudgetUsed:
        return BudgetUsed(budget=self.name, used=round(self.used, 4), limit=self.limit)

    def reached(self, how: str) -> BudgetReached:
        unit = "USD" if self.name == "cost" else self.name
        return BudgetReached(f"the budget of {amount(self.limit)} {unit} {how}")


@dataclass(frozen=True)
class Budgets:
    """The limits of one run; a limit of None is no limit."""

    limits: AgentSection
    clock: Callable[[], float] = time.time
    """Unix time, from where the run's events have theirs."""

    def described(self) -> Mapping[str, str]:
        """Name to limit with its unit, for the agent's prompt and the report."""
        return {
            meter.name: f"{amount(meter.limit)}{_UNITS.get(meter.name, '')}"
            for meter in self._meters(RunState(), 0, None)
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
        for meter in self._meters(state, state.measured.tokens if state.measured else 0, price):
            if meter.used >= meter.limit:
                emit(meter.event)
                raise meter.reached("is used up")
            if meter.used + meter.prompt >= WARN_AT * meter.limit and state.warned.get(meter.name) != meter.limit:
                emit(meter.event)
                warnings.append(meter.event)
        return warnings

    def reply_tokens(self, state: RunState, prompt_tokens: int, price: Price | None) -> float:
        """How long a reply to a prompt of that many tokens may be."""
        return min(
            (meter.reply_tokens for meter in self._within_step(state, prompt_tokens, price)), default=float("inf")
        )

    def require(self, state: RunState, emit: Emit, prompt_tokens: int, price: Price | None) -> None:
        """Raise BudgetReached where a budget has no room for the request, after the event that says so."""
        for meter in self._within_step(state, prompt_tokens, price):
            if meter.used >= meter.limit or meter.reply_tokens < MIN_REPLY_TOKENS:
                emit(meter.event)
                used_up = meter.used >= meter.limit
                raise meter.reached("is used up" if used_up else "has too little left for another step")

    def seconds_left(self, state: RunState) -> float:
        """Until the run's minutes are used up."""
        limit = self.limits.max_minutes
        return float("inf") if limit is None else 60 * (limit - state.minutes(self.clock()))

    def _within_step(self, state: RunState, prompt_tokens: int, price: Price | None) -> Iterator[Meter]:
        return (meter for meter in self._meters(state, prompt_tokens, price) if meter.name != _BETWEEN_STEPS)

    def _meters(self, state: RunState, prompt: int, price: Price | None) -> Iterator[Meter]:
        limits = self.limits
        dollars, per_token = price.at_most(prompt) if price else (0.0, 0.0)
        uncached = state.input_tokens - state.cache_read_tokens
        meters = (
            (_BETWEEN_STEPS, state.steps, limits.max_steps, 0, 0),
            ("tokens", state.input_tokens + state.output_tokens, limits.max_tokens, prompt, 1),
            ("input tokens", uncached, limits.max_input_tokens, prompt, 0),
            ("cached tokens", state.cache_read_tokens, limits.max_cached_tokens, prompt, 0),
            ("output tokens", state.output_tokens, limits.max_output_tokens, 0, 1),
            ("cost", state.cost_usd, limits.max_cost_usd, dollars, per_token),
            ("minutes", state.minutes(self.clock()), limits.max_minutes, 0, 0),
            ("GPU minutes", state.gpu_s / 60, limits.max_gpu_minutes, 0, 0),
        )
        return (
            Meter(name=name, used=float(used), limit=float(limit), prompt=float(of_prompt), per_token=float(of_reply))
            for name, used, limit, of_prompt, of_reply in meters
            if limit is not None
        )


def amount(number: float) -> str:
    """A budget's amount as people write it."""
    return f"{number:,.0f}" if number == int(number) else f"{number:,.4f}".rstrip("0")
