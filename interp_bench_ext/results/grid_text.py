"""Grids of layers, sites or heads over tokens, as plain text."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from .safe_text import clip, counted, more, probability, token_label
from .selection import effect_rows, evenly, has_target, largest_effects, last, strongest_keys, target_first_ranked
from .types import AttentionGrid, EffectGrid, LensGrid

_ROWS, _TOKENS, _CELL = 16, 6, 14
_LARGEST, _HEADS, _QUERIES, _KEYS = 8, 4, 8, 3


def lens_headline(result: LensGrid) -> str:
    size = f"{counted(len(result.layers), 'layer')} x {counted(len(result.tokens), 'token')}"
    return f"logit lens, {size}, {clip(result.arm, 20)}"


def lens_body(result: LensGrid) -> list[str]:
    if not result.tokens or not result.layers:
        return []
    columns, rows = last(len(result.tokens), _TOKENS), evenly(range(len(result.layers)), _ROWS)
    lines = [f"each layer's top token and its p (last {counted(len(columns), 'token')}):"]
    lines.append(_line("layer", 5, _heads(result.tokens, columns)))
    for row in rows:
        lines.append(_line(str(result.layers[row]), 5, (_lens_cell(result, row, column) for column in columns)))
    kl = "  ".join(f"L{result.layers[row]} {result.kl_to_final[row, -1]:.2f}" for row in rows)
    lines.append(f"KL to final at the last token, nats: {kl}")
    if has_target(result):
        by_layer = (f"L{result.layers[row]} {probability(float(result.target_probs[row, -1]))}" for row in rows)
        name = f"p of target {token_label(result.target)} at the last token"
        lines.append(f"{name}: {'  '.join(by_layer)}; {target_first_ranked(result, -1)}")
    return lines + more(len(result.layers) * len(result.tokens) - len(rows) * len(columns), "cell")


def _lens_cell(result: LensGrid, row: int, column: int) -> str:
    label = token_label(result.top_tokens[row][column][0], _CELL - 6)
    return f"{label} {float(result.top_probs[row, column, 0]):.2f}".replace(" 0.", " .")


def effect_headline(result: EffectGrid) -> str:
    size = f"{counted(len(result.sites), 'site')} x {counted(len(result.tokens), 'token')}"
    return f"effect on {clip(result.metric, 60)}, {size}, {clip(result.arm, 20)}"


def effect_body(result: EffectGrid) -> list[str]:
    if not result.effects.size:
        return []
    columns, rows = last(len(result.tokens), _TOKENS), effect_rows(result, _ROWS)
    largest = (
        f"{clip(result.sites[site], 20)} at {token_label(result.tokens[token])} {result.effects[site, token]:+.3f}"
        for site, token in largest_effects(result, _LARGEST)
    )
    lines = [f"largest: {'  '.join(largest)}", f"by site (last {counted(len(columns), 'token')}):"]
    lines.append(_line("site", 14, _heads(result.tokens, columns)))
    for row in rows:
        effects = (f"{result.effects[row, column]:+.3f}" for column in columns)
        lines.append(_line(clip(result.sites[row], 14), 14, effects))
    return lines + more(result.effects.size - len(rows) * len(columns), "cell")


def attention_headline(result: AttentionGrid) -> str:
    size = f"{counted(len(result.heads), 'head')}, {counted(len(result.tokens), 'token')}"
    return f"attention, {size}, {clip(result.arm, 20)}"


def attention_body(result: AttentionGrid) -> list[str]:
    if not result.weights.size:
        return []
    queries = last(len(result.tokens), _QUERIES)
    lines = []
    for head in range(min(len(result.heads), _HEADS)):
        lines.append(f"{clip(result.heads[head], 20)}, strongest keys of the last {counted(len(queries), 'token')}:")
        for query in queries:
            keys = strongest_keys(result, head, query, _KEYS)
            pairs = (f"{token_label(result.tokens[key])} {result.weights[head, query, key]:.2f}" for key in keys)
            lines.append(f"  {token_label(result.tokens[query])} -> {'  '.join(pairs)}")
    return lines + more(len(result.heads) - _HEADS, "head")


def _heads(tokens: Sequence[str], columns: Sequence[int]) -> Iterable[str]:
    return (token_label(tokens[column], _CELL - 2) for column in columns)


def _line(label: str, width: int, cells: Iterable[str]) -> str:
    row = "".join(f"{cell[: _CELL - 1]:<{_CELL}}" for cell in cells)
    return f"{label:>{width}}  {row}".rstrip()
