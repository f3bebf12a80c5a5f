"""What an administrator says about the key gateway, in one YAML file."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, PositiveFloat, PositiveInt

from ...models.capacity import THINKING_BINDING_BETA
from ..settings import group_scope, user_scope


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Budget(_Section):
    """What may be spent within a window of time that ends now."""

    hours: PositiveFloat = 24.0
    usd: PositiveFloat | None = None
    tokens: PositiveInt | None = None
    """All that models read, from their cache too, and wrote."""


class Group(_Section):
    """What is different for members of a group of the Hub."""

    each: tuple[Budget, ...] | None = None
    """In place of the general budgets; an empty list: none."""
    together: tuple[Budget, ...] = ()
    """What all members have in common."""
    models: tuple[str, ...] | None = None
    """In place of the general list."""


class GatewaySettings(_Section):
    """The whole file."""

    models: Annotated[tuple[str, ...], Field(min_length=1)]
    """Those that may be asked, by the names that requests use."""
    upstream: str = "https://api.anthropic.com"
    """Where the provider's Messages API is."""
    state: str = "interp_bench_gateway.sqlite"
    """The file that keeps what was spent over restarts."""
    each: tuple[Budget, ...] = ()
    """What one person may spend."""
    groups: dict[str, Group] = {}
    """By the Hub's names of groups; the first here that a person is in counts."""
    at_once_per_user: PositiveInt = 8
    betas: tuple[str, ...] = (THINKING_BINDING_BETA,)
    """Values of ``anthropic-beta`` that are passed on."""

    def models_of(self, groups: frozenset[str]) -> tuple[str, ...]:
        """Those that a person in these groups may ask."""
        named = self._group_of(groups).models
        return self.models if named is None else named

    def budgets(self, user: str, groups: frozenset[str]) -> list[tuple[str, Budget]]:
        """All that hold for a person, each with the scope that it counts."""
        each = self._group_of(groups).each
        own = [(user_scope(user), budget) for budget in (self.each if each is None else each)]
        shared = [
            (group_scope(name), budget)
            for name, rules in self.groups.items()
            if name in groups
            for budget in rules.together
        ]
        return [*own, *shared]

    def every_model(self) -> list[str]:
        """All that anybody may ask."""
        named = [self.models, *(rules.models or () for rules in self.groups.values())]
        return sorted({model for models in named for model in models})

    def counts_dollars(self) -> bool:
        """Whether any budget is in dollars, so that every model needs a price."""
        groups = [budget for rules in self.groups.values() for budget in (*(rules.each or ()), *rules.together)]
        return any(budget.usd is not None for budget in (*self.each, *groups))

    def _group_of(self, groups: frozenset[str]) -> Group:
        return next((rules for name, rules in self.groups.items() if name in groups), Group())
