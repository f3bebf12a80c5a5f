"""What every chart of a result has in common: how it looks, and how a notebook shows it.

Text and axes take the page's own colour (``currentColor``, drawn as SVG), so that one chart reads in light and dark
and follows a change of theme; marks keep colours that stand out on both.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import altair

from .bundles import chart_bundle
from .safe_text import token_label

ACCENT, OTHER, NEUTRAL = "#0072B2", "#D55E00", "#8a8a8a"
"""Okabe and Ito's blue and vermilion, which every common kind of colour blindness tells apart."""
SIGNED = [f"{OTHER}ff", f"{NEUTRAL}00", f"{ACCENT}ff"]
"""Colours from the most negative over 0, where the page shows through, to the most positive."""
INK = "currentColor"
SANS = "system-ui, 'Segoe UI', Roboto, 'DejaVu Sans', sans-serif"
MONO = "ui-monospace, Menlo, Consolas, 'DejaVu Sans Mono', monospace"
_WIDE, _STRIP_ROOM = 40, 8
_ROOM = 34
"""Pixels for the numbers at the ends of bars that go to the left, where the labels are."""

_TICKS, _MOST_STEPS = 5, 9
_LEGEND = 40
"""Pixels between a plot and its legend: the numbers at the ends of bars may reach out of the plot."""
INK_VALUE = altair.value(INK)

Row = dict[str, Any]


class _Shown:
    """Shows itself in our own forms; Altair's own page would load scripts."""

    def _repr_mimebundle_(self, include: object = None, exclude: object = None) -> dict[str, Any]:
        return chart_bundle(self.to_dict())  # type: ignore[attr-defined]


class Chart(_Shown, altair.Chart):
    pass


class Layers(_Shown, altair.LayerChart):
    pass


class Panels(_Shown, altair.ConcatChart):
    pass


def finished(chart: Any, description: str) -> altair.TopLevelMixin:
    """``chart`` in the common look; ``description`` is what a screen reader says."""
    themed: altair.TopLevelMixin = (
        chart.properties(background="transparent", description=description)
        .configure(font=SANS)
        .configure_view(stroke=None)
        .configure_axis(
            grid=False,
            labelLimit=260,
            labelColor=INK,
            titleColor=INK,
            titleFontWeight="normal",
            domainColor=NEUTRAL,
            tickColor=NEUTRAL,
        )
        .configure_title(color=INK, subtitleColor=INK, anchor="start", frame="group", offset=10)
        .configure_legend(labelColor=INK, titleColor=INK, titleFontWeight="normal", offset=_LEGEND)
    )
    return themed


def data(rows: list[Row]) -> altair.Data:
    return altair.Data(values=rows)  # type: ignore[no-untyped-call]


def lookup(labels: Sequence[str]) -> str:
    """A Vega expression from an index to its label; ``<`` is escaped so that no page can take it for a tag."""
    return f"{json.dumps(list(labels))}[datum.value]".replace("<", "\\u003c")


def tooltip(names: dict[str, str]) -> list[altair.Tooltip]:
    """Tooltip lines: field with its type, and the label that a person sees."""
    return [altair.Tooltip(name, title=label) for name, label in names.items()]


def bars(
    rows: list[Row],
    *,
    x: str,
    y: str,
    title: Any,
    colour: Any,
    ink: Any = INK_VALUE,
    strength: Any = None,
    extra: dict[str, str] | None = None,
) -> Layers:
    """Horizontal bars in the rows' own order: ``label`` in the code font, ``value``, and ``shown`` at the bar's end.

    ``ink`` is the colour of what is shown at the ends, ``strength`` the opacity of the bars.
    """
    values = [{**row, "row": index} for index, row in enumerate(rows)]
    below = any((row["value"] or 0) < 0 for row in rows)
    axis = altair.Axis(
        labelExpr=lookup([row["label"] for row in rows]), labelFont=MONO, ticks=False, domain=False, labelPadding=4
    )
    base = altair.Chart(data(values)).encode(
        x=altair.X(
            "value:Q", title=x, scale=altair.Scale(padding=_ROOM if below else 0), axis=altair.Axis(tickCount=_TICKS)
        ),
        y=altair.Y("row:O", title=None, axis=axis),
        tooltip=tooltip({"label:N": y, "value:Q": x, **(extra or {})}),
    )
    negative = "datum.value < 0"
    ends = base.mark_text(
        fontSize=10,
        aria=False,
        align={"expr": f"{negative} ? 'right' : 'left'"},
        dx={"expr": f"{negative} ? -4 : 4"},
    )
    drawn = base.mark_bar(height=12, aria=False).encode(color=colour)
    layers = [
        drawn if strength is None else drawn.encode(opacity=strength),
        ends.encode(text="shown:N", color=ink),
    ]
    chart: Layers = Layers(layer=layers, title=title).properties(width=360, height=18 * max(1, len(rows)))
    return chart


def signed() -> Any:
    """Colour of bars: blue from 0 on, orange below."""
    return altair.condition("datum.value >= 0", altair.value(ACCENT), altair.value(OTHER))


def with_rules(chart: Layers, values: Sequence[float | None]) -> Layers:
    """``chart``, and dashed lines at ``values`` on its x axis."""
    ends = altair.Chart(data([{"z": value} for value in values]))
    return _with(chart, ends.mark_rule(color=NEUTRAL, strokeDash=[3, 3]).encode(x="z:Q"))


