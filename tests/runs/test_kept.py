from __future__ import annotations

from pathlib import Path

import pytest

from interp_bench_ext.record.events import AgentChanged, RunEnded, RunStarted, StepStarted
from interp_bench_ext.record.journal import Journal
from interp_bench_ext.runs.catalog import Catalog
from interp_bench_ext.runs.kept import Kept
from interp_bench_ext.runs.notebook_paths import Places

RUN = "0123abcd"


@pytest.fixture
def journal(tmp_path):
    journal = Journal(tmp_path / "journal.sqlite")
    started = RunStarted(public={}, agent="anthropic one", seed=0, notebook="x.ipynb")
    journal.create_run(RUN, experiment="x", config=Path("c.yaml"), notebook=tmp_path / "x.ipynb", first=started)
    yield journal
    journal.close()


@pytest.fixture
def kept(tmp_path):
    return Kept(Catalog(root=tmp_path), Places(tmp_path))


def summary(kept: Kept, journal: Journal, *, driven: bool = False):
    record = journal.run(RUN)
    assert record is not None
    return kept.summary(record, journal, driven=driven, here=driven)


def test_a_summary_is_made_once_until_the_run_goes_on(kept, journal):
    first = summary(kept, journal)
    assert summary(kept, journal) is first
    assert summary(kept, journal, driven=True) is not first
    journal.append(RUN, AgentChanged(model="two"))
    journal.append(RUN, RunEnded(status="finished", message=""))
    ended = summary(kept, journal)
    assert (ended.status, ended.agent, ended.notebook) == ("finished", "anthropic one, then two", "x.ipynb")
    assert summary(kept, journal) is ended
    kept.forget(RUN)
    assert summary(kept, journal) is not ended


def test_a_tally_reads_only_what_is_new(kept, journal):
    first = kept.tally(RUN, journal)
    journal.append(RUN, StepStarted(step=1))
    assert kept.tally(RUN, journal) is first
    assert first.figures.steps == 1
    kept.forget(RUN)
    assert kept.tally(RUN, journal) is not first
