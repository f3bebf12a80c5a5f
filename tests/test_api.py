from __future__ import annotations

import pytest
from pydantic import ValidationError

from interp_bench_ext.api import RunFigures, StartRun
from interp_bench_ext.record.clock import Clock
from interp_bench_ext.record.figures import BUDGETS, Figures


def test_figures_are_those_of_the_record_in_numbers_and_words():
    figures = Figures(Clock(active_s=90.0), 3, input_tokens=40, output_tokens=2, cost_usd=0.07, limits={"cost": 2})
    told = RunFigures.of(figures)
    assert (told.steps, told.tokens, told.minutes, told.cost_usd) == (3, 42, 1.5, 0.07)
    assert [meter.budget for meter in told.meters] == [budget.name for budget in BUDGETS]
    meters = {meter.budget: meter for meter in told.meters}
    cost, minutes = meters["cost"], meters["minutes"]
    assert (cost.field, cost.unit, cost.used_text, cost.limit_text) == ("max_cost_usd", "USD", "$0.07", "$2")
    assert cost.share == pytest.approx(0.035)
    assert (minutes.used_text, minutes.limit, minutes.limit_text, minutes.share) == ("1.5 min", None, "", None)


def test_a_price_that_is_not_known_is_no_number():
    told = RunFigures.of(Figures(cost_usd=0.07, cost_known=False))
    [cost] = [meter for meter in told.meters if meter.budget == "cost"]
    assert (told.cost_usd, cost.used, cost.used_text) == (None, None, "not known")


@pytest.mark.parametrize(
    "wrong",
    [{"config": 7}, {"config": "x", "max_steps": 0}, {"config": "x", "seed": 2**31}, {"config": "x", "stepz": 3}, {}],
)
def test_a_body_is_what_it_must_be(wrong: dict[str, object]):
    with pytest.raises(ValidationError):
        StartRun.model_validate({"request_id": "1", **wrong})
