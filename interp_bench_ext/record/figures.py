"""What a run has used up, as a fold over its events, and the budgets that limit it.

Budgets, report, ``interp-bench show``, MCP, REST and sidebar all read a run with this fold; ``docs/agent.md`` has the
rules in words.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Literal

from .clock import Clock
from .events import (
    BudgetUsed,
    Event,
    OrganismReady,
    OrganismUsed,
    ProgramReported,
    ProviderWaiting,
    RunForked,
    RunResumed,
    RunStarted,
    Spending,
    StepStarted,
)

Unit = Literal["", "USD", "min"]
_GPUS = ("cuda", "mps")
"""How the devices begin whose time is GPU time."""


@dataclass
class Figures:
    """The sums of one run; :meth:`apply` takes each event once, in order."""

    clock: Clock = field(default_factory=Clock)
    steps: int = 0
    """Replies that the agent was asked for; one that is asked for again after a resume is the same step."""
    input_tokens: int = 0
    """Of all prompts, those read from and written to the provider's cache included."""
    cache_read_tokens: int = 0
    cache_write_tokens: int = 0
    output_tokens: int = 0
    cost_usd: float = 0.0
    cost_known: bool = True
    """False where a price is not known; ``cost_usd`` is then what is known of it."""
    estimated: bool = False
    """Whether the provider left out what it used up, so that some of the tokens, and their price, are estimates."""
    told_by: str = ""
    """The program whose own count the tokens and the cost are; empty where the provider's replies say them."""
    failed_attempts: int = 0
    """Requests to the agent's provider that were sent again; what they used up is in the sums."""
    resumes: int = 0
    organism_s: float = 0.0
    """Seconds that the organism's model worked for the run, on any device."""
    gpu_s: float = 0.0
    """Those of them that it worked on a GPU."""
    limits: dict[str, float] = field(default_factory=dict)
    """By the budget's name, as they are in force."""
    _on_gpu: bool = False
    _reported: ProgramReported | None = None
    """The newest that the program says whose session is under way."""
    _cost_known_before: bool = True

    def apply(self, event: Event | None, at: float) -> None:
        """Take one event, recorded at ``at`` (Unix time in seconds); None stands for one that only takes time."""
        match event:
            case RunStarted():
                self.limits = limits_of(event.public.get("agent") or {})
            case RunResumed():
                self.resumes += 1
                self._reported = None
                # The reply that was under way is asked for again, in the same step.
                self.steps -= self.clock.replying
                self.limits |= limits_of(event.limits)
            case StepStarted():
                self.steps = event.step
            case OrganismReady():
                self._on_gpu = event.device.startswith(_GPUS)
            case OrganismUsed():
                self.organism_s += event.busy_s
                self.gpu_s += event.busy_s if self._on_gpu else 0.0
            case Spending():
                self._spend(event)
            case BudgetUsed():
                self.limits[event.budget] = event.limit
            case RunForked():
                self._begin_anew()
            case _:
                pass
        self.clock.apply(event, at)

    @property
    def tokens(self) -> int:
        """All tokens that the agent's model read, from its cache too, and wrote."""
        return self.input_tokens + self.output_tokens

    @property
    def cost(self) -> float | None:
        """Dollars; None where a price is not known."""
        return self.cost_usd if self.cost_known else None

    def minutes(self, now: float | None = None) -> float:
        """Minutes that the run was driven until ``now`` (Unix time), or until its last event."""
        return self.clock.seconds(now) / 60

    def meters(self, now: float | None = None) -> list[Meter]:
        """All budgets as they stand, those without a limit too."""
        return [budget.meter(self, self.limits.get(budget.name), now) for budget in BUDGETS]

    def _spend(self, event: Spending) -> None:
        if isinstance(event, ProgramReported):
            self._hear(event)
            return
        self._add(event)
        self.cost_known = self.cost_known and event.cost_usd is not None
        self.estimated = self.estimated or event.estimated
        self.failed_attempts += isinstance(event, ProviderWaiting)

    def _hear(self, event: ProgramReported) -> None:
        """Let it stand in place of what the program has said before in this session."""
        if self._reported is None:
            self._cost_known_before = self.cost_known
        else:
            self._add(self._reported, -1)
        self._add(event)
        self._reported, self.told_by = event, event.program
        self.cost_known = self._cost_known_before and event.cost_usd is not None

    def _add(self, event: Spending, sign: int = 1) -> None:
        self.input_tokens += sign * (event.input_tokens + event.cache_read_tokens + event.cache_write_tokens)
        self.cache_read_tokens += sign * event.cache_read_tokens
        self.cache_write_tokens += sign * event.cache_write_tokens
        self.output_tokens += sign * event.output_tokens
        self.cost_usd += sign * (event.cost_usd or 0.0)

    def _begin_anew(self) -> None:
        """What came before is another run's; its limits are this one's own."""
        self.steps = self.input_tokens = self.cache_read_tokens = self.cache_write_tokens = self.output_tokens = 0
        self.failed_attempts = self.resumes = 0
        self.cost_usd = self.organism_s = self.gpu_s = 0.0
        self.cost_known, self.estimated, self._on_gpu, self.told_by = True, False, False, ""
        self._reported = None


