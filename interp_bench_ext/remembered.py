"""What was made of each item of a long list, so that a change of a few items costs no more than those."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import compress, count
from operator import is_not
from typing import Generic, TypeVar

Item = TypeVar("Item")
Made = TypeVar("Made")


class Remembered(Generic[Item, Made]):
    """Makes something of each item of a list once, for as long as the item is in it.

    An item is known by its identity: it is replaced, and never changed in place. A run of hundreds of steps has
    thousands of items, of which a step adds a few, mostly at the end.
    """

    def __init__(self, make: Callable[[Item], Made]) -> None:
        self._make = make
        self._items: list[Item] = []
        """They are kept, so that no other one gets the ``id()`` of one of them."""
        self._made: list[Made] = []

    def of(self, items: Sequence[Item]) -> list[Made]:
        """What was made of each of ``items``, in their order."""
        shorter = min(len(self._items), len(items))
        same = next(compress(count(), map(is_not, self._items, items)), shorter)
        former = {id(item): made for item, made in zip(self._items[same:], self._made[same:], strict=True)}
        made = self._made[:same]
        for item in items[same:]:
            made.append(former[id(item)] if id(item) in former else self._make(item))
        self._items, self._made = list(items), made
        return made.copy()
