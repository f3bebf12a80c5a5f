from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from interp_bench_ext.api import OrganismState, RunFigures, RunSummary
from interp_bench_ext.kernel.run_tables import held_state, runs_table
from interp_bench_ext.record.figures import Figures, limits_of


def run(run_id: str, *, cost_usd: float | None = 0.5, **changes: Any) -> RunSummary:
    figures = Figures(limits=limits_of({"max_steps": 10, "max_cost_usd": 2}), steps=3)
    figures.cost_usd, figures.cost_known = cost_usd or 0.0, cost_usd is not None
    known = dict(
        id=run_id, experiment="amber", config="amber", notebook=None, status="finished", waiting=None, here=True,
        agent="playbook", seed=0, veil="process", created=0.0, figures=RunFigures.of(figures),
        findings=1, message="", verdict="named the secret",
    )  # fmt: skip
    return RunSummary.model_construct(**{**known, **changes})


def organism(**changes: Any) -> OrganismState:
    known = dict(id="o1", config="amber", state="ready", stage="", done=0, total=0, device="cpu", runs=[])
    return OrganismState.model_construct(**{**known, **changes})


class Server:
    """Says what each run's agent has noted: nothing."""

    def hypotheses(self, _run: str) -> Sequence[Any]:
        return []


@pytest.mark.parametrize(
    ("state", "in_use", "says"),
    [
        (None, False, ""),
        (organism(), False, "ready on cpu"),
        (organism(), True, "ready on cpu, in use here"),
        (organism(state="loading", done=1, total=4), False, "loading 25 %"),
        (organism(state="loading"), False, "loading"),
        (organism(state="lost", stage="out of memory"), False, "out of memory"),
    ],
)
def test_how_an_organism_is(state: OrganismState | None, in_use: bool, says: str):
    assert held_state(state, in_use=in_use) == says


def test_runs_under_way_come_first_and_all_are_counted():
    runs = [run(f"r{n}") for n in range(9)] + [run("now", status="running", waiting="approval", cost_usd=None)]
    listing = runs_table(Server(), runs, "")  # type: ignore[arg-type]
    assert listing.note == "10 runs, 1 under way."
    assert len(listing.rows) == 8
    assert listing.rows[0][:5] == ["now", "amber", "waits for approval", "3 of 10", "not known of $2"]
    assert listing.rows[1] == ["r0", "amber", "finished", "3 of 10", "$0.50 of $2", "1 finding; named the secret"]
