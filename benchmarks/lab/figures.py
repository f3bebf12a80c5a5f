"""A figure with its limit, and what a sorted list of times says."""

from __future__ import annotations

import os
import sys
from collections.abc import Collection, Iterable
from dataclasses import dataclass

from rich.console import Console
from rich.table import Table


@dataclass(frozen=True, kw_only=True)
class Figure:
    """``seen`` in ``unit``, which must not be over ``limit``; one without a limit is there to be compared."""

    name: str
    seen: float
    unit: str = ""
    limit: float | None = None
    detail: str = ""
    at_least: bool = False
    """Whether it must not be under the limit instead."""

    @property
    def missed(self) -> bool:
        if self.limit is None:
            return False
        return not (self.seen >= self.limit if self.at_least else self.seen <= self.limit)

    @property
    def shown(self) -> str:
        return f"{self.seen:{'.0f' if self.seen >= 10 else '.3g'}} {self.unit}".rstrip()

    @property
    def asked(self) -> str:
        """The limit in words."""
        return (
            "" if self.limit is None else f"{'at least ' if self.at_least else ''}{self.limit:g} {self.unit}".rstrip()
        )

    def row(self) -> list[str]:
        """Cells of a table: name, limit, seen, detail."""
        return [self.name, self.asked, self.shown, self.detail]


def report(figures: Iterable[Figure], *, title: str, load: float, width: int = 140) -> bool:
    """Print a table of the figures; returns whether one is missed.

    Args:
        figures: In their order.
        title: What they are of.
        load: How busy the machine was when they began to be taken.
        width: Columns of the table.
    """
    table, missed = Table("figure", "limit", "seen", "", title=title), []
    for figure in figures:
        table.add_row(*figure.row(), style="red" if figure.missed else "")
        missed += [figure] if figure.missed else []
    console = Console(width=width)
    console.print(table)
    console.print(f"{os.cpu_count()} CPUs; other work on them kept {load:.1f} busy when this began.")
    for figure in missed:
        console.print(f"missed: {figure.name}, {figure.shown} for {figure.asked}")
    return bool(missed)


def told(figures: Iterable[Figure]) -> list[Figure]:
    """All figures, each told on stderr as soon as it is there."""
    taken = []
    for figure in figures:
        taken.append(figure)
        print(*figure.row(), sep=" | ", file=sys.stderr, flush=True)
    return taken


def percentile(times: Collection[float], share: float) -> float:
    """The time that ``share`` of all times do not exceed; infinite where there are none."""
    ordered = sorted(times)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))] if ordered else float("inf")


def described(times: Collection[float]) -> str:
    """Number and worst of times in milliseconds."""
    return f"n = {len(times)}, worst {max(times, default=float('inf')):.0f} ms"
