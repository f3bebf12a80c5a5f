"""Results as Altair charts: one accent, one neutral, viridis for grids, tokens in the code font."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import altair
import numpy as np

from . import text
from .types import Generations, LensGrid, ModelInfo, Result, TokenDiff, TokenProbs, WordScores
from .wording import clip, one_line, token_label

ACCENT, OTHER, NEUTRAL = "#0072B2", "#D55E00", "#8a8a8a"
_MONO = "ui-monospace, Menlo, Consolas, 'DejaVu Sans Mono', monospace"
_LABELLED_TOKENS = 14
_POINTS = 500

Row = dict[str, Any]


@dataclass(frozen=True)
class Limits:
    """How much of a result a chart shows."""

    bars: int
    prompts: int
    tokens: int
    layers: int


FULL = Limits(bars=20, prompts=6, tokens=40, layers=80)
SMALL = Limits(bars=12, prompts=2, tokens=8, layers=20)
"""For the picture that a cell's output carries: a notebook of many cells stays small."""


def plot(result: Result, limits: Limits = FULL) -> altair.TopLevelMixin:
    """``result`` as a chart."""
    chart = _CHARTS[type(result)](result, limits)
    return chart.configure_view(stroke=None).configure_axis(grid=False, labelLimit=260)  # type: ignore[no-any-return]


def _lens(result: LensGrid, limits: Limits) -> altair.LayerChart:
    """The last tokens of a lens as a heat map, final layer on top."""
    columns = list(range(len(result.tokens)))[-limits.tokens :]
    rows = text.evenly(range(len(result.layers)), limits.layers)
    labels = {str(result.positions[column]): token_label(result.tokens[column], 14) for column in columns}
    cells = [_lens_cell(result, row, column) for row in rows for column in columns]
    labelled = len(columns) <= _LABELLED_TOKENS
    width, height = (64, 17) if labelled else (22, 13)
    shown = f"{len(rows)} of {len(result.layers)} layers, {len(columns)} of {len(result.tokens)} tokens"
    title = altair.Title(f"Logit lens, {clip(result.arm, 20)}", subtitle=f"most likely tokens; {shown}", anchor="start")
    angle = 0 if labelled else -90
    axis = altair.Axis(labelExpr=_lookup(labels), labelFont=_MONO, labelAngle=angle, orient="top")
    base = altair.Chart(_data(cells), title=title).encode(
        x=altair.X("at:O", title="token that was read", axis=axis),
        y=altair.Y("layer:O", sort="descending", title="layer"),
        tooltip=[altair.Tooltip(name, title=label) for name, label in _lens_tooltips(result)],
    )
    colour = altair.Color("p:Q", scale=altair.Scale(scheme="viridis", domain=[0, 1]), title="p")
    layers = [base.mark_rect().encode(color=colour)]
    if labelled:
        ink = altair.condition("datum.p < 0.5", altair.value("white"), altair.value("black"))
        layers.append(base.mark_text(font=_MONO, fontSize=10).encode(text="top:N", color=ink))
    return altair.layer(*layers).properties(width=width * len(columns), height=height * len(rows))


def _lens_cell(result: LensGrid, row: int, column: int) -> Row:
    cell: Row = {
        "at": result.positions[column],
        "layer": result.layers[row],
        "top": token_label(result.top_tokens[row][column][0], 10),
        "p": _rounded(result.top_probs[row, column, 0]),
        "kl": _rounded(result.kl_to_final[row, column]),
    }
    if result.target and result.target_probs.size:
        cell["tp"] = _rounded(result.target_probs[row, column])
        cell["tr"] = int(result.target_ranks[row, column])
    return cell


def _lens_tooltips(result: LensGrid) -> list[tuple[str, str]]:
    names = [("layer:O", "layer"), ("at:O", "position"), ("top:N", "token"), ("p:Q", "p")]
    names.append(("kl:Q", "KL to final, nats"))
    if result.target and result.target_probs.size:
        label = token_label(result.target)
        names += [("tp:Q", f"p of {label}"), ("tr:Q", f"rank of {label}")]
    return names


def _data(rows: list[Row]) -> altair.Data:
    return altair.Data(values=rows)  # type: ignore[no-untyped-call]


def _lookup(labels: dict[str, str]) -> str:
    """A Vega expression from axis value to label; ``<`` is escaped so that no page can take it for a tag."""
    return f"{json.dumps(labels)}[datum.value]".replace("<", "\\u003c")


def _rounded(value: Any) -> float | None:
    number = float(value)
    return round(number, 4) if np.isfinite(number) else None


def _bars(rows: list[Row], x: str, y: str, *, title: Any, colour: Any, extra: Sequence[Any] = ()) -> altair.Chart:
    """Horizontal bars in the rows' own order; ``y`` is shown in the code font."""
    labels = {str(index): row["label"] for index, row in enumerate(rows)}
    values = [{**row, "row": index} for index, row in enumerate(rows)]
    names = [altair.Tooltip("label:N", title=y), altair.Tooltip("value:Q", title=x), *extra]
    axis = altair.Axis(labelExpr=_lookup(labels), labelFont=_MONO, ticks=False, domain=False)
    chart = altair.Chart(_data(values), title=title).mark_bar(height=12)
    bars: altair.Chart = chart.encode(
        x=altair.X("value:Q", title=x),
        y=altair.Y("row:O", title=None, axis=axis),
        color=colour,
        tooltip=names,
    ).properties(width=360, height=18 * max(1, len(rows)))
    return bars


