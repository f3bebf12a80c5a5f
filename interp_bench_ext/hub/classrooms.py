"""Which classes there are: those of the settings' file, and those that instructors have published themselves."""

from __future__ import annotations

from collections.abc import Collection

from ..errors import BadInput, NotFound, NotNow
from .bodies import Publish
from .people import Person
from .settings import ClassRules, Publishing, Settings
from .store import PublishedRow, Store


class Classrooms:
    """By names, each of which belongs for ever to whoever has published a class under it: it keeps what was handed in.

    What a published class may be is bounded by the settings: its students are bound by its budget, and are offered its
    organisms.
    """

    def __init__(self, settings: Settings, store: Store) -> None:
        self._settings, self._store = settings, store
        self._published = {row.name: row for row in store.published()}
        self._rules = {name: ClassRules.model_validate_json(row.rules) for name, row in self._published.items()}

    def all(self) -> dict[str, ClassRules]:
        """Those that are open and that the settings still allow; the file's come first."""
        found: dict[str, ClassRules] = {**self._settings.classes}
        allowed = self._settings.publishing
        for name, rules in self._rules.items():
            if self._published[name].open and allowed is not None and _is_allowed(rules, allowed):
                found.setdefault(name, rules)
        return found

    def of(self, person: Person, handle: str) -> tuple[str, ClassRules] | None:
        """The first class, with its name, in which a person investigates an organism."""
        for name, rules in self.all().items():
            if handle in rules.organisms and rules.taught(person):
                return name, rules
        return None

    def taught_by(self, person: Person) -> list[str]:
        """The classes that somebody may see all scores of."""
        return [
            name
            for name, rules in self.all().items()
            if person.admin or self.has_published(person, name) or not person.groups.isdisjoint(rules.instructors)
        ]

    def has_published(self, person: Person, name: str) -> bool:
        """Whether a class is theirs to change: they have published it, and still may."""
        return (
            name not in self._settings.classes
            and self._owner(name) == person.name
            and self.publishing(person) is not None
        )

    def publishing(self, person: Person) -> Publishing | None:
        """What they may publish; None: nothing."""
        rules = self._settings.publishing
        return rules if rules is not None and not person.groups.isdisjoint(rules.instructors) else None

    def publish(self, person: Person, asked: Publish, *, scorable: Collection[str]) -> None:
        """Open a class, or change one of theirs; ``scorable``: what they are offered that can be scored here.

        Raises:
            NotFound: They may not publish classes.
            BadInput: The class would be for others, or have other organisms, than the settings allow.
            NotNow: The name is another's.
        """
        allowed = self.publishing(person)
        if allowed is None:
            raise NotFound("you may not publish classes on this Hub; its administrator says who may")
        if asked.students not in allowed.students:
            raise BadInput(f"students: a class may be for {_either(allowed.students)}, not for {asked.students!r}")
        organisms = publishable(allowed, scorable)
        for handle in asked.organisms:
            if handle not in organisms:
                raise BadInput(f"organisms: a class of yours may have {_either(organisms)}, not {handle!r}")
        if asked.name in self._settings.classes or self._owner(asked.name) not in (None, person.name):
            raise NotNow(f"there is a class {asked.name} already; take another name")
        rules = ClassRules.model_validate(asked.model_dump(exclude={"name"}))
        self._keep(PublishedRow(asked.name, person.name, rules.model_dump_json(), True), rules)

    def withdraw(self, person: Person, name: str) -> None:
        """Close a class: its students hand in no more, and its budget binds nobody. Raises NotFound."""
        if name not in self._published or not (person.admin or self.has_published(person, name)):
            raise NotFound("you have published no such class")
        self._keep(self._published[name]._replace(open=False), self._rules[name])

    def _owner(self, name: str) -> str | None:
        row = self._published.get(name)
        return None if row is None else row.owner

    def _keep(self, row: PublishedRow, rules: ClassRules) -> None:
        self._store.publish(row)
        self._published[row.name], self._rules[row.name] = row, rules


def publishable(allowed: Publishing, scorable: Collection[str]) -> list[str]:
    """The organisms that a class may have, out of those that its instructor is offered and that can be scored."""
    return [handle for handle in scorable if allowed.organisms is None or handle in allowed.organisms]


def _is_allowed(rules: ClassRules, allowed: Publishing) -> bool:
    organisms = rules.organisms if allowed.organisms is None else allowed.organisms
    return rules.students in allowed.students and set(rules.organisms) <= set(organisms)


def _either(names: Collection[str]) -> str:
    return " or ".join(names) or "nothing"
