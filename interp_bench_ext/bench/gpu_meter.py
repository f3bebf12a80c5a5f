"""What a sweep spends on Modal."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from .plan import Cell


@dataclass
class GpuMeter:
    """GPU time on Modal in dollars: that of each run while it lasts, and of each container until it goes."""

    clock: Callable[[], float] = time.monotonic
    _done_usd: float = 0.0
    _running: dict[object, tuple[float, float]] = field(default_factory=dict)
    _known: set[Path] = field(default_factory=set)

    def begin(self, cell: Cell) -> object:
        """Count ``cell`` from here on; returns what :meth:`end` takes."""
        token, rate = object(), cell.place.rate(cell.experiment)
        if rate is not None:
            self._running[token] = (self.clock(), rate.usd_per_s)
            if cell.experiment.path not in self._known:
                self._known.add(cell.experiment.path)
                self._done_usd += rate.usd_per_s * rate.kept_s
        return token

    def end(self, token: object) -> None:
        if token in self._running:
            self._done_usd += self._so_far(token)
            del self._running[token]

    @property
    def usd(self) -> float:
        return self._done_usd + sum(map(self._so_far, self._running))

    def _so_far(self, token: object) -> float:
        since, rate = self._running[token]
        return (self.clock() - since) * rate
