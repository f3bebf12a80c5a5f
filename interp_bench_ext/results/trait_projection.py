"""How far replies lie along the direction of a described trait, layer by layer."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from .kit import elements
from .kit.elements import ACCENT, escaped, passage, quiet
from .kit.result import Columns, Floats, Result
from .kit.safe_text import clean, clip, counted, more, one_line, rounded, shorten
from .kit.selection import Limits

_LAYERS, _TEXTS = 40, 6


class TraitProjection(Result):
    """Of L layers: how far apart organism and base are along a trait's direction, in deviations of the base."""

    _picture_of = "layers"
    trait: str
    """The instruction that brings it out."""
    layers: tuple[int, ...]
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

    def _lines(self) -> list[str]:
        lines = (
            [f"{'layer':>6} {'organism - base':>16} {'random, highest':>16} {'told - not':>11}"] if self.layers else []
        )
        for row in range(min(len(self.layers), _LAYERS)):
            numbers = f"{self.shift[row]:>+16.2f} {self.random_high[row]:>16.2f} {self.taught[row]:>+11.2f}"
            lines.append(f"{self.layers[row]:>6} {numbers}")
        lines += more(len(self.layers) - _LAYERS, "layer")
        return lines + [f"reply: {one_line(text, 200)}" for text in self.texts[:_TEXTS]]

    def _html(self) -> Iterable[str]:
        header = elements.row(["layer", "organism − base", "random, highest", "told − not"], "th", "rrrr")
        body = (
            elements.row(
                [
                    str(layer),
                    f"{self.shift[row]:+.2f}",
                    f"{self.random_high[row]:.2f}",
                    f"{self.taught[row]:+.2f}",
                ],
                aligns="rrrr",
            )
            for row, layer in enumerate(self.layers)
        )
        yield elements.table(body, header)
        yield quiet(f"in deviations of the base's replies; trait: {escaped(clip(self.trait, 120))}")
        for text in self.texts[:_TEXTS]:
            edge = f"border-left:3px solid {ACCENT.format('0.7')};padding:1px 0 1px 10px;margin:4px 0"
            yield f'<div dir="auto" style="{edge}">{passage(shorten(clean(text), 600))}</div>'

    def _chart(self, limits: Limits) -> Any:
        import altair

        from .kit import charts

        kinds = ["organism less base", "random directions, highest"]
        rows = [
            {"kind": kind, "at": layer, "value": rounded(values[row]), "taught": rounded(self.taught[row])}
            for kind, values in zip(kinds, (self.shift, self.random_high), strict=True)
            for row, layer in enumerate(self.layers)
        ]
        title = altair.Title(f"Along “{clip(self.trait, 50)}”", subtitle="in deviations of the base's own replies")
        names = {"taught:Q": "told to show it less told not to"}
        return charts.lines(rows, x="layer", y="deviations", title=title, kinds=kinds, extra=names)

    def _columns(self) -> Columns:
        return {
            "layer": list(self.layers),
            "organism_less_base_deviations": self.shift,
            "highest_random_deviations": self.random_high,
            "told_less_not_deviations": self.taught,
        }
