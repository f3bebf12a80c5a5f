from __future__ import annotations

import pytest

from interp_bench_ext.host.step_cost import StepCost


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


def test_one_row_is_another_kernel_and_its_cost_is_no_part_of_the_line() -> None:
    cost = StepCost()
    for rows, seconds in ((1, 0.06), (2, 0.11), (6, 0.12), (64, 0.3), (1, 0.06)):
        cost.saw(rows, seconds)
    assert cost.seconds(1) == pytest.approx(0.06)
    assert cost.seconds(3) == pytest.approx(0.113, rel=0.05)


def test_reading_is_reckoned_by_the_token_and_what_was_held_up_counts_for_little() -> None:
    cost = StepCost()
    assert cost.reading_s(100) == 0
    for tokens, seconds in ((10, 0.02), (40, 0.08), (10, 2.0)):
        cost.saw_reading(tokens, seconds)
    assert cost.reading_s(100) == pytest.approx(0.2, rel=0.01)
