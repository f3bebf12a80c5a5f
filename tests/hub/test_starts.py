from __future__ import annotations

from contextlib import ExitStack

from interp_bench_ext.hub.starts import Start, Starts


class Asking:
    """Starts of several people, each of which is there until it is given back."""

    def __init__(self, *, each: int = 1) -> None:
        self.starts = Starts(each=each)
        self._open: dict[Start, ExitStack] = {}

    def ask(self, user: str, organism: str, *, begun: bool = False) -> Start:
        stack = ExitStack()
        start = stack.enter_context(self.starts.asked(user, organism))
        start.begun = begun
        self._open[start] = stack
        return start

    def give_back(self, start: Start) -> None:
        self._open.pop(start).close()

    def next(self) -> list[Start]:
        return [start for start in self._open if not start.begun and self.starts.is_next(start)]


def test_whoever_is_alone_may_have_all_that_fit() -> None:
    asking = Asking()
    asking.ask("alice", "quartz", begun=True)
    second = asking.ask("alice", "topaz")
    assert asking.next() == [second]
    assert not asking.starts.at_limit(second)
    second.begun = True
    assert not asking.starts.too_many("alice", "topaz")


def test_next_is_whoever_has_fewest_and_then_whoever_asked_first() -> None:
    asking = Asking(each=3)
    asking.ask("alice", "quartz", begun=True)
    many = [asking.ask("alice", name) for name in ("topaz", "beryl")]
    bobs, carols = asking.ask("bob", "jade"), asking.ask("carol", "onyx")
    order = []
    while waiting := asking.next():
        assert len(waiting) == 1
        order += waiting
        waiting[0].begun = True
    assert order == [bobs, carols, *many]


def test_beside_others_a_person_waits_for_one_of_their_own() -> None:
    asking = Asking()
    first = asking.ask("alice", "quartz", begun=True)
    second = asking.ask("alice", "topaz")
    bobs = asking.ask("bob", "beryl", begun=True)
    assert asking.starts.at_limit(second)
    assert asking.next() == []  # the room that is left is for somebody who has none
    carols = asking.ask("carol", "onyx")
    assert asking.next() == [carols]
    asking.give_back(carols)
    asking.give_back(first)
    assert asking.next() == [second]
    asking.give_back(bobs)


def test_one_that_others_use_too_does_not_count() -> None:
    asking = Asking()
    asking.ask("alice", "quartz", begun=True)
    asking.ask("bob", "quartz", begun=True)
    second = asking.ask("alice", "topaz")
    assert asking.next() == [second]


def test_what_is_too_many_is_given_back_when_somebody_waits() -> None:
    asking = Asking()
    for organism in ("quartz", "topaz"):
        asking.ask("alice", organism, begun=True)
    assert not asking.starts.too_many("alice", "topaz")
    bobs = asking.ask("bob", "beryl")
    assert [asking.starts.too_many("alice", organism) for organism in ("quartz", "topaz")] == [False, True]
    bobs.begun = True
    assert not asking.starts.too_many("alice", "topaz")
    asking.ask("bob", "jade")  # bob has one, as alice may have
    assert not asking.starts.too_many("alice", "topaz")
