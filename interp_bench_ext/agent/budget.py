"""Budgets: checked before each call of the agent, counted from the journal, so that they survive a resume."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from ..config import AgentSection
from ..errors import BudgetReached
from ..events import BudgetUsed, Emit
from .state import RunState

WARN_AT = 0.8


@dataclass
class Budgets:
    """The limits of one run; a limit of None is no limit."""

    limits: AgentSection
    _warned: set[str] = field(default_factory=set)

    def described(self) -> Mapping[str, str]:
        """Name to limit with its unit, for the agent's prompt and the report."""
        units = {"steps": "", "tokens": "", "cost": " USD", "minutes": " min", "GPU minutes": " min"}
        return {name: f"{limit:g}{units[name]}" for name, _, limit in self._meters(RunState())}

    def check(self, state: RunState, emit: Emit) -> list[BudgetUsed]:
        """Emit and return a warning for each budget that has newly passed 80 %.

        Raises BudgetReached when one is used up, after the event that says so.
        """
        warnings = []
        for name, used, limit in self._meters(state):
            event = BudgetUsed(budget=name, used=round(used, 4), limit=limit)
            if used >= limit:
                emit(event)
                raise BudgetReached(f"the budget of {limit:g} {'USD' if name == 'cost' else name} is used up")
            if used >= WARN_AT * limit and name not in self._warned:
                self._warned.add(name)
                emit(event)
                warnings.append(event)
        return warnings

    def _meters(self, state: RunState) -> Iterator[tuple[str, float, float]]:
        meters = (
            ("steps", float(state.steps), self.limits.max_steps),
            ("tokens", float(state.input_tokens + state.output_tokens), self.limits.max_tokens),
            ("cost", state.cost_usd, self.limits.max_cost_usd),
            ("minutes", state.minutes(), self.limits.max_minutes),
            ("GPU minutes", state.gpu_s / 60, self.limits.max_gpu_minutes),
        )
        return ((name, used, float(limit)) for name, used, limit in meters if limit is not None)
