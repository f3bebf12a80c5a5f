"""How well a property can be read off each layer, beside what shuffled labels give."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from .kit.by_layer import ByLayer, Series
from .kit.elements import quiet
from .kit.result import Columns, Floats
from .kit.safe_text import clip
from .kit.selection import Limits
from .kit.two_sets import TwoSets


class ProbeScores(ByLayer, TwoSets):
    """Of probes at L layers: AUROC on texts that they were not trained on; the sets are the two classes."""

    auroc: Floats
    """[L] held out; 0.5 is chance."""
    shuffled: Floats
    """[L] mean of the same with shuffled labels: the control."""
    shuffled_high: Floats
    """[L] the largest with shuffled labels."""
    direction: Floats
    """[width] of the best layer's probe, unit length, from the second class to the first; empty without layers."""
    best_layer: int
    arm: str

    def _headline(self) -> str:
        texts = f"{self._sizes()}, {clip(self.arm, 20)}"
        if not self.layers:
            return f"probes, {texts}"
        row = self.layers.index(self.best_layer)
        best = f"best at layer {self.best_layer}: AUROC {self.auroc[row]:.2f} (shuffled {self.shuffled[row]:.2f})"
        return f"probes, {texts}; {best}"

    def _series(self) -> list[Series]:
        return [
            Series("AUROC", "auroc", self.auroc),
            Series("shuffled", "shuffled_auroc", self.shuffled),
            Series("highest shuffled", "highest_shuffled_auroc", self.shuffled_high),
        ]

    def _html(self) -> Iterable[str]:
        yield self._layer_table()
        yield quiet("AUROC on texts that the probe was not trained on; 0.5 is chance")

    def _chart(self, limits: Limits) -> Any:
        import altair

        title = altair.Title("Probes by layer", subtitle=f"{self._sizes()}, held out")
        curves = {"held out": self.auroc, "shuffled labels": self.shuffled}
        beside = ("high", "highest with shuffled labels", self.shuffled_high)
        return self._curves(curves, y="AUROC", title=title, beside=beside)

    def _columns(self) -> Columns:
        return {**super()._columns(), "arm": [self.arm] * len(self.layers)}


def best(layers: tuple[int, ...], auroc: Floats) -> int:
    """The layer with the largest value, the first of equal ones."""
    return layers[int(np.argmax(auroc))]
