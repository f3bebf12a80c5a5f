"""What an administrator says about the service, in one YAML file."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from pydantic import AwareDatetime, Field, PositiveFloat, PositiveInt

from .. import yaml_source
from .people import GroupLimits, Person, Section

ADMIN_SCOPE = "custom:interp-bench:admin"
"""The Hub's scope of those who see everybody's use and may stop what others run."""


ClassName = Annotated[str, Field(pattern=r"^[\w.-]{1,80}$")]


class Quota(Section):
    """What may be used within a window of time that ends now."""

    hours: PositiveFloat = 24.0
    calls: PositiveInt | None = None
    samples: PositiveInt | None = None
    """Texts that organisms read or wrote."""
    tokens: PositiveInt | None = None
    """That models read and wrote."""
    busy_minutes: PositiveFloat | None = None
    """Of the model's work: GPU time where it has a GPU."""


class Group(GroupLimits[Quota]):
    """What is different for members of a group of the Hub."""

    weight: PositiveFloat = 1.0
    """A member's share of an organism, against those of others who use it at the same time."""
    organisms: tuple[str, ...] | None = None
    """Those that members are offered; None: all."""


class Budget(Section):
    """What a student may use of one organism of a class, by hand and with an agent together."""

    calls: PositiveInt | None = None
    samples: PositiveInt | None = None
    tokens: PositiveInt | None = None
    busy_minutes: PositiveFloat | None = None


class ClassRules(Section):
    """A set of organisms that an instructor has published, whose findings are scored here."""

    students: str | None = None
    """The Hub's group of those who hand in; None: everybody."""
    instructors: tuple[str, ...] = ()
    """The Hub's groups of those who see all scores; whoever has published it does, too."""
    organisms: Annotated[tuple[str, ...], Field(min_length=1)]
    budget: Budget = Budget()
    until: AwareDatetime | None = None
    """When nothing is taken any more."""
    shows_scores: bool = True
    """Whether students see their own score once they have handed in."""

    def taught(self, person: Person) -> bool:
        """Whether somebody is a student of it."""
        return self.students is None or self.students in person.groups


class OwnedClass(ClassRules):
    """One of the settings' file, where nobody has published it."""

    instructors: Annotated[tuple[str, ...], Field(min_length=1)]


class Publishing(Section):
    """Who may publish classes without the administrator, and what those may be."""

    instructors: Annotated[tuple[str, ...], Field(min_length=1)]
    """The Hub's groups of those who may."""
    students: Annotated[tuple[str, ...], Field(min_length=1)]
    """The Hub's groups that such a class may be for: its budget binds them."""
    organisms: tuple[str, ...] | None = None
    """Those that such a class may have; None: all that its instructor is offered."""


class Settings(Section):
    """The whole file."""

    organisms: Annotated[tuple[str, ...], Field(min_length=1)]
    """Names of installed configs, or paths of config files."""
    state: str = "interp_bench_hub.sqlite"
    """The file that keeps tickets and usage over restarts."""
    gateway: str | None = None
    """Address of the key gateway, whose spending the administrator's page shows."""
    each: tuple[Quota, ...] = ()
    """What one person may use."""
    groups: dict[str, Group] = {}
    """By the Hub's names of groups; the first here that a person is in counts."""
    classes: dict[ClassName, OwnedClass] = {}
    """By names of their own."""
    publishing: Publishing | None = None
    """None: all classes are in this file."""
    calls_at_once: PositiveInt = 16
    """How many calls an organism is given at once, for all people together; they share batches."""
    calls_at_once_per_user: PositiveInt = 4
    """How many of them may be one person's, times their weight, while others use the organism too."""
    waiting_per_user: PositiveInt = 16
    tickets_per_user: PositiveInt = 64
    ticket_hours: PositiveFloat = 24.0
    """After which a ticket opens nothing, whatever became of its run."""
    silent_minutes: PositiveFloat = 15.0
    """After which a ticket ends whose server has not been heard of."""
    call_minutes: PositiveFloat = 30.0
    """What one call may take, its time in the queue included."""
    loaded_at_most: PositiveInt = 2
    organisms_per_user: PositiveInt = 1
    """How many one person may have loaded that nobody else uses, while others use organisms or wait for one."""
    keep_free_gb: Annotated[float, Field(ge=0)] = 1.0
    """Memory of the machine below which an organism that nobody uses makes room before another is loaded."""
    idle_minutes: PositiveFloat = 30.0
    """How long an organism stays loaded after its last use."""

    def group_of(self, person: Person) -> Group:
        """The rules for a person."""
        return person.rules(self.groups, Group())

    def quotas(self, person: Person) -> list[tuple[str, Quota]]:
        """All that hold for a person, each with the scope that it counts."""
        return person.limits(self.each, self.groups)


def load_settings(path: Path) -> Settings:
    """Read the file. Raises ConfigError, one sentence per mistake."""
    return yaml_source.load(path, Settings)
