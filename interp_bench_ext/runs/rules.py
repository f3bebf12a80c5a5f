"""What an administrator allows on a server: which organisms and agents, where, behind which veil, and for how much.

They hold for whatever asks this server, the sidebar, MCP clients and requests that somebody has made up alike. A person
with a terminal there can run other programs; what those may use is for the Hub's services to say.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, get_args

from pydantic import BaseModel, ConfigDict, ValidationError

from ..api import ConfigCard, Provider
from ..config import AgentSection, ProgramName
from ..contracts import OUTSIDE_AGENTS, Veil
from ..errors import BadInput
from ..models.prices import DEFAULT_MODEL
from ..record.figures import BUDGETS
from ..wrong_input import first_problem, nearest

BUDGET_FIELDS = tuple(budget.field for budget in BUDGETS)


class Allowed(BaseModel):
    """What may be chosen; None: anything."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    configs: tuple[str, ...] | None = None
    """By the names of their cards."""
    folders: tuple[str, ...] | None = None
    """By the groups of the list: ``Bundled``, ``My configs``, ``Installed``, or a folder's own name."""
    providers: tuple[str, ...] | None = None
    models: tuple[str, ...] | None = None
    places: tuple[str, ...] | None = None
    """Where organisms may run, by the names that configs use."""
    gpu_types: tuple[str, ...] | None = None


@dataclass(frozen=True, kw_only=True)
class Rules:
    """All of it."""

    allowed: Allowed = Allowed()
    at_most: Mapping[str, float] = field(default_factory=dict)
    """The largest budgets that a run may have, by the names of the agent section."""
    required_veil: Veil | None = None

    @classmethod
    def of(cls, *, allowed: Mapping[str, Any], at_most: Mapping[str, Any], required_veil: str | None) -> Rules:
        """From what a settings file says. Raises BadInput."""
        try:
            parsed = Allowed.model_validate(allowed)
        except ValidationError as error:
            raise BadInput(f"InterpBenchApp.allowed: {first_problem(error)}") from None
        for name, value in at_most.items():
            if name not in BUDGET_FIELDS:
                hint = nearest(name, BUDGET_FIELDS, otherwise=f"choose from {', '.join(BUDGET_FIELDS)}")
                raise BadInput(f"InterpBenchApp.at_most: {name!r} is no budget{hint}")
            if not isinstance(value, (int, float)) or not value > 0:
                raise BadInput(f"InterpBenchApp.at_most: {value!r} is no value for {name}")
        return cls(allowed=parsed, at_most=dict(at_most), required_veil=Veil(required_veil) if required_veil else None)

    def offers(self, config: str, *, group: str) -> bool:
        """Whether a config is there for the people of this server."""
        return _in(config, self.allowed.configs) and _in(group, self.allowed.folders)

    def obstacle(self, card: ConfigCard) -> str | None:
        """Why a config that is offered cannot be started."""
        return self._against(card.place, card.gpu_type, card.veil) if card.place else None

    @property
    def choose_agents(self) -> bool:
        """Whether some agents or models are not allowed."""
        return self.allowed.providers is not None or self.allowed.models is not None

    def of_providers(self, names: Iterable[Provider]) -> list[Provider]:
        return [name for name in names if _in(name, self.allowed.providers)]

    def of_models(self, names: Iterable[str]) -> list[str]:
        return [name for name in names if _in(name, self.allowed.models)]

    def check_asked(self, name: str, value: float | None) -> None:
        """Raises BadInput where somebody asks for a larger budget than a run may have."""
        most = self.at_most.get(name)
        if most is not None and value is not None and value > most:
            raise BadInput(f"the administrator allows {name} of {most:g} at most; ask for that or less")

    def fitted(self, agent: AgentSection) -> AgentSection:
        """The agent section of a config, with no budget larger than a run may have; an open model is an allowed one."""
        over: dict[str, Any] = {name: most for name, most in self.at_most.items() if _over(getattr(agent, name), most)}
        models = self.allowed.models
        if agent.provider == "anthropic" and agent.model is None and models and DEFAULT_MODEL not in models:
            over["model"] = models[0]
        return AgentSection.model_validate(agent.model_dump() | over)

    def check(self, agent: AgentSection, *, place: str, gpu_type: str | None, veil: Veil) -> None:
        """Whether a run may be as it is about to be.

        Args:
            agent: As it was chosen.
            place: Where its organism would run.
            gpu_type: The GPU that it would be paid for there.
            veil: What there is around it at that place.

        Raises:
            BadInput: Why not.
        """
        against = self._against(place, gpu_type, veil)
        if against is not None:
            raise BadInput(against)
        if not _in(str(agent.provider), self.allowed.providers):
            raise BadInput(_instead(f"the agent {agent.provider}", self.allowed.providers))
        self._check_model(agent)
        if agent.provider == "anthropic" and agent.base_url is not None and self.allowed.models is not None:
            raise BadInput("the administrator allows no server of a config's own (agent.base_url); leave it out")
        for name, most in self.at_most.items():
            # What a client's own model costs is not known here, and a person has none.
            value = getattr(agent, name)
            if _over(value, most) and not (value is None and agent.provider in OUTSIDE_AGENTS):
                has = "no limit" if value is None else f"{value:g}"
                raise BadInput(f"the administrator allows {name} of {most:g} at most; this run has {has}")

    def _check_model(self, agent: AgentSection) -> None:
        """Raises BadInput for a model that is not allowed, also for a program's own choice."""
        if agent.provider == "anthropic" and agent.model is not None and not _in(agent.model, self.allowed.models):
            raise BadInput(_instead(f"the model {agent.model}", self.allowed.models))
        if agent.provider in get_args(ProgramName) and not _in(agent.model or "", self.allowed.models):
            what = f"the model {agent.model}" if agent.model else f"{agent.provider} to choose its model"
            raise BadInput(_instead(what, self.allowed.models))

    def _against(self, place: str, gpu_type: str | None, veil: str) -> str | None:
        if not _in(place, self.allowed.places):
            return _instead(f"organisms at {place}", self.allowed.places)
        if gpu_type is not None and not _in(gpu_type, self.allowed.gpu_types):
            return _instead(f"the GPU {gpu_type}", self.allowed.gpu_types)
        required = self.required_veil
        if required is not None and list(Veil).index(Veil(veil)) > list(Veil).index(required):
            return f"The administrator asks for a veil that is {required} or stronger, and here it would be {veil}."
        return None


def _in(name: str, allowed: Sequence[str] | None) -> bool:
    return allowed is None or name in allowed


def _over(value: float | None, most: float) -> bool:
    return value is None or value > most


def _instead(what: str, allowed: Sequence[str] | None) -> str:
    return f"The administrator does not allow {what} here; there is {', '.join(allowed or ()) or 'nothing'}."
