"""Whoever reads a journal reads the same: ``show``, report, lists, REST and MCP."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from interp_bench_ext.mcp.verbs import summary_line
from interp_bench_ext.outcome import read_outcome, report_page
from interp_bench_ext.record.journal import Journal
from interp_bench_ext.runs.summary import Tally, summarise

from .vectors import VECTORS, Vector

RUN = "0123abcd"


def written(vector: Vector, folder: Path) -> Journal:
    """A journal in which the vector's events have the times that they say."""
    times: Iterator[float] = iter([0.0, *(entry.at for entry in vector.entries)])
    journal = Journal(folder / "journal.sqlite", clock=lambda: next(times))
    first, *then = (entry.event for entry in vector.entries)
    journal.create_run(
        RUN, experiment="v", config=folder / "v.yaml", notebook=folder / "v.ipynb", first=first, then=then
    )
    return journal


@pytest.mark.parametrize("vector", VECTORS)
def test_every_reader_has_the_same_figures(vector: Vector, tmp_path: Path) -> None:
    journal, used = written(vector, tmp_path), vector.figures["meters"]
    record = journal.run(RUN)
    assert record is not None
    outcome = read_outcome(journal, record)
    assert outcome.summary()["budgets"] == used
    assert outcome.summary()["steps"] == vector.figures["steps"]
    page = report_page(journal, record)
    assert all(f'{name[:1].upper()}{name[1:]} <span class="soft">{text}</span>' in page for name, text in used.items())

    tally = Tally()
    for until in range(1, len(vector.entries) + 1):
        tally.read_on(journal, RUN, until=until)
    assert tally.figures == Tally().read_on(journal, RUN).figures
    listed = summarise(record, tally, config="v", shown=str, here=False, now=1e9)
    told = {
        meter.budget: f"{meter.used_text} of {meter.limit_text}" if meter.limit_text else meter.used_text
        for meter in listed.figures.meters
    }
    assert told == used
    line = summary_line(listed)
    assert all(f"{name} {text}" in line for name, text in used.items())
    journal.close()
