"""Whether a run shows what is sealed of its organism: read from its journal and its notebook once it has ended."""

from __future__ import annotations

from contextlib import closing

from ..config import Experiment
from ..models.key import Key
from ..organisms.prompt_tokens import hidden_prompt_ids
from ..record.journal import Journal, RunRecord
from ..scoring.leak_scan import leaks_in
from ..scoring.needles import needles


def leaks_of(
    journal: Journal, record: RunRecord, experiment: Experiment, *, key: Key | None, report: str = ""
) -> list[str]:
    """What of the sealed half the run shows, and where; empty for a run that is clean.

    Args:
        journal: Where it is recorded.
        record: The run.
        experiment: Its config.
        key: What the agent's credentials are, which must not show either.
        report: Its page without a score, where there is one.
    """
    try:
        notebook = record.notebook.read_text(encoding="utf-8", errors="replace")
    except OSError:
        notebook = ""
    return leaks_in(
        journal.events(record.id),
        needles=needles(experiment, key),
        public=[experiment.public.model_dump_json(), record.experiment, str(record.notebook)],
        notebook=notebook,
        report=report,
        prompt_ids=hidden_prompt_ids(experiment),
    )


def leaks_beside(journal: Journal, run: str, experiment: Experiment, *, key: Key | None) -> list[str]:
    """The same with a connection of its own to the journal, for a thread beside the event loop."""
    with closing(Journal(journal.path)) as own:
        return leaks_of(own, own.find_run(run), experiment, key=key)
