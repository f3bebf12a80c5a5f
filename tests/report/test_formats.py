from __future__ import annotations

import pytest

from interp_bench_ext.report import formats


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(0.04, "0.0 s"), (9.94, "9.9 s"), (12.4, "12 s"), (185, "3 min 05 s"), (7620, "2 h 07 min"), (-1, "0.0 s")],
)
def test_duration(seconds: float, words: str):
    assert formats.duration(seconds) == words


@pytest.mark.parametrize(
    ("value", "words"), [(6, "6"), (1.71, "1.71"), (0.5, "0.5"), (12400, "12\u202f400"), (2.0, "2")]
)
def test_number(value: float, words: str):
    assert formats.number(value) == words


def test_cost_and_effect():
    assert [formats.cost(c) for c in (None, 0.0, 0.0123, 1.5)] == ["not known", "$0.00", "$0.0123", "$1.50"]
    effects = [formats.effect(e) for e in (None, 0.72, -0.3, 0.01)]
    assert effects == ["", "+72 points", "\u221230 points", "+1 point"]
    assert formats.count(1, "cell") + formats.count(0, "cell") == "1 cell0 cells"
    assert formats.moment(0) == "1970-01-01 00:00 UTC"
