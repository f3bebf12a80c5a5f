"""What an administrator says about the key gateway, in one YAML file."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, PositiveFloat, PositiveInt

from ...models.capacity import THINKING_BINDING_BETA
from ..people import GroupLimits, Person, Section


class Budget(Section):
    """What may be spent within a window of time that ends now."""

    hours: PositiveFloat = 24.0
    usd: PositiveFloat | None = None
    tokens: PositiveInt | None = None
    """All that models read, from their cache too, and wrote."""


class Group(GroupLimits[Budget]):
    """What is different for members of a group of the Hub."""

    models: tuple[str, ...] | None = None
    """In place of the general list."""


class GatewaySettings(Section):
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

    def models_of(self, person: Person) -> tuple[str, ...]:
        """Those that a person may ask."""
        named = person.rules(self.groups, Group()).models
        return self.models if named is None else named

    def budgets(self, person: Person) -> list[tuple[str, Budget]]:
        """All that hold for a person, each with the scope that it counts."""
        return person.limits(self.each, self.groups)

    def every_model(self) -> list[str]:
        """All that anybody may ask."""
        named = [self.models, *(rules.models or () for rules in self.groups.values())]
        return sorted({model for models in named for model in models})

    def counts_dollars(self) -> bool:
        """Whether any budget is in dollars, so that every model needs a price."""
        groups = [budget for rules in self.groups.values() for budget in (*(rules.each or ()), *rules.together)]
        return any(budget.usd is not None for budget in (*self.each, *groups))
