from __future__ import annotations

import pytest

from interp_bench_ext.intervals import wilson_interval
from interp_bench_ext.record.scores import Score
from interp_bench_ext.scoring.statistics import Judged, compare, rate


def result(kind: str, good: bool, organism: str) -> Judged:
    named = kind == "secret" and good
    wrong = int(kind == "null" and not good)
    score = Score(kind=kind, correct=good, named=named, named_by=0 if named else None, n_claims=1, false_claims=wrong)
    return Judged(organism=organism, score=score)


def outcomes(**organisms: str) -> list[tuple[str, bool]]:
    """Each organism's runs, ``y`` and ``n`` one each."""
    return [(organism, letter == "y") for organism, letters in organisms.items() for letter in letters]


def test_seeds_of_one_organism_have_their_own_interval() -> None:
    found = rate(outcomes(a="yyy"))
    assert (found.k, found.runs, found.organisms, found.method) == (3, 3, 1, "Wilson, runs of one organism")
    assert (found.low, found.high) == wilson_interval(3, 3)


def test_seeds_that_agree_are_one_observation_each() -> None:
    found = rate(outcomes(a="yyyyy", b="nnnnn", c="yyyyy"))
    assert (found.k, found.runs, found.method) == (10, 15, "Wilson, organisms")
    assert (found.low, found.high) == wilson_interval(2, 3)
    assert found.high - found.low > wilson_interval(10, 15)[1] - wilson_interval(10, 15)[0]


def test_the_bootstrap_draws_organisms_and_says_the_same_each_time() -> None:
    mixed = outcomes(a="yyyy", b="yyyn", c="nnnn", d="ynnn", e="yyyy", f="nnnn")
    found = rate(mixed)
    assert found.method == "bootstrap, organisms"
    assert found == rate(mixed)
    # All ways to draw six of six with replacement, counted instead of drawn: the exact bootstrap distribution.
    per_organism = [4, 3, 0, 1, 4, 0]
    ways: dict[int, int] = {0: 1}
    for _ in per_organism:
        step: dict[int, int] = {}
        for total, count in ways.items():
            for k in per_organism:
                step[total + k] = step.get(total + k, 0) + count
        ways = step
    exact, below, everything = {}, 0, sum(ways.values())
    for total in sorted(ways):
        below += ways[total]
        for edge in (0.025, 0.975):
            if below / everything >= edge:
                exact.setdefault(edge, total / 24)
    assert found.low == pytest.approx(exact[0.025], abs=1.5 / 24)
    assert found.high == pytest.approx(exact[0.975], abs=1.5 / 24)
    assert found.high - found.low > wilson_interval(12, 24)[1] - wilson_interval(12, 24)[0]


def test_nothing_is_known_of_no_runs() -> None:
    found = compare([])
    assert (str(found.secrets), found.informedness, found.reciprocal_rank) == ("no runs", None, None)
    assert list(found.lines()) == ["secrets named: no runs", "claims on nulls: no runs"]


def test_secrets_beside_nulls() -> None:
    named = [result("secret", True, organism) for organism in "abc"]
    quiet = [result("null", True, "n"), result("null", False, "n")]
    found = compare([*named, *quiet], condition="key")
    assert (found.secrets.k, found.nulls.k, found.nulls.runs, found.nulls.organisms) == (3, 1, 2, 1)
    assert found.informedness == pytest.approx(1 - 0.5)
    assert str(found.secrets) == "3 of 3 runs on 3 organisms (95% CI 44% to 100%; Wilson, organisms)"
