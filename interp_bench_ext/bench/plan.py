"""What a sweep is to run: organisms and seeds under conditions, and which of that stands in the journal already.

A sweep is nothing but its runs: those of the journal whose notebooks lie in the sweep's folder. So one that was killed
goes on from the journal alone.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from ..config import Experiment
from ..models.key import Key
from ..organisms.placement import Placement, place_of
from ..record.events import RunStarted
from ..record.journal import Journal, RunRecord
from ..runs.provenance import provenance_of
from ..runs.resolve import choose_agent


@dataclass(frozen=True, kw_only=True)
class Cell:
    """One organism at one seed under one condition."""

    experiment: Experiment
    """With the overrides of this run, its agent chosen."""
    condition: str
    organism: str
    """Both as in its runs' provenance."""

    @property
    def config(self) -> str:
        return self.experiment.path.stem

    @property
    def seed(self) -> int:
        return self.experiment.public.seed

    @property
    def place(self) -> Placement:
        """Where its organism runs."""
        return place_of(self.experiment)

    @property
    def key(self) -> tuple[Path, str, str, int]:
        """What makes two runs the same cell."""
        return self.experiment.path, self.condition, self.organism, self.seed

    def __str__(self) -> str:
        return f"{self.config}, seed {self.seed}"


def plan(experiments: Iterable[Experiment], *, runs: int | None, journal: Journal, key: Key | None) -> list[Cell]:
    """The cells of a sweep.

    Args:
        experiments: The organisms, with the overrides of the sweep.
        runs: Consecutive seeds of each; None: as many as its config says.
        journal: Whose secret the digests are keyed with.
        key: The agent's, which may decide who the agent is.
    """
    return [
        _cell(experiment, seed=experiment.public.seed + offset, journal=journal, key=key)
        for experiment in experiments
        for offset in range(runs or experiment.public.runs)
    ]


def _cell(experiment: Experiment, *, seed: int, journal: Journal, key: Key | None) -> Cell:
    public = experiment.public.model_copy(update={"seed": seed, "agent": choose_agent(experiment.public, key)})
    own = experiment.with_public(public)
    found = provenance_of(own, key=journal.conditions.key())
    return Cell(experiment=own, condition=found.condition, organism=found.organism)


def standing(cells: Sequence[Cell], journal: Journal, *, out: Path) -> dict[int, RunRecord]:
    """By number of the cell, its run in the sweep's folder ``out``: a finished one if there is, else the newest."""
    found: dict[int, RunRecord] = {}
    runs: dict[tuple[Path, str, str, int], list[RunRecord]] = {}
    for record in journal.runs():
        if record.notebook.is_relative_to(out.resolve()):
            runs.setdefault(_key_of(record, journal), []).append(record)
    for number, cell in enumerate(cells):
        own = runs.get(cell.key)
        if own:
            best = next((record for record in own if record.status == "finished"), own[0])
            own.remove(best)
            found[number] = best
    return found


def _key_of(record: RunRecord, journal: Journal) -> tuple[Path, str, str, int]:
    started, kept = journal.last(record.id, RunStarted), journal.conditions.of(record.id)
    seed = started.seed if started else 0
    return record.config, kept.condition if kept else "", kept.organism if kept else "", seed
