"""Code from a sandbox runs without one only where a person has said so."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from interp_bench_ext.contracts import Veil
from interp_bench_ext.errors import WeakerVeil
from interp_bench_ext.record.cell_events import KernelStarted
from interp_bench_ext.record.events import Event, RunForked, RunStarted
from interp_bench_ext.record.journal import Journal
from interp_bench_ext.runs.veil import veil_for_code_of
from interp_bench_ext.sandbox.bubblewrap import sandbox_available
from tests.notebook.support import needs_sandbox
from tests.redteam.suite import attempt


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[Journal]:
    journal = Journal(tmp_path / "journal.sqlite")
    for run, veils, agent, parent in (
        ("plain", ["process"], {}, ""),
        ("boxed", ["sandboxed", "process"], {}, ""),
        ("fork", [], {}, "boxed"),
        ("replay", [], {"provider": "replay", "model": "fork"}, ""),
        ("gone", [], {"provider": "replay", "model": "forgotten"}, "gone"),
    ):
        then: list[Event] = [RunForked(parent=parent, cell_id="c3")] if parent else []
        then += [KernelStarted(veil=veil) for veil in veils]
        first = RunStarted(public={"agent": agent}, agent="", seed=0, notebook="")
        journal.create_run(run, experiment="", config=tmp_path, notebook=tmp_path, first=first, then=then)
    yield journal
    journal.close()


@pytest.fixture
def _no_bubblewrap(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("PATH", str(tmp_path))
    sandbox_available.cache_clear()
    yield
    sandbox_available.cache_clear()


@attempt("A6", "files", "Code from a sandbox is run again where there is none: resume, fork, replay", veil="any")
@pytest.mark.usefixtures("_no_bubblewrap")
@pytest.mark.parametrize("run", ["boxed", "fork", "replay"])
def test_without_a_sandbox_it_is_refused_until_a_person_allows_it(journal: Journal, run: str) -> None:
    with pytest.raises(WeakerVeil, match=rf"code of run {run} ran in a sandbox.*bubblewrap.*--weaker-veil"):
        veil_for_code_of(journal, run, weaker=False)
    assert veil_for_code_of(journal, run, weaker=True) is None


@needs_sandbox
@pytest.mark.parametrize("run", ["boxed", "fork", "replay"])
def test_with_a_sandbox_no_other_kernel_is_taken(journal: Journal, run: str) -> None:
    assert veil_for_code_of(journal, run, weaker=False) is Veil.SANDBOXED


@pytest.mark.usefixtures("_no_bubblewrap")
@pytest.mark.parametrize("run", ["plain", "gone"])
def test_code_that_never_had_a_sandbox_needs_none(journal: Journal, run: str) -> None:
    assert veil_for_code_of(journal, run, weaker=False) is None