def with_ticks(chart: Layers, rows: list[Row], field: str, colour: str) -> Layers:
    """Bars of ``rows``, and a tick at each row's ``field``."""
    marks = altair.Chart(data([{field: row[field], "row": place} for place, row in enumerate(rows)]))
    ticks = marks.mark_tick(color=colour, strokeWidth=3).encode(x=f"{field}:Q", y="row:O", opacity=altair.value(1))
    return _with(chart, ticks)


def _with(chart: Layers, layer: Any) -> Layers:
    both: Layers = chart.copy(deep=False)
    both.layer = [*chart.layer, layer]
    return both


def arms(names: Sequence[str]) -> altair.Color:
    """Colour of the field ``kind``: the first name is what was asked about, the second its control."""
    scale = altair.Scale(domain=list(names), range=[ACCENT, OTHER, NEUTRAL, INK][: len(names)])
    return altair.Color("kind:N", scale=scale, title=None)


def lines(rows: list[Row], *, x: str, y: str, title: Any, kinds: Sequence[str], extra: dict[str, str]) -> Layers:
    """A line with its points for each ``kind``: ``at`` from the left, ``value`` upwards."""
    base = altair.Chart(data(rows)).encode(
        x=altair.X("at:Q", title=x, scale=altair.Scale(zero=False), axis=_steps(rows)),
        y=altair.Y("value:Q", title=y, scale=altair.Scale(zero=False)),
        color=arms(kinds),
    )
    shown = tooltip({"kind:N": "of", "at:Q": x, "value:Q": y, **extra})
    layers = [base.mark_line(strokeWidth=2, aria=False), base.mark_point(aria=False).encode(tooltip=shown)]
    chart: Layers = Layers(layer=layers, title=title).properties(width=360, height=180)
    return chart


def _steps(rows: Sequence[Row]) -> altair.Axis:
    """Of ``at``; between whole numbers there are no ticks. Layers lose an axis's least step."""
    places = [row["at"] for row in rows if row["at"] is not None]
    if not places or not all(float(place).is_integer() for place in places):
        return altair.Axis()
    return altair.Axis(tickCount=max(1, min(_MOST_STEPS, int(max(places) - min(places)))))


def strips(rows: list[Row], *, x: str, title: Any, kinds: Sequence[str], extra: dict[str, str]) -> Layers:
    """A tick at ``value`` for each row, on a line of its own for each ``kind``, and a rule at 0."""
    base = altair.Chart(data(rows)).encode(
        x=altair.X("value:Q", title=x, scale=altair.Scale(padding=_STRIP_ROOM)),
        y=altair.Y("kind:N", title=None, scale=altair.Scale(domain=list(kinds))),
        color=arms(kinds),
        opacity=altair.value(1),
        tooltip=tooltip({"kind:N": "of", "value:Q": x, **extra}),
    )
    zero = altair.Chart(data([{"value": 0}])).mark_rule(color=NEUTRAL, strokeDash=[3, 3]).encode(x="value:Q")
    layers = [base.mark_tick(strokeWidth=2, aria=False), zero]
    chart: Layers = Layers(layer=layers, title=title).properties(width=360, height=24 * len(kinds))
    return chart


@dataclass(frozen=True, kw_only=True)
class Grid:
    """How a heat map looks."""

    title: Any
    columns: Sequence[str]
    """Labels of the columns, from the left."""
    rows: Sequence[str]
    """Labels of the rows, from the top."""
    x: str
    y: str
    colour: Any
    ink: Any
    """Colour of the cells' ``label``."""
    tooltip: dict[str, str]
    width: int
    """Of one cell, in pixels; narrow ones have slanted labels."""
    height: int
    outlined: str = "false"
    """Vega expression: which cells have an outline."""


def heat_map(cells: list[Row], look: Grid) -> Layers:
    """A grid of ``cells``: each has the indices ``column`` and ``row``, and a ``label`` where one is written in it."""
    angle = 0 if look.width >= _WIDE else -45
    across = altair.Axis(labelExpr=lookup(look.columns), labelFont=MONO, labelAngle=angle, orient="top", ticks=False)
    down = altair.Axis(labelExpr=lookup(look.rows), labelFont=MONO, ticks=False)
    stroke = altair.condition(look.outlined, altair.value(OTHER), altair.value("transparent"))
    base = altair.Chart(data(cells)).encode(
        x=altair.X("column:O", title=look.x, axis=across),
        y=altair.Y("row:O", title=look.y, axis=down),
        tooltip=tooltip(look.tooltip),
    )
    layers = [base.mark_rect(strokeWidth=1.5, aria=False).encode(color=look.colour, stroke=stroke)]
    if any("label" in cell for cell in cells):
        layers.append(base.mark_text(font=MONO, fontSize=10, aria=False).encode(text="label:N", color=look.ink))
    size = {"width": look.width * len(look.columns), "height": look.height * max(1, len(look.rows))}
    chart: Layers = Layers(layer=layers, title=look.title).properties(**size)
    return chart


def token_labels(tokens: Sequence[str], limit: int) -> list[str]:
    return [token_label(token, limit) for token in tokens]
