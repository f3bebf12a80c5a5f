"""What becomes of replies as something is done to the model, more and more, beside a control."""

from __future__ import annotations

import itertools
from collections.abc import Iterable
from typing import Any

import numpy as np

from .kit import elements
from .kit.elements import escaped, not_shown, quiet, said
from .kit.result import Columns, Floats
from .kit.safe_text import clean, clip, counted, more, one_line, rounded
from .kit.selection import Limits, text_limit
from .kit.written import Written, first_of_each

_TEXTS, _HTML_TEXTS = 24, 40


class DoseResponse(Written):
    """N replies, each at a dose, from the arm in question or from its control."""

    dose: str
    """What the doses are, with their unit."""
    effect: str
    """What the effects measure."""
    doses: Floats
    """[N]"""
    effects: Floats
    """[N] of each text."""
    fluency: Floats
    """[N] mean log-probability a token under the model as it is, nats; NaN for an empty text."""
    control: str
    """The control, as in ``arms``; empty where there is none."""
    note: str = ""
    """What else there is to know, in one sentence."""

    def _headline(self) -> str:
        control = f", control: {clip(self.control, 30)}" if self.control else ""
        doses = len(set(self.doses.tolist()))
        return f"{counted(len(self.texts), 'text')} at {counted(doses, 'value')} of the {clip(self.dose, 60)}{control}"

    def _lines(self) -> list[str]:
        if not self.texts:
            return []
        lines = [clean(self.note)] if self.note else []
        lines.append(f"{'dose':>8}  {'arm':<22} {clip(self.effect, 40):<42} fluency, nats/token")
        for name, dose, rows in self._curve():
            mean, fluency = _mean(self.effects[rows]), _mean(self.fluency[rows])
            lines.append(
                f"{dose:>8g}  {clip(name, 22):<22} {mean:<42.3f} {fluency:.2f}  ({counted(len(rows), 'text')})"
            )
        limit = text_limit(_TEXTS) // 2
        for row in self._examples(_TEXTS):
            where = f"{self.doses[row]:g}, {clip(self.arms[row], 22)}"
            lines.append(f"  [{where}] {one_line(self.prompts[row], 60)} -> {one_line(self.texts[row], limit)}")
        return lines + more(len(self.texts) - min(len(self.texts), _TEXTS), "text")

    def _html(self) -> Iterable[str]:
        if self.note:
            yield quiet(escaped(self.note))
        header = elements.row(["dose", "arm", escaped(clip(self.effect, 60)), "fluency", "texts"], "th", "rlrrr")
        yield elements.table((self._html_row(*point) for point in self._curve()), header)
        for row in self._examples(_HTML_TEXTS):
            told = f"{self.doses[row]:g} · {clip(self.arms[row], 30)} · {one_line(self.prompts[row], 120)}"
            yield said(self.texts[row], self._colour(row), about=told)
        yield from not_shown(len(self.texts) - _HTML_TEXTS, "text")

    def _html_row(self, name: str, dose: float, rows: list[int]) -> str:
        effect, fluency = _mean(self.effects[rows]), _mean(self.fluency[rows])
        cells = [f"{dose:g}", escaped(clip(name, 30)), f"{effect:.3f}", f"{fluency:.2f}", str(len(rows))]
        return elements.row(cells, aligns="rlrrr")

    def _chart(self, limits: Limits) -> Any:
        import altair

        from .kit import charts

        kinds = list(dict.fromkeys(clip(name, 30) for name in (self.arm, self.control) if name))
        points = [
            {
                "kind": clip(name, 30),
                "at": rounded(dose),
                "value": rounded(_mean(self.effects[rows])),
                "fluency": rounded(_mean(self.fluency[rows])),
                "texts": len(rows),
            }
            for name, dose, rows in self._curve()
        ]
        fluent = [{**point, "value": point["fluency"]} for point in points]
        names, effect, dose = {"texts:Q": "texts"}, clip(self.effect, 60), clip(self.dose, 60)
        below = "how likely the unchanged model finds the texts; low is broken"
        panels = [
            charts.lines(points, x=dose, y=effect, title="Effect by dose", kinds=kinds, extra=names),
            charts.lines(
                fluent,
                x=dose,
                y="nats a token",
                title=altair.Title("Fluency", subtitle=below),
                kinds=kinds,
                extra=names,
            ),
        ]
        return charts.Panels(concat=panels, columns=1).resolve_scale(color="shared")

    def _columns(self) -> Columns:
        measured = {"dose": self.doses, "effect": self.effects, "fluency_nats_per_token": self.fluency}
        return {**super()._columns(), **measured}

    def _curve(self) -> list[tuple[str, float, list[int]]]:
        """Per arm and dose, in order: the rows of that point."""
        at = lambda row: (self.arms[row] != self.arm, self.arms[row], float(self.doses[row]))  # noqa: E731
        ordered = sorted(range(len(self.texts)), key=at)
        return [(name, dose, list(rows)) for (_, name, dose), rows in itertools.groupby(ordered, key=at)]

    def _examples(self, limit: int) -> list[int]:
        return first_of_each([rows for _, _, rows in self._curve()], limit)


def _mean(values: Any) -> float:
    """NaN only where nothing has a value."""
    finite = values[np.isfinite(values)]
    return float(finite.mean()) if len(finite) else float("nan")
