"""How well a property can be read off each layer, beside what shuffled labels give."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from .kit import elements
from .kit.by_layer import ByLayer
from .kit.elements import ACCENT, quiet
from .kit.result import Columns, Floats
from .kit.safe_text import clip, counted
from .kit.selection import Limits


class ProbeScores(ByLayer):
    """Of probes at L layers: AUROC on texts that they were not trained on."""

    auroc: Floats
    """[L] held out; 0.5 is chance."""
    shuffled: Floats
    """[L] mean of the same with shuffled labels: the control."""
    shuffled_high: Floats
    """[L] the largest with shuffled labels."""
    direction: Floats
    """[width] of the best layer's probe, unit length, from the second class to the first; empty without layers."""
    best_layer: int
    n_first: int
    """Texts of the first class."""
    n_second: int
    arm: str

    def _headline(self) -> str:
        texts = f"{self.n_first} against {counted(self.n_second, 'text')}, {clip(self.arm, 20)}"
        if not self.layers:
            return f"probes, {texts}"
        row = self.layers.index(self.best_layer)
        best = f"best at layer {self.best_layer}: AUROC {self.auroc[row]:.2f} (shuffled {self.shuffled[row]:.2f})"
        return f"probes, {texts}; {best}"

    def _lines(self) -> list[str]:
        cells = [(self.auroc, ">6.2f"), (self.shuffled, ">9.2f"), (self.shuffled_high, ">17.2f")]
        return self._layer_lines(f"{'AUROC':>6} {'shuffled':>9} {'highest shuffled':>17}", cells)

    def _html(self) -> Iterable[str]:
        header = elements.row(["layer", "AUROC", "", "shuffled", "highest shuffled"], "th", "rrlrr")
        body = (
            elements.row(
                [
                    str(self.layers[row]),
                    f"{self.auroc[row]:.2f}",
                    elements.bar(float(self.auroc[row]), ACCENT, 120),
                    f"{self.shuffled[row]:.2f}",
                    f"{self.shuffled_high[row]:.2f}",
                ],
                aligns="rrlrr",
            )
            for row in range(len(self.layers))
        )
        yield elements.table(body, header)
        yield quiet("AUROC on texts that the probe was not trained on; 0.5 is chance")

    def _chart(self, limits: Limits) -> Any:
        import altair

        title = altair.Title("Probes by layer", subtitle=f"{self.n_first} against {self.n_second} texts, held out")
        curves = {"held out": self.auroc, "shuffled labels": self.shuffled}
        beside = ("high", "highest with shuffled labels", self.shuffled_high)
        return self._curves(curves, y="AUROC", title=title, beside=beside)

    def _columns(self) -> Columns:
        return {
            "layer": list(self.layers),
            "auroc": self.auroc,
            "shuffled_auroc": self.shuffled,
            "highest_shuffled_auroc": self.shuffled_high,
            "arm": [self.arm] * len(self.layers),
        }


def best(layers: tuple[int, ...], auroc: Floats) -> int:
    """The layer with the largest value, the first of equal ones."""
    return layers[int(np.argmax(auroc))]
