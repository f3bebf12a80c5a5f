"""What a YAML file may hold, looked at while it is read and before anything is made of it.

A short file can stand for a very large one: by aliases of aliases, by nesting, by a number of many thousand digits.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from ruamel.yaml.events import AliasEvent, CollectionEndEvent, CollectionStartEvent, ScalarEvent

MOST_BYTES = 1_000_000
_DEEPEST = 50
_MOST_VALUES = 10_000
"""With each alias counted as all that it stands for."""
_LONGEST_NUMBER = 300
_NUMERIC = frozenset("+-.0123456789")


class TooMuch(Exception):
    """What is too much, and in which line."""

    def __init__(self, what: str, event: Any) -> None:
        super().__init__(what)
        self.line = event.start_mark.line + 1


@dataclass
class _Open:
    """A mapping or a list that has not ended yet, and what stands in it so far."""

    anchor: str | None
    values: int = 1


@dataclass
class _Count:
    ahead: list[_Open] = field(default_factory=lambda: [_Open(None)])
    anchors: dict[str, int] = field(default_factory=dict)
    """How many values each stands for."""

    def take(self, event: Any) -> None:
        if isinstance(event, CollectionEndEvent):
            ended = self.ahead.pop()
            self._add(ended.values, ended.anchor, event)
        elif isinstance(event, CollectionStartEvent):
            if len(self.ahead) > _DEEPEST:
                raise TooMuch(f"it is nested more than {_DEEPEST} deep", event)
            self.ahead.append(_Open(event.anchor))
        elif isinstance(event, AliasEvent):
            if any(one.anchor == event.anchor for one in self.ahead):
                raise TooMuch("an alias in it stands for itself", event)
            # One that stands for nothing is YAML's to refuse.
            self._add(self.anchors.get(event.anchor, 1), None, event)
        elif isinstance(event, ScalarEvent):
            number = event.style in (None, "") and event.value[:1] in _NUMERIC
            if number and len(event.value) > _LONGEST_NUMBER:
                raise TooMuch(f"a number in it has more than {_LONGEST_NUMBER} digits", event)
            self._add(1, event.anchor, event)

    def _add(self, values: int, anchor: str | None, event: Any) -> None:
        self.ahead[-1].values += values
        if anchor is not None:
            self.anchors[anchor] = values
        if sum(one.values for one in self.ahead) > _MOST_VALUES:
            raise TooMuch(f"it stands for more than {_MOST_VALUES:,} values", event)


def check_limits(events: Iterable[Any]) -> None:
    """Raises TooMuch as soon as the events of a YAML file go beyond what a file may hold."""
    count = _Count()
    for event in events:
        count.take(event)
