from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from rich.console import Console

from interp_bench_ext.bench.drive import Result
from interp_bench_ext.bench.plan import Cell
from interp_bench_ext.bench.table import tables
from interp_bench_ext.cli.sweep import _rendered
from interp_bench_ext.config import load_config
from interp_bench_ext.outcome import Outcome
from interp_bench_ext.record.clock import Clock
from interp_bench_ext.record.figures import Figures
from interp_bench_ext.record.journal import Journal, RunRecord
from interp_bench_ext.record.provenance import Provenance
from interp_bench_ext.record.scores import Score, contaminated

NAMED = Score(kind="secret", correct=True, named=True, named_by=0, n_claims=1, false_claims=0)
MISSED = Score(kind="secret", correct=False, named=False, n_claims=1, false_claims=1)
CLAIMED = Score(kind="null", correct=False, named=False, n_claims=2, false_claims=2)


@pytest.fixture
def journal(tmp_path: Path):
    journal = Journal(tmp_path / "journal.sqlite")
    yield journal
    journal.close()


def result(
    folder: Path, config: str, score: Score | None, *, condition: str = "k", status: str = "finished", steps: int = 4
) -> Result:
    file = folder / f"{config}.yaml"
    agent = "{provider: anthropic, model: claude-x}"
    file.write_text(f"experiment_name: {config}\nmodel: {{name: a/b}}\ntask: t\nagent: {agent}\n", encoding="utf-8")
    cell = Cell(experiment=load_config(file), condition=condition, organism=config)
    if score is None:
        return Result(cell=cell, problem="it could not be loaded")
    made_of = Provenance(package="1", config="c", organism=config, techniques="t", instructions="i", condition="k")
    record = RunRecord(id="r", experiment=config, config=file, notebook=file, created=0.0, status=status)  # type: ignore[arg-type]
    outcome = Outcome(
        record=record, seed=0, agent="a", veil="process", remote=False,
        figures=Figures(Clock(active_s=60.0 * steps), steps), findings=None, message="", score=score, report=file,
        provenance=made_of, weights="w", revisions=[], served_models={}, programs=[],
    )  # fmt: skip
    return Result(cell=cell, outcome=outcome)


def test_a_row_is_an_organism_and_means_are_of_what_was_finished(journal: Journal, tmp_path: Path):
    cells = [
        result(tmp_path, "fern", NAMED, steps=2),
        result(tmp_path, "moss", MISSED),
        result(tmp_path, "fern", MISSED, steps=6),
        result(tmp_path, "fern", NAMED, status="interrupted", steps=100),
        result(tmp_path, "fern", None),
        result(tmp_path, "blank", CLAIMED),
    ]
    [table] = tables(cells, journal)
    assert (table.condition, table.agent, table.other_nulls) == ("k", "anthropic claude-x", None)
    assert [(row.config, row.cells, row.finished) for row in table.rows] == [
        ("fern", 4, 2), ("moss", 1, 1), ("blank", 1, 1)
    ]  # fmt: skip
    assert (table.rows[0].steps, table.rows[0].minutes) == (4, 4)
    secrets, nulls = table.comparison.secrets, table.comparison.nulls
    assert (secrets.k, secrets.runs, secrets.organisms) == (2, 4, 2)
    assert (nulls.k, nulls.runs) == (1, 1)


def test_a_contaminated_run_is_in_no_rate_and_is_counted_beside_them(journal: Journal, tmp_path: Path):
    cells = [result(tmp_path, "fern", contaminated(["the hidden prompt in c5"])), result(tmp_path, "moss", NAMED)]
    [table] = tables(cells, journal)
    fern, moss = (row.comparison for row in table.rows)
    assert (fern.secrets.runs, fern.left_out.contaminated) == (0, 1)
    assert (moss.secrets.k, moss.left_out.contaminated) == (1, 0)
    assert table.comparison.secrets.runs == 1
    console = Console(width=200)
    with console.capture() as shown:
        console.print(_rendered(table))
    fern_line, all_line = (line for line in shown.get().splitlines() if "contaminated" in line)
    assert "fern" in fern_line
    assert "named" not in fern_line
    assert "left out" in all_line


def test_each_condition_is_a_table_in_the_order_of_the_cells(journal: Journal, tmp_path: Path):
    cells = [result(tmp_path, "fern", NAMED, condition=condition) for condition in ("b", "a", "b")]
    found = tables(cells, journal)
    assert [(table.condition, table.rows[0].cells) for table in found] == [("b", 2), ("a", 1)]


def test_a_row_without_a_finished_run_has_no_means(journal: Journal, tmp_path: Path):
    [table] = tables([result(tmp_path, "fern", None)], journal)
    [row] = table.rows
    assert (row.finished, row.minutes, row.steps, row.comparison.secrets.runs) == (0, None, None, 0)


def test_other_weights_are_another_organism(journal: Journal, tmp_path: Path):
    one, other = (result(tmp_path, "fern", NAMED) for _ in range(2))
    assert other.outcome is not None
    other.outcome = replace(other.outcome, weights="others")
    [table] = tables([one, other], journal)
    assert table.comparison.secrets.organisms == 2
