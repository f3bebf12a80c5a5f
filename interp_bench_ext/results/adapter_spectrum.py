"""What an adapter's matrices are made of, and what the model says with only their strongest directions."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from .kit import elements
from .kit.elements import ACCENT, OTHER, escaped, not_shown, said
from .kit.result import Columns, Floats
from .kit.safe_text import clip, counted, more, one_line, rounded
from .kit.selection import Limits, text_limit
from .kit.written import Written, first_of_each

_MATRICES, _TEXTS, _HTML_TEXTS, _SHOWN = 12, 24, 40, 6


class AdapterSpectrum(Written):
    """M matrices that an adapter adds, R singular values of each, and N replies at several ranks.

    An arm is how much of the adapter a reply was written with, for example ``rank 1``; ``arm`` is all of it.
    """

    modules: tuple[str, ...]
    """[M] by falling norm."""
    singular_values: Floats
    """[M, R], NaN beyond a matrix's own rank."""
    control_values: Floats
    """[M, R] those of a product of random factors of the same shapes and norm."""
    control: str
    """The base, as in ``arms``."""

    @property
    def shares(self) -> Floats:
        """[M, R] of the squared norm, that each direction holds."""
        return _shares(self.singular_values)

    def _headline(self) -> str:
        first, chance = (float(np.median(_shares(each)[:, 0])) if each.size else 0.0 for each in self._both())
        of = counted(len(self.modules), "adapted weight")
        return f"{of}: the first direction holds {first:.0%} of the median one (random: {chance:.0%})"

    def _both(self) -> tuple[Floats, Floats]:
        return self.singular_values, self.control_values

    def _lines(self) -> list[str]:
        lines = [f"{'matrix':<34} {'norm':>8}  singular values"] if self.modules else []
        for row in range(min(len(self.modules), _MATRICES)):
            values = self.singular_values[row]
            shown = "  ".join(f"{value:.3f}" for value in values[np.isfinite(values)][:_SHOWN])
            lines.append(f"{clip(self.modules[row], 34):<34} {self._norm(row):>8.3f}  {shown}")
        lines += more(len(self.modules) - _MATRICES, "weight")
        limit = text_limit(_TEXTS) // 2
        for row in self._examples(_TEXTS):
            told = f"{one_line(self.prompts[row], 60)} -> {one_line(self.texts[row], limit)}"
            lines.append(f"  [{clip(self.arms[row], 22)}] {told}")
        return lines

    def _norm(self, row: int) -> float:
        return float(np.sqrt(np.nansum(self.singular_values[row] ** 2)))

    def _html(self) -> Iterable[str]:
        header = elements.row(["matrix", "norm", "share of the first", "singular values"], "th", "lrrl")
        yield elements.table((self._html_row(row) for row in range(min(len(self.modules), _MATRICES))), header)
        yield from not_shown(len(self.modules) - _MATRICES, "weight")
        for row in self._examples(_HTML_TEXTS):
            colour = OTHER if self.arms[row] == self.control else ACCENT
            told = f"{clip(self.arms[row], 30)} · {one_line(self.prompts[row], 120)}"
            yield said(self.texts[row], colour, about=told)

    def _html_row(self, row: int) -> str:
        values = self.singular_values[row]
        shown = "  ".join(f"{value:.3f}" for value in values[np.isfinite(values)][:_SHOWN])
        cells = [escaped(clip(self.modules[row], 40)), f"{self._norm(row):.3f}", f"{self.shares[row, 0]:.0%}", shown]
        return elements.row(cells, aligns="lrrl")

    def _chart(self, limits: Limits) -> Any:
        import altair

        from .kit import charts

        kinds = ["the adapter", "random factors"]
        points = [
            {"kind": kind, "at": place + 1, "value": rounded(float(share)), "matrices": int(count)}
            for kind, values in zip(kinds, self._both(), strict=True)
            for place, (share, count) in enumerate(_medians(_shares(values)))
        ]
        title = altair.Title("How concentrated the adapter is", subtitle="median over its matrices")
        names = {"matrices:Q": "matrices with so many directions"}
        x, y = "singular direction", "share of the squared norm"
        return charts.lines(points, x=x, y=y, title=title, kinds=kinds, extra=names)

    def _columns(self) -> Columns:
        """One row per matrix and direction."""
        n, r = self.singular_values.shape if self.singular_values.ndim == 2 else (0, 0)
        return {
            "matrix": np.repeat(np.array(self.modules, dtype=object), r),
            "direction": np.tile(np.arange(1, r + 1), n),
            "singular_value": self.singular_values.reshape(-1),
            "share": self.shares.reshape(-1),
            "control_singular_value": self.control_values.reshape(-1),
        }

    def _examples(self, limit: int) -> list[int]:
        names = dict.fromkeys(self.arms)
        return first_of_each([[at for at, arm in enumerate(self.arms) if arm == name] for name in names], limit)


def _shares(values: Floats) -> Floats:
    squared = np.nan_to_num(values) ** 2
    return np.asarray(squared / np.maximum(squared.sum(-1, keepdims=True), 1e-30), dtype=np.float32)


def _medians(shares: Floats) -> Iterable[tuple[float, int]]:
    return ((float(np.median(column)), int((column > 0).sum())) for column in shares.T)
