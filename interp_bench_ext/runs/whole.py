"""Runs from their beginning to their end, for those who wait for that: the command line."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ..config import Experiment
from ..errors import BadInput
from ..journal import Journal, RunRecord
from . import origins
from .drive import Run
from .recorder import Listener
from .workplace import Workplace


async def start_run(
    experiment: Experiment, *, workplace: Workplace, listener: Listener, out: Path, notebook: Path | None = None
) -> RunRecord:
    """Run ``experiment`` from the start and return its record as it then stands; see :func:`origins.begin`.

    Raises:
        BadInput: and nothing is left of the run.
    """
    run = origins.begin(experiment, workplace=workplace, listener=listener, out=out, notebook=notebook)
    return await carry_through(run, workplace.journal)


async def resume_run(
    experiment: Experiment,
    record: RunRecord,
    *,
    workplace: Workplace,
    listener: Listener,
    limits: Mapping[str, Any],
    notebook: Path | None = None,
) -> RunRecord:
    """Go on with an interrupted run; see :func:`origins.resume`."""
    run = origins.resume(experiment, record, workplace=workplace, listener=listener, limits=limits, notebook=notebook)
    return await run.drive()


async def carry_through(run: Run, journal: Journal) -> RunRecord:
    """Drive a run that has only just come about; one that cannot be opened (BadInput) is forgotten."""
    try:
        return await run.drive()
    except BadInput:
        journal.delete_run(run.id)
        raise
