"""What readers are told of runs, kept at hand as far as it cannot change by itself."""

from __future__ import annotations

from collections import OrderedDict
from pathlib import Path

from ..api import RunSummary
from ..record.journal import Journal, RunRecord
from .catalog import Catalog
from .notebook_paths import Places
from .summary import Tally, summarise

_FOLLOWED = 64
"""Runs whose figures are kept."""


class Kept:
    """Summaries of runs that nobody drives here, and tallies of those that another process drives."""

    def __init__(self, catalog: Catalog, places: Places) -> None:
        self._catalog, self._places = catalog, places
        self._summaries: dict[str, tuple[tuple[int, Path], RunSummary]] = {}
        self._followed: OrderedDict[str, Tally] = OrderedDict()

    def tally(self, run: str, journal: Journal) -> Tally:
        """The run as its journal counts it by now."""
        tally = self._followed.setdefault(run, Tally()).read_on(journal, run)
        self._followed.move_to_end(run)
        while len(self._followed) > _FOLLOWED:
            self._followed.popitem(last=False)
        return tally

    def summary(self, record: RunRecord, journal: Journal, *, driven: bool, here: bool) -> RunSummary:
        """The run as a list shows it.

        Args:
            record: The run.
            journal: Where it is read.
            driven: Whether it may change with time alone.
            here: Whether it can be told things.
        """
        last = journal.last_seq(record.id), record.notebook
        kept = self._summaries.get(record.id)
        if not driven and kept is not None and kept[0] == last and kept[1].status == record.status:
            return kept[1]
        made = summarise(
            record,
            Tally().read_on(journal, record.id),
            config=self._catalog.name_of(record.config, experiment=record.experiment),
            shown=self._places.shown,
            here=here,
            now=journal.clock(),
        )
        self._summaries[record.id] = last, made
        return made

    def forget(self, run: str) -> None:
        self._summaries.pop(run, None)
        self._followed.pop(run, None)
