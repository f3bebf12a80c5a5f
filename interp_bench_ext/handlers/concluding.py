"""Report and score, made in a thread with a journal of its own: both take longer than an event loop can wait."""

from __future__ import annotations

import asyncio
from contextlib import closing
from pathlib import Path

from filelock import Timeout

from .. import outcome
from ..api import Reveal
from ..errors import NotNow
from ..models.key import Key
from ..record.events import FindingsSubmitted
from ..record.journal import Journal, RunRecord
from ..record.scores import Comparison
from ..runs.catalog import load_public


def report_page(journal_path: Path, record: RunRecord, *, revealed_at: str) -> str:
    """See :func:`outcome.report_page`."""
    with closing(Journal(journal_path)) as journal:
        return outcome.report_page(journal, record, truth=revealed_at)


def revealed_page(journal_path: Path, record: RunRecord) -> str:
    """The report with the ground truth. Raises NotNow; see :func:`outcome.revealed`."""
    with closing(Journal(journal_path)) as journal:
        return outcome.report_page(journal, record, truth=_revealed(journal, record))


def reveal(journal_path: Path, record: RunRecord) -> Reveal:
    """See :func:`outcome.revealed`."""
    with closing(Journal(journal_path)) as journal:
        return _revealed(journal, record)


def _revealed(journal: Journal, record: RunRecord) -> Reveal:
    return outcome.revealed(journal, record, load_public(record.config, called=record.experiment))


def comparison(journal_path: Path, run: str) -> Comparison:
    """See :func:`outcome.comparison`."""
    with closing(Journal(journal_path)) as journal:
        return outcome.comparison(journal, run)


def score_run(journal_path: Path, record: RunRecord, key: Key | None) -> None:
    """Score an ended run and write its report beside its notebook. Raises NotNow or BadInput where it cannot be."""
    if record.status == "running":
        raise NotNow(f"run {record.id} is still under way; it can be scored when it has ended")
    experiment = load_public(record.config, called=record.experiment)
    if not experiment.can_be_scored:
        raise NotNow(f"run {record.id} cannot be scored: its config has no evaluation")
    with closing(Journal(journal_path)) as journal:
        if journal.last(record.id, FindingsSubmitted) is None:
            raise NotNow(f"run {record.id} cannot be scored: it has submitted no findings")
        try:
            with journal.lock(record.id):
                asyncio.run(outcome.conclude(journal, record, experiment, key=key))
        except Timeout:
            raise NotNow(f"run {record.id} has just been resumed; it can be scored when it has ended") from None
