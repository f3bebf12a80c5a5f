"""Grids of layers, sites or heads over tokens, as HTML tables with coloured cells."""

from __future__ import annotations

import html
from collections.abc import Iterable, Sequence

import numpy as np

from .elements import ACCENT, MONO, OTHER, escaped, not_shown, quiet, row, table, token
from .safe_text import clip, probability, token_label
from .selection import effect_rows, evenly, has_target, last, strongest_keys, target_first_ranked
from .types import AttentionGrid, EffectGrid, LensGrid

_VIRIDIS = ("#440154", "#472d7b", "#3b528b", "#2c728e", "#21918c", "#28ae80", "#5ec962", "#addc30", "#fde725")
_FIRST_LIGHT = 4
_ROWS, _TOKENS, _HEADS, _QUERIES, _KEYS = 40, 12, 8, 12, 3
_HEAD = "text-align:center;padding:2px 4px;font-weight:600;white-space:nowrap"
_SIDE = "text-align:right;padding:1px 6px 1px 0;font-weight:normal;opacity:0.75;white-space:nowrap"
_CELL = "padding:1px 4px;text-align:center;white-space:nowrap"


def lens(result: LensGrid) -> Iterable[str]:
    if not result.tokens or not result.layers:
        return
    columns, rows = last(len(result.tokens), _TOKENS), evenly(range(len(result.layers)), _ROWS)
    body = (
        (str(result.layers[layer]), [_lens_cell(result, layer, column) for column in columns])
        for layer in reversed(rows)
    )
    yield _grid("layer", [result.tokens[column] for column in columns], body)
    steps = "".join(f'<span style="background-color:{shade}">&nbsp;&nbsp;&nbsp;</span>' for shade in _VIRIDIS)
    yield f'<div style="font-size:12px">most likely token of each layer; its p: 0 {steps} 1</div>'
    if has_target(result):
        at_end = f"p {probability(float(result.target_probs[-1, -1]))} at the last layer and token"
        since = target_first_ranked(result, -1)
        yield quiet(f"outlined: target {token(result.target)}, {at_end}, {since}")
    yield from not_shown(len(result.tokens) - len(columns), "token")


def _lens_cell(result: LensGrid, layer: int, column: int) -> str:
    names, probs = result.top_tokens[layer][column], result.top_probs[layer, column]
    p = float(probs[0])
    shade = min(len(_VIRIDIS) - 1, int(p * len(_VIRIDIS))) if np.isfinite(p) else 0
    style = f"background-color:{_VIRIDIS[shade]};color:{'#000' if shade >= _FIRST_LIGHT else '#fff'}"
    if result.target and names[0] == result.target:
        style += ";box-shadow:inset 0 0 0 2px #ff7f0e"
    pairs = zip(names[:3], probs, strict=False)
    best = ", ".join(f"{token_label(name)} {probability(float(q))}" for name, q in pairs)
    title = f"layer {result.layers[layer]}: {best}; KL to final {result.kl_to_final[layer, column]:.2f} nats"
    if has_target(result):
        title += f"; target {probability(float(result.target_probs[layer, column]))}"
    return _cell(token_label(names[0], 10), style, title)


def effects(result: EffectGrid) -> Iterable[str]:
    if not result.effects.size:
        return
    columns, rows = last(len(result.tokens), _TOKENS), effect_rows(result, _ROWS)
    most = float(np.nan_to_num(np.abs(result.effects)).max()) or 1.0
    body = (
        (clip(result.sites[site], 20), [_effect_cell(float(result.effects[site, column]), most) for column in columns])
        for site in reversed(rows)
    )
    yield _grid("site", [result.tokens[column] for column in columns], body)
    yield quiet(f"change of {escaped(clip(result.metric, 60))}; blue raises it, orange lowers it")
    yield from not_shown(result.effects.size - len(rows) * len(columns), "cell")


def _effect_cell(effect: float, most: float) -> str:
    share = min(1.0, abs(effect) / most) if np.isfinite(effect) else 0.0
    colour = (ACCENT if effect >= 0 else OTHER).format(f"{0.65 * share:.2f}")
    return _cell(f"{effect:+.3f}", f"background-color:{colour}")


def attention(result: AttentionGrid) -> Iterable[str]:
    queries = last(len(result.tokens), _QUERIES)
    for head in range(min(len(result.heads), _HEADS)):
        header = row([escaped(clip(result.heads[head], 30)), "attends most to"], "th")
        yield table((_query(result, head, query) for query in queries), header)
    yield from not_shown(len(result.heads) - _HEADS, "head")


def _query(result: AttentionGrid, head: int, query: int) -> str:
    keys = strongest_keys(result, head, query, _KEYS)
    shown = (f"{token(result.tokens[key])} {result.weights[head, query, key]:.2f}" for key in keys)
    return row([token(result.tokens[query]), " &nbsp; ".join(shown)])


def _grid(corner: str, tokens: Sequence[str], rows: Iterable[tuple[str, list[str]]]) -> str:
    names = "".join(f'<th style="{_HEAD}">{html.escape(token_label(name, 12))}</th>' for name in tokens)
    side = '<tr><th style="{}">{}</th>{}</tr>'
    body = "".join(side.format(_SIDE, html.escape(label), "".join(cells)) for label, cells in rows)
    style = f"table-layout:auto;border-collapse:collapse;margin:4px 0;font-size:11px;{MONO}"
    head = side.format(_SIDE, corner, names)
    return f'<table style="{style}"><thead>{head}</thead><tbody>{body}</tbody></table>'


def _cell(content: str, style: str, title: str = "") -> str:
    named = f' title="{html.escape(title)}"' if title else ""
    return f'<td style="{style};{_CELL}"{named}>{html.escape(content)}</td>'
