"""Journals that earlier versions wrote are read, shown and reported."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from interp_bench_ext.outcome import read_outcome, report_page
from interp_bench_ext.record.cells import Cells
from interp_bench_ext.record.journal import Journal
from interp_bench_ext.runs.summary import Tally, summarise


@pytest.fixture
def journal(tmp_path: Path):
    """A run of the playbook on ``amber``, of four steps at most, as 0.1.0 recorded it."""
    shutil.copy(Path(__file__).with_name("journal_0_1_0.sqlite"), tmp_path / "journal.sqlite")
    journal = Journal(tmp_path / "journal.sqlite")
    yield journal
    journal.close()


def test_a_journal_of_0_1_0_is_read_shown_and_reported(journal: Journal) -> None:
    [record] = journal.runs()
    outcome = read_outcome(journal, record)
    shown = outcome.summary()
    assert (shown["status"], shown["steps"], shown["message"]) == ("interrupted", 4, "the budget of 4 steps is used up")
    assert shown["budgets"]["steps"] == "4 of 4"
    cells = Cells.of(journal.events(record.id))
    assert {cell.status for cell in cells.by_id.values() if cell.kind == "code"} == {"ok"}
    page = report_page(journal, record)
    assert f'Steps <span class="soft">{shown["budgets"]["steps"]}</span>' in page
    assert "the budget of 4 steps is used up" in page
    tally = Tally().read_on(journal, record.id)
    listed = summarise(record, tally, config="amber", shown=str, here=False, now=0.0)
    assert [meter.used_text for meter in listed.figures.meters][0] == "4"
    assert listed.veil == outcome.veil
