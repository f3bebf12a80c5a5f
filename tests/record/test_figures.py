from dataclasses import fields

import pytest

from interp_bench_ext.config import AgentSection
from interp_bench_ext.record.events import OrganismUsed, RunEnded, RunStarted, Scored, StepStarted
from interp_bench_ext.record.figures import BUDGETS, Figures, amount, limits_of
from interp_bench_ext.record.scores import Score

from .vectors import VECTORS, Vector

START = RunStarted(public={"agent": {"max_minutes": 1}}, agent="a", seed=0, notebook="/n.ipynb")


def figures_of(vector: Vector) -> Figures:
    figures = Figures()
    for entry in vector.entries:
        figures.apply(entry.event, entry.at)
    return figures


@pytest.mark.parametrize("vector", VECTORS)
def test_figures_are_those_worked_out_by_hand(vector: Vector) -> None:
    figures, right = figures_of(vector), vector.figures
    assert (figures.steps, figures.tokens, figures.failed_attempts, figures.resumes) == tuple(
        right[name] for name in ("steps", "tokens", "failed_attempts", "resumes")
    )
    assert figures.cost == (None if right["cost_usd"] is None else pytest.approx(right["cost_usd"]))
    assert figures.minutes() == pytest.approx(right["minutes"])
    assert figures.gpu_s / 60 == pytest.approx(right["gpu_minutes"])
    assert {meter.budget.name: meter.text for meter in figures.meters()} == right["meters"]


def test_the_clock_goes_on_until_now_while_the_run_is_driven_and_no_longer() -> None:
    figures = Figures()
    figures.apply(START, 100)
    figures.apply(StepStarted(step=1), 130)
    assert figures.minutes() == 0.5
    assert figures.minutes(160) == 1
    assert figures.minutes(90) == 0.5, "clocks of two machines may differ"
    [minutes] = [meter for meter in figures.meters(190) if meter.limit is not None]
    assert (minutes.share, minutes.text) == (1.5, "1.5 min of 1 min")
    figures.apply(RunEnded(status="finished", message=""), 160)
    figures.apply(Scored(score=Score(kind="null", correct=True, named=False, n_claims=0, false_claims=0)), 9000)
    assert figures.minutes(9999) == 1


def test_time_passes_with_events_that_are_not_read() -> None:
    figures = Figures()
    figures.apply(START, 0)
    figures.apply(None, 60)
    assert figures.minutes() == 1


def test_a_device_that_was_never_named_is_no_gpu() -> None:
    figures = Figures()
    figures.apply(OrganismUsed(busy_s=60), 0)
    assert (figures.organism_s, figures.gpu_s) == (60, 0)


def test_each_limit_of_the_config_is_a_budget() -> None:
    limits = {name for name in AgentSection.model_fields if name.startswith("max_")}
    assert {budget.field for budget in BUDGETS} == limits
    everything = limits_of(dict.fromkeys(limits, 7))
    assert everything == {budget.name: 7.0 for budget in BUDGETS}
    assert limits_of({"max_steps": None}) == {}


def test_nothing_of_another_run_is_left_in_a_fork() -> None:
    [fork] = [param.values[0] for param in VECTORS if param.id == "fork"]
    past = Figures()
    ends = next(index for index, entry in enumerate(fork.entries) if entry.event.type == "run_forked")
    for entry in fork.entries[: ends + 1]:
        past.apply(entry.event, entry.at)
    own = Figures(limits=past.limits, clock=past.clock)
    assert {f.name: getattr(past, f.name) for f in fields(past)} == {f.name: getattr(own, f.name) for f in fields(own)}


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [
        (5000, "", "5,000"),
        (0.07, "USD", "$0.07"),
        (1.5, "USD", "$1.50"),
        (2, "USD", "$2"),
        (0.0004, "USD", "$0.0004"),
        (0.1 + 0.2, "USD", "$0.30"),
        (0.35, "min", "0.35 min"),
        (60, "min", "60 min"),
        (1 / 30, "min", "0.03 min"),
    ],
)
def test_amounts_have_the_digits_that_mean_something(value: float, unit, text: str) -> None:
    assert amount(value, unit) == text
