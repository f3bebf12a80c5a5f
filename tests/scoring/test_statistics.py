from __future__ import annotations

from interp_bench_ext.scoring.grader import Score
from interp_bench_ext.scoring.statistics import compare, proportion


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
