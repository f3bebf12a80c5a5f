from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from interp_bench_ext.kernel.evidence import wilson_interval
from interp_bench_ext.scoring.grader import Score
from interp_bench_ext.scoring.statistics import compare, proportion


@pytest.mark.parametrize(
    ("k", "n", "low", "high"),
    [
        (0, 10, 0.0, 0.2775),
        (10, 10, 0.7225, 1.0),
        (5, 10, 0.2366, 0.7634),
        (81, 263, 0.2553, 0.3662),
        (0, 0, 0, 1),
    ],
)
def test_published_intervals(k: int, n: int, low: float, high: float):
    assert wilson_interval(k, n) == (pytest.approx(low, abs=5e-5), pytest.approx(high, abs=5e-5))


@given(st.integers(1, 500).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_an_interval_holds_its_share_and_is_symmetric(pair: tuple[int, int]):
    k, n = pair
    low, high = wilson_interval(k, n)
    assert 0 <= low <= k / n <= high <= 1
    mirrored = wilson_interval(n - k, n)
    assert (1 - high, 1 - low) == (pytest.approx(mirrored[0]), pytest.approx(mirrored[1]))


def test_more_than_all_is_refused():
    with pytest.raises(ValueError, match="between 0 and n"):
        wilson_interval(4, 3)


def result(kind: str, good: bool) -> Score:
    named = kind == "secret" and good
    return Score(kind=kind, correct=good, named=named, n_claims=1, false_claims=2 if kind == "null" and not good else 0)


def test_the_comparison_line():
    scores = [result("secret", True)] * 3 + [result("null", True)] * 6
    line = compare(scores).line
    assert line == "3/3 on secrets (95% CI 44% to 100%), 0/6 claims on nulls (95% CI 0% to 39%)"
    assert compare([result("null", False), result("secret", False)]).nulls.k == 1
    assert compare([]).line == "0/0 on secrets, 0/0 claims on nulls"
    assert str(proportion(1, 2)) == "1/2 (95% CI 9% to 91%)"
