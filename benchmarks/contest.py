"""Ways to do the same work, taking turns, and what is asked of their times."""

from __future__ import annotations

import os
import statistics
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from importlib.metadata import version
from importlib.util import find_spec
from typing import Any

import torch
from lab.figures import Figure, report
from rich.console import Console
from rich.table import Table

_MIB = 1 << 20


@dataclass
class Contestant:
    """One way to do a piece of work, and what its rounds took.

    By the clock on a GPU; on a CPU by processor time, which other work on the machine disturbs less.
    """

    name: str
    work: Callable[[], Any]
    tokens: int = 0
    """That it writes, where it writes."""
    times: float = 1.0
    """How often its work would have to be done for the whole."""
    seconds: list[float] = field(default_factory=list)
    mib: float | None = None
    """Of a GPU's memory, at most, beyond what was there before."""

    @property
    def median(self) -> float:
        return self.times * statistics.median(self.seconds)

    def run(self, device: torch.device) -> None:
        """One round."""
        if device.type == "cuda":
            self._run_on_gpu()
            return
        began = time.process_time()
        self.work()
        self.seconds.append(time.process_time() - began)

    def _run_on_gpu(self) -> None:
        torch.cuda.synchronize()
        torch.cuda.reset_peak_memory_stats()
        held, began = torch.cuda.memory_allocated(), time.perf_counter()
        self.work()
        torch.cuda.synchronize()
        self.seconds.append(time.perf_counter() - began)
        self.mib = max(self.mib or 0.0, (torch.cuda.max_memory_allocated() - held) / _MIB)


def measured(contestants: Iterable[Contestant], device: torch.device, rounds: int) -> tuple[Contestant, ...]:
    """The contestants after their rounds, in turn, the first of which warms up."""
    found = tuple(contestants)
    for number in range(rounds + 1):
        for each in found:
            each.run(device)
            if number == 0:
                each.seconds.clear()
                each.mib = None
    return found


def at_least(said: str, found: float, limit: float) -> Figure:
    """A figure that is better the larger it is."""
    return Figure(name=said, seen=found, limit=limit, at_least=True)


def at_most(said: str, found: float, limit: float) -> Figure:
    """A figure that is better the smaller it is."""
    return Figure(name=said, seen=found, limit=limit)


def peers(*names: str) -> list[str]:
    """The packages to compare with that are installed, by name and version."""
    return [f"{name} {version(name.replace('_', '-'))}" for name in names if find_spec(name)]


class Report:
    """A table of groups of contestants, and the figures below it."""

    def __init__(self) -> None:
        self._table = Table("work", "ms", "of the group's first", "tokens/s", "MiB more")
        self.figures: list[Figure] = []
        self._load = os.getloadavg()[0]

    def add(self, contestants: Iterable[Contestant], figures: Iterable[Figure]) -> None:
        """A group."""
        group = list(contestants)
        for each in group:
            speed = f"{each.times * each.tokens / each.median:,.0f}" if each.tokens else ""
            share = f"{each.median / group[0].median:.2f}"
            self._table.add_row(
                each.name, f"{1000 * each.median:,.1f}", share, speed, "" if each.mib is None else f"{each.mib:,.0f}"
            )
        self._table.add_section()
        self.figures += figures

    def print(self) -> bool:
        """Whether all figures are held."""
        Console(width=110).print(self._table)
        return not report(self.figures, title="Figures", load=self._load)
