from __future__ import annotations

from pathlib import Path

import pytest

from interp_bench_ext.handlers.events import _BYTES, _ROWS, _batch
from interp_bench_ext.record.events import MessageSent, RunStarted
from interp_bench_ext.record.journal import Journal

START = RunStarted(public={}, agent="playbook", seed=0, notebook="/n.ipynb")


@pytest.fixture
def journal(tmp_path: Path):
    journal = Journal(tmp_path / "journal.sqlite")
    journal.create_run("r", experiment="x", config=Path("c"), notebook=Path("/n.ipynb"), first=START)
    yield journal
    journal.close()


def sizes(journal: Journal) -> list[list[int]]:
    """Numbers of the events of each message, for a client that has none."""
    found, after = [], 0
    while entries := _batch(journal, "r", after):
        found.append([seq for seq, _ in entries])
        after = entries[-1][0]
    return found


def test_a_message_holds_so_many_events_and_none_is_left_out(journal: Journal):
    for _ in range(2 * _ROWS):
        journal.append("r", MessageSent(sender="run", text="x"))
    batches = sizes(journal)
    assert [len(batch) for batch in batches] == [_ROWS, _ROWS, 1]
    assert [seq for batch in batches for seq in batch] == list(range(1, 2 * _ROWS + 2))


def test_a_message_has_so_many_bytes_and_an_event_that_is_larger_goes_alone(journal: Journal):
    for length in (_BYTES // 2, _BYTES // 3, _BYTES // 3, 3 * _BYTES, 1):
        journal.append("r", MessageSent(sender="run", text="x" * length))
    assert sizes(journal) == [[1, 2, 3], [4], [5], [6]]


def test_of_a_run_that_is_not_there_there_are_none(journal: Journal):
    assert _batch(journal, "other", 0) == []
