"""What each component adds to a difference of two logits."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from .kit import elements
from .kit.elements import escaped, not_shown, quiet, signed_bar
from .kit.result import Columns, Floats, Pictured
from .kit.safe_text import clip, counted, more, rounded
from .kit.selection import Limits

_ROWS = 24


class Contributions(Pictured):
    """C components in the model's order, and what each contributes; contributions add up."""

    components: tuple[str, ...]
    values: Floats
    """[C] in the metric's unit."""
    base_values: Floats
    """[C] of the base; empty where it may not be asked."""
    metric: str
    text: str
    arm: str

    @property
    def total(self) -> float:
        """What the contributions add up to."""
        return float(self.values.sum())

    @property
    def base_total(self) -> float:
        """The base's, or 0."""
        return float(self.base_values.sum())

    def _headline(self) -> str:
        base = f", base {self.base_total:+.2f}" if len(self.base_values) else ""
        return f"{counted(len(self.components), 'contribution')} to {clip(self.metric, 60)}: {self.total:+.2f}{base}"

    def _lines(self) -> list[str]:
        lines = [f"{'component':<16} {'contribution':>13} {'base':>9}"] if self.components else []
        for row in self._strongest(_ROWS):
            base = f"{self.base_values[row]:>+9.3f}" if len(self.base_values) else f"{'-':>9}"
            lines.append(f"{clip(self.components[row], 16):<16} {self.values[row]:>+13.3f} {base}")
        return lines + more(len(self.components) - _ROWS, "component")

    def _html(self) -> Iterable[str]:
        most = elements.largest(self.values)
        header = elements.row(["component", "contribution", "", "base"], "th", "rrlr")
        yield elements.table((self._html_row(row, most) for row in self._strongest(_ROWS)), header)
        yield quiet(f"to {escaped(clip(self.metric, 60))}")
        yield from not_shown(len(self.components) - _ROWS, "component")

    def _html_row(self, row: int, most: float) -> str:
        value = float(self.values[row])
        base = f"{self.base_values[row]:+.3f}" if len(self.base_values) else ""
        cells = [escaped(clip(self.components[row], 30)), f"{value:+.3f}", signed_bar(value, most), base]
        return elements.row(cells, aligns="rrlr")

    def _chart(self, limits: Limits) -> Any:
        import altair

        from .kit import charts

        rows = []
        for row in self._strongest(limits.bars):
            base = rounded(self.base_values[row]) if len(self.base_values) else None
            label, value = clip(self.components[row], 30), self.values[row]
            rows.append({"label": label, "value": rounded(value), "shown": f"{float(value):+.2f}", "base": base})
        ticks = "; grey ticks: the base" if len(self.base_values) else ""
        title = altair.Title(f"Contributions to {clip(self.metric, 50)}", subtitle=f"the largest ones{ticks}")
        names = {"base:Q": "base"}
        x = "contribution, logits"
        chart = charts.bars(rows, x=x, y="component", title=title, colour=charts.signed(), extra=names)
        return charts.with_ticks(chart, rows, "base", charts.NEUTRAL) if len(self.base_values) else chart

    def _columns(self) -> Columns:
        n = len(self.components)
        base = self.base_values if len(self.base_values) else np.full(n, np.nan, np.float32)
        return {"component": self.components, "contribution": self.values, "base_contribution": base}

    def _strongest(self, limit: int) -> list[int]:
        """The largest of either sign, in the model's order."""
        order = np.argsort(-np.nan_to_num(np.abs(self.values)), kind="stable")[:limit]
        return sorted(order.tolist())
