from __future__ import annotations

import pytest

from interp_bench_ext.host.row_shares import RowShares, StepCost
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


def test_the_cost_of_a_step_is_what_was_seen() -> None:
    cost = StepCost()
    for rows in (1, 2, 8, 64):
        cost.saw(rows, 0.02 + 0.005 * rows)
    assert cost.seconds(4) == pytest.approx(0.04, rel=0.01)
    assert cost.seconds(256) == pytest.approx(1.3, rel=0.01)


def test_a_cost_of_which_one_size_was_seen_is_in_proportion() -> None:
    cost = StepCost()
    cost.saw(64, 0.64)
    assert cost.seconds(2) == pytest.approx(0.02)


def test_whoever_is_alone_has_no_limit() -> None:
    assert Shared(0.02, 0.005).limits({BOB: 256}) == {}


def test_where_rows_cost_time_a_flood_lengthens_anothers_steps_by_less_than_half() -> None:
    shared = Shared(0.02, 0.005)
    limits = shared.limits({ALICE: 1, BOB: 256})
    longest = shared.step_s(1 + limits["bob"])
    assert limits["bob"] >= 2
    assert longest <= 1.45 * shared.step_s(2)


def test_where_rows_cost_nothing_there_is_no_limit() -> None:
    assert Shared(0.02, 0.00001).limits({ALICE: 1, BOB: 256})["bob"] >= 256


def test_people_who_want_many_rows_each_have_them_all() -> None:
    limits = Shared(0.02, 0.005).limits({ALICE: 64, BOB: 64})
    assert min(limits.values()) >= 64


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
    assert shared.limits({BOB: 256}) == {}
