"""What a sweep came to: for each condition a row an organism, and secrets beside nulls."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from statistics import fmean

from ..outcome import Outcome, comparison_of
from ..record.journal import Journal
from ..record.scores import Comparison, Rate
from ..scoring.statistics import Judged, compare
from .drive import Result, outcomes


@dataclass(frozen=True, kw_only=True)
class OrganismRow:
    """The cells of one config under one condition."""

    config: str
    cells: int
    finished: int
    comparison: Comparison
    minutes: float | None
    """Mean of the finished runs; None without one."""
    steps: float | None
    """Likewise."""


@dataclass(frozen=True, kw_only=True)
class ConditionTable:
    """All cells of one condition."""

    condition: str
    agent: str
    rows: list[OrganismRow]
    comparison: Comparison
    """Of the sweep's own runs."""
    other_nulls: Rate | None
    """For a sweep without nulls: what was claimed about those of all recorded runs of the condition."""


def tables(results: Sequence[Result], journal: Journal) -> list[ConditionTable]:
    """One table a condition, in the order of the cells."""
    return [_table(condition, own, journal) for condition, own in _grouped(results, lambda one: one.cell.condition)]


def _table(condition: str, results: Sequence[Result], journal: Journal) -> ConditionTable:
    together = _compared(condition, outcomes(results))
    everywhere = comparison_of(journal, condition).nulls if not together.nulls.runs else None
    agent = results[0].cell.experiment.public.agent
    return ConditionTable(
        condition=condition,
        agent=f"{agent.provider} {agent.model or ''}".strip(),
        rows=[_row(config, own) for config, own in _grouped(results, lambda one: one.cell.config)],
        comparison=together,
        other_nulls=everywhere if everywhere and everywhere.runs else None,
    )


def _row(config: str, results: Sequence[Result]) -> OrganismRow:
    ended = outcomes(results)
    finished = [outcome for outcome in ended if outcome.record.status == "finished"]
    return OrganismRow(
        config=config,
        cells=len(results),
        finished=len(finished),
        comparison=_compared(results[0].cell.condition, ended),
        minutes=fmean(outcome.figures.minutes() for outcome in finished) if finished else None,
        steps=fmean(outcome.figures.steps for outcome in finished) if finished else None,
    )


def _compared(condition: str, ended: Iterable[Outcome]) -> Comparison:
    judged = [
        Judged(organism=f"{outcome.provenance.organism} {outcome.weights}", score=outcome.score)
        for outcome in ended
        if outcome.score is not None and outcome.provenance is not None
    ]
    return compare(judged, condition=condition)


def _grouped(results: Iterable[Result], key: Callable[[Result], str]) -> Iterable[tuple[str, list[Result]]]:
    found: dict[str, list[Result]] = {}
    for result in results:
        found.setdefault(key(result), []).append(result)
    return found.items()
