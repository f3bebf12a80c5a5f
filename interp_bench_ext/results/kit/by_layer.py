"""What results have in common that say something of each layer, beside a control."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from . import elements
from .result import Columns, Floats, Pictured
from .safe_text import more, rounded

_LAYERS = 40


class Series(NamedTuple):
    """A value of each layer."""

    title: str
    column: str
    """In the table that a DataFrame is made of; its unit is the end of its name."""
    values: Floats
    """[L]"""
    sign: str = ""
    """``+`` for a difference."""

    @property
    def head(self) -> str:
        return f"{self.title:>{self._width}}"

    def cell(self, row: int) -> str:
        return f"{self.values[row]:>{self.sign}{self._width}.2f}"

    @property
    def _width(self) -> int:
        return max(len(self.title) + 1, 6)


class ByLayer(Pictured):
    """A result over L layers."""

    layers: tuple[int, ...]
    """[L] 0 is the embedding, then each block."""

    @abstractmethod
    def _series(self) -> Sequence[Series]:
        """What is known of each layer, in the order of the tables."""

    def _lines(self) -> list[str]:
        series = self._series()
        lines = [" ".join([f"{'layer':>6}", *(one.head for one in series)])] if self.layers else []
        for row in range(min(len(self.layers), _LAYERS)):
            lines.append(" ".join([f"{self.layers[row]:>6}", *(one.cell(row) for one in series)]))
        return lines + more(len(self.layers) - _LAYERS, "layer")

    def _layer_table(self) -> str:
        """The same as HTML."""
        series = self._series()
        rows = ([str(layer), *(one.cell(row).strip() for one in series)] for row, layer in enumerate(self.layers))
        header = elements.row(["layer", *(one.title for one in series)], "th", "r" * (1 + len(series)))
        return elements.table((elements.row(cells, aligns="r" * len(cells)) for cells in rows), header)

    def _columns(self) -> Columns:
        return {"layer": list(self.layers), **{one.column: one.values for one in self._series()}}

    def _curves(self, curves: dict[str, np.ndarray], *, y: str, title: Any, beside: tuple[str, str, np.ndarray]) -> Any:
        """A chart of a line for each of ``curves``, values ``[L]`` by name.

        ``beside`` is what a point says beside its value: the field, its label, values ``[L]``.
        """
        from . import charts

        field, label, shown = beside
        rows = [
            {"kind": kind, "at": layer, "value": rounded(values[row]), field: rounded(shown[row])}
            for kind, values in curves.items()
            for row, layer in enumerate(self.layers)
        ]
        return charts.lines(rows, x="layer", y=y, title=title, kinds=list(curves), extra={f"{field}:Q": label})
