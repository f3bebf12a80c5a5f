"""Results as Altair charts: one accent, one neutral, viridis for grids, tokens in the code font."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import altair
import numpy as np

from . import grid_plots, text
from .charts import ACCENT, INK, NEUTRAL, OTHER, Chart, Layers, Panels, Row, bars, data, finished, rounded, tooltip
from .grid_plots import GridLimits
from .safe_text import clip, one_line, probability, token_label
from .selection import runs_of_rows, word_rows
from .types import (
    AttentionGrid,
    EffectGrid,
    Generations,
    LensGrid,
    ModelInfo,
    Result,
    TokenDiff,
    TokenProbs,
    WordScores,
)

_POINTS = 500
_STANDS_OUT = 3
"""Absolute z-score from which a word is more than chance among many words."""


@dataclass(frozen=True, kw_only=True)
class Limits(GridLimits):
    """How much of a result a chart shows."""

    bars: int
    prompts: int


FULL = Limits(bars=20, prompts=6, tokens=40, rows=80, heads=12)
SMALL = Limits(bars=12, prompts=2, tokens=12, rows=20, heads=4)
"""For the picture that a cell's output carries: a notebook of many cells stays small."""


def plot(result: Result, limits: Limits = FULL) -> altair.TopLevelMixin:
    """``result`` as a chart."""
    return finished(_CHARTS[type(result)](result, limits), text.headline(result))


def _info(info: ModelInfo, _: Limits) -> Layers:
    known = enumerate(text.info_rows(info))
    rows: list[Row] = [{"row": place, "label": label, "value": value} for place, (label, value) in known]
    base = altair.Chart(data(rows)).encode(y=altair.Y("row:O", axis=None))
    left = base.mark_text(align="right", dx=-8, color=NEUTRAL).encode(text="label:N")
    right = base.mark_text(align="left", dx=8, color=INK).encode(text="value:N")
    chart: Layers = Layers(layer=[left, right], title="Model").properties(width=420, height=20 * len(rows))
    return chart


def _generations(result: Generations, _: Limits) -> Chart:
    """A point per text; the picture that shows the texts themselves is the HTML."""
    rows: list[Row] = []
    for number, ((prompt, prefill), members) in enumerate(runs_of_rows(result), start=1):
        name = f"{number}. {clip(prefill or prompt, 30)}"
        for row in members:
            mean = rounded(result.logprobs[row] / max(1, int(result.n_tokens[row])))
            shown = {"text": one_line(result.texts[row], 160), "tokens": int(result.n_tokens[row])}
            rows.append({"group": name, "value": mean, "finish": clip(result.finishes[row], 12), **shown})
    subtitle = "one point per text; drag to move, Alt and the wheel to zoom, double-click to go back"
    ends = ["stop", "length"]
    colours, shapes = altair.Scale(domain=ends, range=[ACCENT, OTHER]), altair.Scale(domain=ends)
    names = {"text:N": "text", "tokens:Q": "tokens", "value:Q": "nats per token", "finish:N": "ended by"}
    points: Chart = (
        Chart(data(rows[:_POINTS]), title=altair.Title(text.headline(result), subtitle=subtitle))
        .mark_point(filled=True, size=55, opacity=0.7)
        .encode(
            x=altair.X("value:Q", title="mean log p per token, nats", scale=altair.Scale(zero=False)),
            y=altair.Y("group:N", title=None, sort=None),
            color=altair.Color("finish:N", title="ended by", scale=colours),
            shape=altair.Shape("finish:N", title="ended by", scale=shapes),
            tooltip=tooltip(names),
        )
        # The wheel alone scrolls the notebook.
        .add_params(altair.selection_interval(bind="scales", encodings=["x"], zoom="wheel![event.altKey]"))
        .properties(width=420)
    )
    return points


