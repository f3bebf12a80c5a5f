"""Grids of layers, sites or heads over tokens, as heat maps with the tokens themselves on the axes."""

from __future__ import annotations

from dataclasses import dataclass

import altair
import numpy as np

from .charts import Grid, Layers, Panels, Row, heat_map, rounded, token_labels
from .safe_text import clip, probability, token_label
from .selection import effect_rows, evenly, has_target, last, target_first_ranked
from .types import AttentionGrid, EffectGrid, LensGrid

_CELL_WIDTH, _CELL_HEIGHT, _CELL_CHARACTERS = 60, 17, 9
_SQUARE, _SQUARE_CHARACTERS = 22, 12
_TOOLTIP_TOKENS = 3


@dataclass(frozen=True, kw_only=True)
class GridLimits:
    """How much of a grid is shown."""

    tokens: int
    rows: int
    heads: int


def lens(result: LensGrid, limits: GridLimits) -> Layers:
    """The last tokens of a lens, final layer on top."""
    columns, rows = last(len(result.tokens), limits.tokens), evenly(range(len(result.layers)), limits.rows)[::-1]
    shown = f"{_part(len(rows), len(result.layers), 'layers')}, {_part(len(columns), len(result.tokens), 'tokens')}"
    lines = [f"each layer's most likely token and its p; {shown}"]
    names = {"read:N": "token that was read", "layer:N": "layer", "best:N": "most likely, p"}
    names["kl:Q"] = "KL to final, nats"
    if has_target(result):
        target = token_label(result.target)
        lines.append(f"outlined: target {target}, {target_first_ranked(result, -1)}")
        names |= {"tp:N": f"p of {target}", "tr:Q": f"rank of {target}"}
    look = Grid(
        title=altair.Title(f"Logit lens, {clip(result.arm, 20)}", subtitle=lines),
        columns=token_labels([result.tokens[column] for column in columns], _CELL_CHARACTERS),
        rows=[str(result.layers[row]) for row in rows],
        x="token that was read",
        y="layer",
        colour=altair.Color("p:Q", scale=altair.Scale(scheme="viridis", domain=[0, 1]), title="p"),
        ink=altair.condition("datum.p < 0.5", altair.value("white"), altair.value("black")),
        tooltip=names,
        width=_CELL_WIDTH,
        height=_CELL_HEIGHT,
        outlined="datum.hit",
    )
    cells = [
        {"column": x, "row": y, **_lens_cell(result, row, column)}
        for y, row in enumerate(rows)
        for x, column in enumerate(columns)
    ]
    return heat_map(cells, look)


def _part(shown: int, count: int, what: str) -> str:
    """How much of it is shown: tokens from the end, of other things a selection."""
    if shown == count:
        return f"{count} {what}"
    return f"{'last ' if what == 'tokens' else ''}{shown} of {count} {what}"


def _lens_cell(result: LensGrid, row: int, column: int) -> Row:
    names, probs = result.top_tokens[row][column], result.top_probs[row, column]
    best = list(zip(names, probs, strict=True))[:_TOOLTIP_TOKENS]
    cell: Row = {
        "layer": str(result.layers[row]),
        "read": f"{token_label(result.tokens[column])} (position {result.positions[column]})",
        "best": ", ".join(f"{token_label(name)} {probability(float(p))}" for name, p in best),
        "label": token_label(names[0], _CELL_CHARACTERS),
        "p": rounded(probs[0]),
        "kl": rounded(result.kl_to_final[row, column]),
    }
    if has_target(result):
        cell["tp"] = probability(float(result.target_probs[row, column]))
        cell["tr"] = int(result.target_ranks[row, column])
        if names[0] == result.target:
            cell["hit"] = True
    return cell


def effects(result: EffectGrid, limits: GridLimits) -> Layers:
    """The sites with the largest effects, the highest on top; colour and number say size and sign."""
    columns, rows = last(len(result.tokens), limits.tokens), effect_rows(result, limits.rows)[::-1]
    most = float(np.nan_to_num(np.abs(result.effects)).max(initial=0)) or 1.0
    shown = f"{_part(len(rows), len(result.sites), 'sites')}, {_part(len(columns), len(result.tokens), 'tokens')}"
    scale = altair.Scale(scheme="blueorange", reverse=True, domain=[-most, most])
    look = Grid(
        title=altair.Title(f"Effect on {clip(result.metric, 60)}", subtitle=f"{clip(result.arm, 20)}; {shown}"),
        columns=token_labels([result.tokens[column] for column in columns], _CELL_CHARACTERS),
        rows=[clip(result.sites[row], 16) for row in rows],
        x="token",
        y="site",
        colour=altair.Color("effect:Q", scale=scale, title="effect"),
        ink=altair.condition(f"abs(datum.effect) > {0.7 * most}", altair.value("white"), altair.value("black")),
        tooltip={"site:N": "site", "token:N": "token", "effect:Q": "effect"},
        width=_CELL_WIDTH,
        height=_CELL_HEIGHT,
    )
    cells: list[Row] = [
        {
            "column": x,
            "row": y,
            "site": clip(result.sites[row], 40),
            "token": f"{token_label(result.tokens[column])} (position {result.positions[column]})",
            "effect": rounded(result.effects[row, column]),
            "label": _signed(float(result.effects[row, column])),
        }
        for y, row in enumerate(rows)
        for x, column in enumerate(columns)
    ]
    return heat_map(cells, look)


def _signed(effect: float) -> str:
    if not np.isfinite(effect):
        return "nan"
    return "0" if abs(effect) < 0.005 else f"{effect:+.2f}"


def attention(result: AttentionGrid, limits: GridLimits) -> Panels:
    """One square per head: queries from the top, keys from the left."""
    heads = range(min(len(result.heads), limits.heads))
    shown = last(len(result.tokens), limits.tokens)
    parts = f"{_part(len(heads), len(result.heads), 'heads')}, {_part(len(shown), len(result.tokens), 'tokens')}"
    title = altair.Title(f"Attention, {clip(result.arm, 20)}", subtitle=parts)
    squares = [_head(result, head, shown) for head in heads]
    panels: Panels = Panels(concat=squares, columns=2, title=title).resolve_scale(color="shared")
    return panels


def _head(result: AttentionGrid, head: int, shown: list[int]) -> Layers:
    labels = token_labels([result.tokens[index] for index in shown], _SQUARE_CHARACTERS)
    look = Grid(
        title=clip(result.heads[head], 30),
        columns=labels,
        rows=labels,
        x="key",
        y="query",
        colour=altair.Color("weight:Q", scale=altair.Scale(scheme="viridis", domain=[0, 1]), title="weight"),
        ink=altair.value("white"),
        tooltip={"from:N": "query", "to:N": "key", "weight:Q": "weight"},
        width=_SQUARE,
        height=_SQUARE,
    )
    cells: list[Row] = [
        {
            "column": x,
            "row": y,
            "from": f"{labels[y]} ({query})",
            "to": f"{labels[x]} ({key})",
            "weight": rounded(result.weights[head, query, key]),
        }
        for y, query in enumerate(shown)
        for x, key in enumerate(shown)
        if key <= query
    ]
    return heat_map(cells, look)
