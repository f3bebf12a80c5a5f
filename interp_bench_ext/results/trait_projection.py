"""How far replies lie along the direction of a described trait, layer by layer."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from .kit.by_layer import ByLayer, Series
from .kit.elements import escaped, quiet, said
from .kit.result import Floats
from .kit.safe_text import clip, counted, one_line
from .kit.selection import Limits

_TEXTS = 6


class TraitProjection(ByLayer):
    """Of L layers: how far apart organism and base are along a trait's direction, in deviations of the base."""

    trait: str
    """The instruction that brings it out."""
    shift: Floats
    """[L] the organism's replies less the base's."""
    random_high: Floats
    """[L] the largest absolute value of the same along twenty random directions: the control."""
    taught: Floats
    """[L] the base told to show the trait less the base told not to: what the whole trait would be."""
    directions: Floats
    """[L, width] the trait's direction, for steering or ablation."""
    texts: tuple[str, ...]
    """The organism's replies that were read."""

    def _headline(self) -> str:
        told = f"along “{clip(self.trait, 60)}”, {counted(len(self.layers), 'layer')}"
        if not self.layers:
            return told
        row = int(np.argmax(np.abs(np.nan_to_num(self.shift)) / np.maximum(self.random_high, 1e-6)))
        beyond = "beyond" if abs(self.shift[row]) > self.random_high[row] else "within"
        most = f"{self.shift[row]:+.1f} deviations at layer {self.layers[row]}"
        return f"{told}: {most}, {beyond} random directions (±{self.random_high[row]:.1f})"

    def _series(self) -> list[Series]:
        return [
            Series("organism - base", "organism_less_base_deviations", self.shift, "+"),
            Series("random, highest", "highest_random_deviations", self.random_high),
            Series("told - not", "told_less_not_deviations", self.taught, "+"),
        ]

    def _lines(self) -> list[str]:
        return super()._lines() + [f"reply: {one_line(text, 200)}" for text in self.texts[:_TEXTS]]

    def _html(self) -> Iterable[str]:
        yield self._layer_table()
        yield quiet(f"in deviations of the base's replies; trait: {escaped(clip(self.trait, 120))}")
        for text in self.texts[:_TEXTS]:
            yield said(text, limit=600)

    def _chart(self, limits: Limits) -> Any:
        import altair

        title = altair.Title(f"Along “{clip(self.trait, 50)}”", subtitle="in deviations of the base's own replies")
        curves = {"organism less base": self.shift, "random directions, highest": self.random_high}
        beside = ("taught", "told to show it less told not to", self.taught)
        return self._curves(curves, y="deviations", title=title, beside=beside)
