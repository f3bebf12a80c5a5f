"""Report and score, made in a thread with a journal of its own: both take longer than an event loop can wait."""

from __future__ import annotations

import asyncio
from contextlib import closing
from pathlib import Path

from filelock import Timeout

from ..errors import BadInput, NotNow
from ..models.key import Key
from ..outcome import comparison, conclude
from ..record.events import FindingsSubmitted, RunStarted, Scored
from ..record.journal import Journal, RunRecord
from ..report import render_report
from ..runs.catalog import load_public


def report_page(journal_path: Path, record: RunRecord) -> str:
    """The run's report as it stands, as one HTML page; its score stands beside the same agent's others."""
    with closing(Journal(journal_path)) as journal:
        entries = list(journal.entries(record.id))
        started = journal.last(record.id, RunStarted)
        beside = comparison(journal, started.agent if started else "").model_dump()
    events = [
        (
            entry.seq,
            entry.at,
            Scored(score={**entry.event.score, "comparison": beside})
            if isinstance(entry.event, Scored)
            else entry.event,
        )
        for entry in entries
    ]
    return render_report(events=events, title=f"{record.experiment} · {record.id}")


def score_run(journal_path: Path, record: RunRecord, key: Key | None) -> None:
    """Score an ended run and write its report beside its notebook. Raises NotNow or BadInput where it cannot be."""
    if record.status == "running":
        raise NotNow(f"run {record.id} is still under way; it can be scored when it has ended")
    experiment = load_public(record.config)
    if experiment.sealed.evaluation is None:
        raise NotNow(f"run {record.id} cannot be scored: its config has no evaluation")
    with closing(Journal(journal_path)) as journal:
        if journal.last(record.id, FindingsSubmitted) is None:
            raise NotNow(f"run {record.id} cannot be scored: it has submitted no findings")
        try:
            with journal.lock(record.id):
                asyncio.run(conclude(journal, record, experiment, key=key))
        except Timeout:
            raise NotNow(f"run {record.id} has just been resumed; it can be scored when it has ended") from None
        except OSError as error:
            raise BadInput(
                f"the report cannot be written beside {record.notebook.name} ({error.strerror});"
                " make its folder writable"
            ) from None
