"""What an administrator says about the service, in one YAML file."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, PositiveFloat, PositiveInt

from .. import yaml_source

ADMIN_SCOPE = "custom:interp-bench:admin"
"""The Hub's scope of those who see everybody's use and may stop what others run."""


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Quota(_Section):
    """What may be used within a window of time that ends now."""

    hours: PositiveFloat = 24.0
    calls: PositiveInt | None = None
    samples: PositiveInt | None = None
    """Texts that organisms read or wrote."""
    busy_minutes: PositiveFloat | None = None
    """Of the model's work: GPU time where it has a GPU."""


class Group(_Section):
    """What is different for members of a group of the Hub."""

    weight: PositiveFloat = 1.0
    """A member's share of an organism, against those of others who use it at the same time."""
    each: tuple[Quota, ...] | None = None
    """In place of the general quotas; an empty list: none."""
    together: tuple[Quota, ...] = ()
    """What all members have in common."""
    organisms: tuple[str, ...] | None = None
    """Those that members are offered; None: all."""


class Settings(_Section):
    """The whole file."""

    organisms: Annotated[tuple[str, ...], Field(min_length=1)]
    """Names of installed configs, or paths of config files."""
    state: str = "interp_bench_hub.sqlite"
    """The file that keeps tickets and usage over restarts."""
    each: tuple[Quota, ...] = ()
    """What one person may use."""
    groups: dict[str, Group] = {}
    """By the Hub's names of groups; the first here that a person is in counts."""
    calls_at_once: PositiveInt = 4
    """How many calls an organism is given at once, for all people together."""
    waiting_per_user: PositiveInt = 16
    tickets_per_user: PositiveInt = 64
    ticket_hours: PositiveFloat = 24.0
    """After which a ticket opens nothing, whatever became of its run."""
    silent_minutes: PositiveFloat = 15.0
    """After which a ticket ends whose server has not been heard of."""
    call_minutes: PositiveFloat = 30.0
    """What one call may take, its time in the queue included."""
    loaded_at_most: PositiveInt = 2
    keep_free_gb: Annotated[float, Field(ge=0)] = 1.0
    """Memory of the machine below which an organism that nobody uses makes room before another is loaded."""
    idle_minutes: PositiveFloat = 30.0
    """How long an organism stays loaded after its last use."""

    def group_of(self, groups: frozenset[str]) -> Group:
        """The rules for one who is in these."""
        return next((rules for name, rules in self.groups.items() if name in groups), Group())

    def quotas(self, user: str, groups: frozenset[str]) -> list[tuple[str, Quota]]:
        """All that hold for a person, each with the scope that it counts."""
        each = self.group_of(groups).each
        own = [(user_scope(user), quota) for quota in (self.each if each is None else each)]
        shared = [
            (group_scope(name), quota)
            for name, rules in self.groups.items()
            if name in groups
            for quota in rules.together
        ]
        return [*own, *shared]


def user_scope(user: str) -> str:
    """Under what a person's use is counted."""
    return f"user:{user}"


def group_scope(group: str) -> str:
    """Under what a group's use is counted."""
    return f"group:{group}"


def load_settings(path: Path) -> Settings:
    """Read the file. Raises ConfigError, one sentence per mistake."""
    return yaml_source.load(path, Settings)