@dataclass(frozen=True, kw_only=True)
class Request:
    """What the next request to the agent's provider may use up at most."""

    prompt_tokens: int = 0
    prompt_usd: float = 0.0
    usd_per_token: float = 0.0
    """Of the reply."""


@dataclass(frozen=True, kw_only=True)
class Budget:
    """One thing that a run may use so much of."""

    name: str
    field: str
    """Of the config's agent section: the limit."""
    unit: Unit
    used: Callable[[Figures, float | None], float]
    """What a run has used of it until a time (Unix time in seconds), or until its last event."""
    reserve: Callable[[Request], tuple[float, float]] = lambda request: (0.0, 0.0)
    """What the prompt of a request takes of it at most, and each token of the reply."""
    known: Callable[[Figures], bool] = lambda figures: True
    of_tokens: bool = False
    """Whether it counts tokens, or what they cost: a provider may leave both to be estimated."""
    between_steps: bool = False
    """Whether it can only run out between two steps."""

    def meter(self, figures: Figures, limit: float | None, now: float | None = None) -> Meter:
        return Meter(
            budget=self,
            used=float(self.used(figures, now)),
            limit=limit,
            known=self.known(figures),
            estimated=self.of_tokens and figures.estimated,
            told_by=figures.told_by if self.of_tokens else "",
        )

    def amount(self, value: float) -> str:
        """A quantity of it as people write it: ``5,000``, ``$0.07``, ``0.35 min``."""
        return amount(value, self.unit)


@dataclass(frozen=True, kw_only=True)
class Meter:
    """A budget of one run: what is used of it."""

    budget: Budget
    used: float
    limit: float | None
    known: bool = True
    estimated: bool = False
    told_by: str = ""
    """The program whose own count it is."""

    @property
    def share(self) -> float | None:
        """Of the limit, what is used; None without a limit."""
        return None if self.limit is None else self.used / self.limit if self.limit else 1.0

    @property
    def used_text(self) -> str:
        """For example ``$0.07``, ``about 12,000`` where that is an estimate, ``360 (Codex's own count)``."""
        if not self.known:
            return "not known"
        about = "about " if self.estimated else ""
        counted = f" ({self.told_by}'s own count)" if self.told_by else ""
        return f"{about}{self.budget.amount(self.used)}{counted}"

    @property
    def limit_text(self) -> str:
        """For example ``$2``; empty without a limit."""
        return "" if self.limit is None else self.budget.amount(self.limit)

    @property
    def text(self) -> str:
        """For example ``$0.07 of $2``, or ``$0.07`` without a limit."""
        return f"{self.used_text} of {self.limit_text}" if self.limit_text else self.used_text


def amount(value: float, unit: Unit = "") -> str:
    """A number of ``unit`` as people write it, with no more digits than mean something."""
    digits = f"{value:,.{2 if unit == 'min' else 4}f}"
    whole, _, fraction = digits.partition(".")
    fraction = fraction.rstrip("0")
    if unit == "USD" and fraction:
        fraction = fraction.ljust(2, "0")
    number = f"{whole}.{fraction}" if fraction else whole
    return {"": number, "USD": f"${number}", "min": f"{number} min"}[unit]


def limits_of(agent: Mapping[str, object]) -> dict[str, float]:
    """The limits that an agent section sets, by the names of the budgets."""
    set_here = {budget.name: agent.get(budget.field) for budget in BUDGETS}
    return {name: float(limit) for name, limit in set_here.items() if isinstance(limit, int | float)}


def _of_tokens(
    name: str,
    field: str,
    used: Callable[[Figures], int],
    *,
    prompt: bool = False,
    reply: bool = False,
) -> Budget:
    """A budget of tokens; ``prompt`` and ``reply``: whether those of the next request count in it."""
    return Budget(
        name=name,
        field=field,
        unit="",
        used=lambda its, now: used(its),
        reserve=lambda request: (request.prompt_tokens * prompt, float(reply)),
        of_tokens=True,
    )


BUDGETS: tuple[Budget, ...] = (
    Budget(name="steps", field="max_steps", unit="", used=lambda its, now: its.steps, between_steps=True),
    _of_tokens("tokens", "max_tokens", lambda its: its.tokens, prompt=True, reply=True),
    _of_tokens("input tokens", "max_input_tokens", lambda its: its.input_tokens - its.cache_read_tokens, prompt=True),
    _of_tokens("cached tokens", "max_cached_tokens", lambda its: its.cache_read_tokens, prompt=True),
    _of_tokens("output tokens", "max_output_tokens", lambda its: its.output_tokens, reply=True),
    Budget(
        name="cost",
        field="max_cost_usd",
        unit="USD",
        used=lambda its, now: its.cost_usd,
        reserve=lambda request: (request.prompt_usd, request.usd_per_token),
        of_tokens=True,
        known=lambda its: its.cost_known,
    ),
    Budget(name="minutes", field="max_minutes", unit="min", used=lambda its, now: its.minutes(now)),
    Budget(name="GPU minutes", field="max_gpu_minutes", unit="min", used=lambda its, now: its.gpu_s / 60),
)
