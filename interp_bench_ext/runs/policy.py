"""What an administrator has decided about the runs of a server."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from pydantic import ValidationError

from ..api import ChangeAgent, ForkRun, Provider, ResumeRun, StartRun
from ..config import Experiment
from ..errors import BadInput
from .rules import Rules

_OF_THE_AGENT = ("provider", "model", "approval", "max_steps", "max_cost_usd", "max_minutes")
LOCKABLE = (*_OF_THE_AGENT, "seed")
Limit = Literal["max_steps", "max_cost_usd", "max_minutes"]
_LIMITS: tuple[Limit, ...] = ("max_steps", "max_cost_usd", "max_minutes")


@dataclass(frozen=True, kw_only=True)
class Policy:
    """Raises BadInput where ``locked`` does not fit StartRun."""

    max_runs: int
    """How many runs one server drives at once."""
    default_provider: Provider | None = None
    """For configs that leave the agent open; None: Claude where there is a key."""
    locked: Mapping[str, Any] = field(default_factory=dict)
    """Fields of StartRun that nobody may choose otherwise, with their values."""
    rules: Rules = Rules()

    def __post_init__(self) -> None:
        for name, value in self.locked.items():
            if name not in LOCKABLE:
                raise BadInput(f"InterpBenchApp.locked: {name!r} cannot be fixed; choose from {', '.join(LOCKABLE)}")
            try:
                StartRun.model_validate({"request_id": "check", "config": "check", name: value})
            except ValidationError:
                raise BadInput(f"InterpBenchApp.locked: {value!r} is no value for {name}") from None

    def experiment(self, experiment: Experiment, asked: StartRun) -> Experiment:
        """The config with what ``asked`` chooses, what is fixed, and the default agent put in. Raises BadInput."""
        chosen = {name: self._allowed(name, getattr(asked, name)) for name in LOCKABLE}
        seed = chosen.pop("seed")
        public = experiment.public
        agent, provider = public.agent, chosen.pop("provider")
        if agent.provider is None and provider is None:
            agent = agent.led_by(self.default_provider, None)
        agent = agent.led_by(provider, chosen.pop("model"))
        agent = agent.model_copy(update={name: value for name, value in chosen.items() if value is not None})
        agent = self.rules.fitted(agent)
        public = public.model_copy(update={"agent": agent, "seed": public.seed if seed is None else seed})
        return experiment.with_public(public)

    def limits(self, asked: ResumeRun) -> dict[str, Any]:
        """The limits that ``asked`` replaces. Raises BadInput where one of them is fixed."""
        given = {name: self._allowed(name, getattr(asked, name)) for name in _LIMITS}
        return {name: value for name, value in given.items() if value is not None}

    def changes(self, asked: ForkRun) -> dict[str, Any]:
        """What ``asked`` changes in the agent section, and what is fixed. Raises BadInput where that is not allowed."""
        given = {name: self._allowed(name, getattr(asked, name)) for name in _OF_THE_AGENT}
        return {name: value for name, value in given.items() if value is not None}

    def chosen(self, asked: ChangeAgent) -> dict[str, Any]:
        """What ``asked`` changes while the run goes on. Raises BadInput where that is fixed."""
        given = {"model": asked.model, "approval": asked.approval}
        return {name: self._allowed(name, value) for name, value in given.items() if value is not None}

    def _allowed(self, name: str, value: Any) -> Any:
        if name not in self.locked:
            self.rules.check_asked(name, value)
            return value
        fixed = self.locked[name]
        if value is not None and value != fixed:
            raise BadInput(f"the administrator has fixed {name} to {fixed!r}; leave it as it is")
        return fixed