def _probs(result: TokenProbs, limits: Limits) -> Panels:
    charts = []
    kinds = altair.Scale(domain=["most likely", "target"], range=[ACCENT, OTHER])
    for row, prompt in enumerate(result.prompts[: limits.prompts]):
        pairs = list(zip(result.top_tokens[row], result.top_probs[row], strict=True))[: limits.bars]
        values = [_share(token_label(token), float(p), "most likely") for token, p in pairs]
        for column, target in enumerate(result.targets[: limits.bars]):
            p = float(np.exp(result.target_logprobs[row, column]))
            values.append(_share(token_label(target, 30), p, "target"))
        colour = altair.Color("kind:N", scale=kinds, title=None) if result.targets else altair.value(ACCENT)
        subtitle = f"next token, {clip(result.arm, 20)}, entropy {result.entropies[row]:.2f} nats"
        title = altair.Title(clip(prompt, 60), subtitle=subtitle)
        charts.append(bars(values, x="p", y="token", title=title, colour=colour))
    panels: Panels = Panels(concat=charts, columns=1).resolve_scale(color="shared")
    return panels


def _share(label: str, p: float, kind: str) -> Row:
    # Of a small p the digits that say anything come late.
    value = float(f"{p:.4g}") if np.isfinite(p) else None
    return {"label": label, "value": value, "shown": probability(p), "kind": kind}


def _diff(result: TokenDiff, limits: Limits) -> Panels:
    pairs = list(zip(result.shifted_tokens, result.shifts, strict=True))[: limits.bars]
    gained = [_amount(token_label(token), float(shift), 3) for token, shift in pairs]
    highest = np.argsort(-np.nan_to_num(result.kl), kind="stable")[: limits.bars]
    apart = [_amount(_in_context(result, int(i)), float(result.kl[i]), 2) for i in highest]
    up = altair.Title("Tokens that gained most against the base")
    kl = altair.Title("Tokens on which organism and base differ most", subtitle="in brackets, after what stood before")
    panels: Panels = Panels(
        concat=[
            bars(gained, x="mean p × change of log p, nats", y="token", title=up, colour=altair.value(OTHER)),
            bars(apart, x="KL(organism || base), nats", y="token", title=kl, colour=altair.value(ACCENT)),
        ],
        columns=1,
    )
    return panels


def _amount(label: str, value: float, digits: int) -> Row:
    return {"label": label, "value": rounded(value), "shown": f"{value:.{digits}f}"}


def _in_context(result: TokenDiff, index: int) -> str:
    near = range(max(0, index - 3), index)
    before = "".join(result.tokens[i] for i in near if result.rows[i] == result.rows[index])
    return f"{clip(before[-24:], 24)} [{token_label(result.tokens[index], 16)}]".strip()


def _words(result: WordScores, limits: Limits) -> Layers:
    rows: list[Row] = []
    for row in word_rows(result, limits.bars, limits.bars // 3):
        mine = text.share(int(result.texts_with[row]), result.n_texts)
        other = text.share(int(result.other_texts_with[row]), result.n_other_texts)
        z = rounded(result.z[row])
        shown = f"{float(result.z[row]):+.1f}"
        rows.append({"label": clip(result.words[row], 30), "value": z, "shown": shown, "mine": mine, "other": other})
    colour = altair.condition("datum.value >= 0", altair.value(ACCENT), altair.value(OTHER))
    subtitle = f"{result.n_texts} texts against {result.n_other_texts}; |z| beyond {_STANDS_OUT}, dashed, stands out"
    title = altair.Title("Words of one set against the other", subtitle=subtitle)
    names = {"mine:N": "texts with it", "other:N": "other texts with it"}
    chart = bars(rows, x="z of the log-odds", y="word", title=title, colour=colour, extra=names)
    edges = altair.Chart(data([{"z": -_STANDS_OUT}, {"z": _STANDS_OUT}])).mark_rule(color=NEUTRAL, strokeDash=[3, 3])
    both: Layers = chart.copy(deep=False)
    both.layer = [*chart.layer, edges.encode(x="z:Q")]
    return both


_CHARTS: dict[type[Result], Callable[[Any, Limits], Any]] = {
    ModelInfo: _info,
    Generations: _generations,
    TokenProbs: _probs,
    LensGrid: grid_plots.lens,
    EffectGrid: grid_plots.effects,
    AttentionGrid: grid_plots.attention,
    TokenDiff: _diff,
    WordScores: _words,
}
