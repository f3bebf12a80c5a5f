"""What results have in common that say something of each layer, beside a control."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from .result import Result
from .safe_text import more, rounded

_LAYERS = 40


class ByLayer(Result):
    """A result over L layers."""

    _picture_of = "layers"
    layers: tuple[int, ...]
    """[L] 0 is the embedding, then each block."""

    def _layer_lines(self, heading: str, cells: Sequence[tuple[np.ndarray, str]]) -> list[str]:
        """A line for each layer: values ``[L]``, each with its format."""
        lines = [f"{'layer':>6} {heading}"] if self.layers else []
        for row in range(min(len(self.layers), _LAYERS)):
            lines.append(" ".join([f"{self.layers[row]:>6}", *(format(values[row], how) for values, how in cells)]))
        return lines + more(len(self.layers) - _LAYERS, "layer")

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
