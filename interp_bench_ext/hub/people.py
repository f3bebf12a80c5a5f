"""People, what their use is counted under, and which of an administrator's limits hold for them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from pydantic import BaseModel, ConfigDict

Limit = TypeVar("Limit")
_USER, _GROUP = "user:", "group:"


class Section(BaseModel):
    """A part of a settings file."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class GroupLimits(Section, Generic[Limit]):
    """What holds for members of a group of the Hub."""

    each: tuple[Limit, ...] | None = None
    """In place of the general limits; an empty list: none."""
    together: tuple[Limit, ...] = ()
    """What all members have in common."""


Rules = TypeVar("Rules", bound=Section)


@dataclass(frozen=True, kw_only=True)
class Person:
    """Somebody whom the Hub knows."""

    name: str
    groups: frozenset[str] = frozenset()
    admin: bool = False

    @property
    def scopes(self) -> list[str]:
        """Under what their use is counted."""
        return [user_scope(self.name), *map(group_scope, sorted(self.groups))]

    def rules(self, groups: Mapping[str, Rules], otherwise: Rules) -> Rules:
        """Those of the first of ``groups`` that they are in."""
        return next((rules for name, rules in groups.items() if name in self.groups), otherwise)

    def limits(self, each: Sequence[Limit], groups: Mapping[str, GroupLimits[Limit]]) -> list[tuple[str, Limit]]:
        """All that hold for them, each with the scope that it counts.

        Args:
            each: What one person may have, where no group says otherwise.
            groups: By the Hub's names; the first here that they are in says what they may have by themselves.
        """
        own = self.rules(groups, GroupLimits()).each
        alone = [(user_scope(self.name), limit) for limit in (each if own is None else own)]
        shared = [
            (group_scope(name), limit)
            for name, rules in groups.items()
            if name in self.groups
            for limit in rules.together
        ]
        return [*alone, *shared]


def user_scope(user: str) -> str:
    """Under what a person's use is counted."""
    return f"{_USER}{user}"


def group_scope(group: str) -> str:
    """Under what a group's use is counted."""
    return f"{_GROUP}{group}"


def who_has(scope: str) -> str:
    """The beginning of a sentence to a person about what ``scope`` counts."""
    return "you have" if scope.startswith(_USER) else f"{scope.removeprefix(_GROUP)} have"
