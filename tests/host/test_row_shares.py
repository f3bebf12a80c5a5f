from __future__ import annotations

from collections import Counter

import pytest

from interp_bench_ext.host.row_shares import RowShares
from interp_bench_ext.host.shares import Payer

ALICE, BOB, STAFF = Payer("alice"), Payer("bob"), Payer("staff", 2.0)


class Shared:
    """Limits on a device whose steps take ``one + each * rows`` seconds."""

    def __init__(self, one: float, each: float, *, seen: tuple[int, ...] = (1, 2, 4, 64, 256)) -> None:
        self.clock, self.one, self.each = 0.0, one, each
        self.shares = RowShares(now=lambda: self.clock)
        for rows in seen:
            self.shares.cost.saw(rows, self.step_s(rows))

    def step_s(self, rows: int) -> float:
        return self.one + self.each * rows

    def limits(self, wanted: dict[Payer, int]) -> dict[str, int]:
        return dict(self.shares.limits(wanted.items()))


def test_where_nobody_else_can_come_there_is_no_limit() -> None:
    assert Shared(0.02, 0.005).limits({Payer(): 256}) == {}


def test_whoever_is_alone_has_all_rows_with_which_the_next_is_let_in_soon() -> None:
    shared = Shared(0.02, 0.005)
    rows = shared.limits({BOB: 256})["bob"]
    assert 0.24 < shared.step_s(rows) <= 0.25
    assert Shared(0.02, 0.0005).limits({BOB: 256})["bob"] >= 256
    slow = Shared(0.5, 0.1)  # four steps of one row are soon enough on a device that is as slow
    assert slow.step_s(slow.limits({BOB: 256})["bob"]) == pytest.approx(4 * slow.step_s(1), abs=0.1)


def test_a_step_beside_others_is_held_against_the_one_that_a_person_would_have_alone() -> None:
    shared = Shared(0.02, 0.005, seen=(2, 4, 64, 256))
    for _ in range(9):
        shared.shares.cost.saw(1, 0.01)
    assert shared.limits({ALICE: 1, BOB: 256})["bob"] == 1


def entering(shared: Shared, *here: str) -> Counter[str]:
    """Of twenty rows of each who is there, those that enter at the next boundary."""
    asked = shared.shares.entering(here)
    return Counter(user for user in here for _ in range(20) if asked.takes(user, 40))


def test_what_enters_at_once_is_read_soon() -> None:
    shared = Shared(0.02, 0.005)
    shared.limits({BOB: 256})
    shared.shares.entered({BOB: 100}, 0.1)  # a token takes a millisecond
    assert entering(shared, "bob") == {"bob": 6}


def test_a_row_of_each_who_comes_enters_at_once() -> None:
    people = [Payer(f"person{number}") for number in range(16)]
    shared = Shared(0.02, 0.005)
    shared.limits(dict.fromkeys(people, 1))
    shared.shares.entered(dict.fromkeys(people, 100), 1.6)
    asked = shared.shares.entering([payer.user for payer in people])
    assert all(asked.takes(payer.user, 100) for payer in people)  # all of it takes far longer than what is soon


def test_reading_of_a_floods_prompts_comes_to_an_equal_share() -> None:
    shared = Shared(0.02, 0.005)
    shared.limits({ALICE: 1, BOB: 256})
    shared.shares.entered({BOB: 100}, 0.1)
    assert entering(shared, "bob", "alice") == {"alice": 6}
    assert entering(shared, "bob") == {"bob": 6}  # nobody waits for whoever is not there at the moment
    shared.shares.entered({ALICE: 50}, 0.05)
    assert entering(shared, "bob", "alice") == {"bob": 1, "alice": 5}
    shared.shares.entered({ALICE: 100}, 0.1)
    assert entering(shared, "alice", "bob") == {"alice": 1, "bob": 5}


def test_rows_enter_in_the_time_by_which_steps_are_shorter_than_they_may_be() -> None:
    shared = Shared(0.02, 0.00001)
    shared.limits({ALICE: 1, BOB: 256})
    shared.shares.entered({BOB: 300}, 0.3)
    assert not shared.shares.entering(["alice", "bob"]).takes("bob", 50)
    for _ in range(60):
        shared.shares.stepped(shared.step_s(2))
    assert shared.shares.entering(["alice", "bob"]).takes("bob", 50)


def test_where_rows_cost_time_a_flood_lengthens_anothers_steps_by_less_than_half() -> None:
    shared = Shared(0.02, 0.005)
    limits = shared.limits({ALICE: 1, BOB: 256})
    longest = shared.step_s(1 + limits["bob"])
    assert limits["bob"] >= 2
    assert longest <= 1.45 * shared.step_s(2)


def test_where_rows_cost_nothing_there_is_no_limit() -> None:
    assert Shared(0.02, 0.00001).limits({ALICE: 1, BOB: 256})["bob"] >= 256


def test_people_who_want_many_rows_each_have_them_all() -> None:
    limits = Shared(0.02, 0.0015).limits({ALICE: 64, BOB: 64})
    assert min(limits.values()) >= 64


def test_people_who_want_many_rows_each_have_as_many_as_a_third_is_let_in_soon_with() -> None:
    shared = Shared(0.02, 0.005)
    limits = shared.limits({ALICE: 64, BOB: 64})
    assert limits["alice"] == limits["bob"]
    assert 0.2 < shared.step_s(sum(limits.values())) <= 0.25


def test_limits_are_by_weight() -> None:
    limits = Shared(0.02, 0.005).limits({Payer("carol"): 1, BOB: 256, STAFF: 256})
    assert limits["staff"] == pytest.approx(2 * limits["bob"], abs=1)


def test_a_limit_does_not_waver_while_the_same_people_are_there_but_may_grow() -> None:
    shared = Shared(0.02, 0.005)
    before = shared.limits({ALICE: 1, BOB: 256})["bob"]
    for _ in range(500):
        shared.shares.cost.saw(4, 1.0)
        shared.shares.cost.saw(1, 0.25)
    shared.clock += 2
    assert shared.limits({ALICE: 1, BOB: 256})["bob"] == before
    for _ in range(500):
        shared.shares.cost.saw(1, 0.02)
        shared.shares.cost.saw(256, 0.0201)
    shared.clock += 2
    assert shared.limits({ALICE: 1, BOB: 256})["bob"] > 100


def test_the_limit_ends_a_while_after_the_other_has_gone() -> None:
    shared = Shared(0.02, 0.005)
    assert shared.limits({ALICE: 1, BOB: 256})
    shared.clock += 4
    assert shared.limits({BOB: 256})  # another call of alice's is likely
    shared.clock += 4
    assert shared.limits({BOB: 256})["bob"] > 10
