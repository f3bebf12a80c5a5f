from __future__ import annotations

from dataclasses import replace

from interp_bench_ext.record.figures import BUDGETS, Figures
from interp_bench_ext.report.budgets import budgets_view, tokens_by_kind


def bars(figures: Figures) -> dict[str, tuple[str, float | None, str]]:
    return {bar["name"]: (bar["text"], bar["percent"], bar["tone"]) for bar in budgets_view(figures)}


def test_every_budget_has_a_meter_and_those_without_a_limit_no_bar():
    shown = bars(Figures())
    assert len(shown) == len(BUDGETS)
    assert shown["Steps"] == ("0", None, "")
    assert shown["GPU minutes"] == ("0 min", None, "")


def test_a_bar_warns_from_four_fifths_on_and_is_full_at_most():
    def steps(used: int) -> tuple[str, float | None, str]:
        return bars(Figures(steps=used, limits={"steps": 30}))["Steps"]

    assert steps(23) == ("23 of 30", 76.7, "")
    assert steps(24) == ("24 of 30", 80.0, "warn")
    assert steps(45) == ("45 of 30", 100.0, "warn")


def test_a_limit_of_nought_is_used_up():
    assert bars(Figures(limits={"cost": 0}))["Cost"] == ("$0 of $0", 100.0, "warn")


def test_tokens_are_told_by_kind():
    plain = Figures(input_tokens=12_000, output_tokens=345)
    assert tokens_by_kind(plain) == "tokens: 12,000 in, 345 out"
    cached = replace(plain, cache_read_tokens=9_000, cache_write_tokens=1_500, estimated=True)
    assert tokens_by_kind(cached) == (
        "tokens, estimated: 12,000 in, 345 out; 75 % of the input read from the cache, 1,500 tokens written to it"
    )