def _info(info: ModelInfo, _: Limits) -> altair.LayerChart:
    known = enumerate(text.info_rows(info))
    rows = [{"row": place, "label": label, "value": value} for place, (label, value) in known]
    base = altair.Chart(_data(rows), title="Model").encode(y=altair.Y("row:O", axis=None))
    left = base.mark_text(align="right", dx=-8, color=NEUTRAL).encode(text="label:N")
    right = base.mark_text(align="left", dx=8).encode(text="value:N")
    return altair.layer(left, right).properties(width=420, height=20 * len(rows))


def _generations(result: Generations, _: Limits) -> altair.Chart:
    rows = []
    for number, ((prompt, prefill), members) in enumerate(text.runs_of_rows(result), start=1):
        name = f"{number}. {clip(prefill or prompt, 30)}"
        for row in members:
            mean = _rounded(result.logprobs[row] / max(1, int(result.n_tokens[row])))
            shown = {"text": one_line(result.texts[row], 160), "tokens": int(result.n_tokens[row])}
            rows.append({"group": name, "value": mean, "finish": clip(result.finishes[row], 12), **shown})
    title = altair.Title(text.headline(result), subtitle="one point per text", anchor="start")
    ended = altair.Scale(domain=["stop", "length"], range=[ACCENT, OTHER])
    points: altair.Chart = (
        altair.Chart(_data(rows[:_POINTS]), title=title)
        .mark_point(filled=True, size=55, opacity=0.7)
        .encode(
            x=altair.X("value:Q", title="mean log p per token, nats", scale=altair.Scale(zero=False)),
            y=altair.Y("group:N", title=None, sort=None),
            color=altair.Color("finish:N", title="ended by", scale=ended),
            shape=altair.Shape("finish:N", title="ended by"),
            tooltip=["text:N", "tokens:Q", altair.Tooltip("value:Q", title="nats/token"), "finish:N"],
        )
        .properties(width=420)
    )
    return points


def _probs(result: TokenProbs, limits: Limits) -> altair.VConcatChart:
    charts = []
    kinds = altair.Scale(domain=["top", "target"], range=[ACCENT, OTHER])
    for row, prompt in enumerate(result.prompts[: limits.prompts]):
        pairs = list(zip(result.top_tokens[row], result.top_probs[row], strict=True))[: limits.bars]
        values = [{"label": token_label(token), "value": _rounded(p), "kind": "top"} for token, p in pairs]
        for column, target in enumerate(result.targets[: limits.bars]):
            p = _rounded(np.exp(result.target_logprobs[row, column]))
            values.append({"label": token_label(target, 30), "value": p, "kind": "target"})
        colour = altair.Color("kind:N", scale=kinds, title=None)
        subtitle = f"entropy {result.entropies[row]:.2f} nats, {clip(result.arm, 20)}"
        title = altair.Title(clip(prompt, 60), subtitle=subtitle, anchor="start")
        charts.append(_bars(values, "p", "token", title=title, colour=colour))
    return altair.vconcat(*charts)


def _diff(result: TokenDiff, limits: Limits) -> altair.VConcatChart:
    pairs = list(zip(result.shifted_tokens, result.shifts, strict=True))[: limits.bars]
    gained = [{"label": token_label(token), "value": _rounded(shift)} for token, shift in pairs]
    highest = np.argsort(-result.kl, kind="stable")[: limits.bars]
    apart = [{"label": _in_context(result, int(i)), "value": _rounded(result.kl[i])} for i in highest]
    up = altair.Title("Tokens that gained most against the base", anchor="start")
    kl = altair.Title("Tokens on which organism and base differ most", anchor="start")
    return altair.vconcat(
        _bars(gained, "mean p × change of log p, nats", "token", title=up, colour=altair.value(OTHER)),
        _bars(apart, "KL(organism || base), nats", "token", title=kl, colour=altair.value(ACCENT)),
    )


def _in_context(result: TokenDiff, index: int) -> str:
    near = range(max(0, index - 3), index)
    before = "".join(result.tokens[i] for i in near if result.rows[i] == result.rows[index])
    return f"{clip(before[-24:], 24)} [{token_label(result.tokens[index], 16)}]".strip()


def _words(result: WordScores, limits: Limits) -> altair.Chart:
    rows = []
    for row in text.word_rows(result, limits.bars, limits.bars // 3):
        mine = text.share(int(result.texts_with[row]), result.n_texts)
        other = text.share(int(result.other_texts_with[row]), result.n_other_texts)
        z = _rounded(result.z[row])
        rows.append({"label": clip(result.words[row], 30), "value": z, "mine": mine, "other": other})
    colour = altair.condition("datum.value >= 0", altair.value(ACCENT), altair.value(OTHER))
    subtitle = f"{result.n_texts} texts against {result.n_other_texts}; |z| beyond 3 stands out"
    title = altair.Title("Words of one set against the other", subtitle=subtitle, anchor="start")
    counts = {"mine:N": "texts with it", "other:N": "other texts with it"}
    tips = [altair.Tooltip(name, title=label) for name, label in counts.items()]
    return _bars(rows, "z of the log-odds", "word", title=title, colour=colour, extra=tips)


_CHARTS: dict[type[Result], Callable[[Any, Limits], Any]] = {
    ModelInfo: _info,
    Generations: _generations,
    TokenProbs: _probs,
    LensGrid: _lens,
    TokenDiff: _diff,
    WordScores: _words,
}
