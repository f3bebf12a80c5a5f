"""Results as HTML for any notebook: no script, no class, only inline styles that an untrusted notebook keeps.

JupyterLab's sanitiser drops ``var(…)``, so text takes the page's own colour and fills are half-transparent or
carry their own text colour: that reads in light and dark, with or without the theme's variables.
"""

from __future__ import annotations

import html
import itertools
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np

from . import text
from .types import Generations, LensGrid, ModelInfo, Result, TokenDiff, TokenProbs, WordScores
from .wording import clean, clip, counted, probability, shorten, token_label

_MONO = "font-family:monospace;font-family:var(--jp-code-font-family,ui-monospace,Menlo,Consolas,monospace)"
_LINE = "rgba(128,128,128,0.35)"
_ACCENT, _OTHER = "rgba(0,114,178,{})", "rgba(213,94,0,{})"
_VIRIDIS = ("#440154", "#472d7b", "#3b528b", "#2c728e", "#21918c", "#28ae80", "#5ec962", "#addc30", "#fde725")
_FIRST_LIGHT = 4
_TEXTS_SHOWN, _TEXT_CHARACTERS, _PROMPTS_SHOWN, _ROWS_SHOWN = 60, 2500, 8, 16
_LENS_LAYERS, _LENS_TOKENS = 40, 12
_KL_FULL = 3.0
_TOKENS_COLOURED = 400


def markup(result: Result) -> str:
    """The result as one self-contained ``div``."""
    head = f'<div style="opacity:0.75;margin-bottom:6px">{_escaped(text.headline(result))}</div>'
    return (
        '<div style="font-size:13px;line-height:1.45;max-width:1000px;overflow-x:auto">'
        f"{head}{''.join(_BODIES[type(result)](result))}</div>"
    )


def _escaped(plain: str) -> str:
    return html.escape(clean(plain), quote=True)


def _passage(plain: str, style: str = "") -> str:
    return f'<span style="white-space:pre-wrap;overflow-wrap:break-word;{style}">{_escaped(plain)}</span>'


def _token(token: str, limit: int = 24) -> str:
    style = f"{_MONO};white-space:nowrap;padding:0 3px;background-color:rgba(128,128,128,0.14)"
    return f'<span style="{style}">{html.escape(token_label(token, limit))}</span>'


def _quiet(inner: str) -> str:
    return f'<div style="opacity:0.7;font-size:12px">{inner}</div>'


def _more(hidden: int, noun: str) -> Iterable[str]:
    if hidden > 0:
        yield _quiet(f"… {counted(hidden, f'more {noun}')}: all in <code>.table()</code>")


def _prompt(label: str, content: str) -> str:
    shown = shorten(clean(content), 600)
    return (
        '<div style="margin:8px 0 2px 0;overflow-wrap:break-word" dir="auto">'
        f'<span style="opacity:0.7;font-size:12px">{label} </span>{_passage(shown, "font-weight:600")}</div>'
    )


def _table(rows: Iterable[str], header: str = "") -> str:
    head = f"<thead>{header}</thead>" if header else ""
    style = "table-layout:auto;border-collapse:collapse;margin:4px 0 8px 0;border:none;font-size:13px"
    return f'<table style="{style}">{head}<tbody>{"".join(rows)}</tbody></table>'


def _row(cells: Iterable[str], tag: str = "td", aligns: str = "") -> str:
    def cell(content: str, align: str) -> str:
        side = {"r": "right", "l": "left", "c": "center"}[align]
        style = f"text-align:{side};padding:1px 10px 1px 0;border:none;white-space:nowrap"
        return f'<{tag} style="{style};font-weight:{"600" if tag == "th" else "normal"}">{content}</{tag}>'

    pairs = itertools.zip_longest(cells, aligns, fillvalue="l")
    return f"<tr>{''.join(cell(content, align) for content, align in pairs)}</tr>"


def _bar(part: float, colour: str = _ACCENT, width: int = 220) -> str:
    fill = max(0, min(width, round(width * part))) if np.isfinite(part) else 0
    return (
        f'<div style="width:{width}px;height:11px;background-color:rgba(128,128,128,0.12)">'
        f'<div style="width:{fill}px;height:11px;background-color:{colour.format("0.85")}"></div></div>'
    )


def _info(info: ModelInfo) -> Iterable[str]:
    for_label = '<span style="opacity:0.7">{}</span>'
    return [_table(_row([for_label.format(label), _escaped(value)]) for label, value in text.info_rows(info))]


def _generations(result: Generations) -> Iterable[str]:
    shown, shared = 0, ""
    for (prompt, prefill), rows in text.runs_of_rows(result):
        if shown >= _TEXTS_SHOWN:
            break
        if prompt != shared or not shown:
            yield _prompt("prompt", prompt)
            shared = prompt
        for row in rows[: _TEXTS_SHOWN - shown]:
            yield _generation(result, row, prefill)
        shown += len(rows)
    yield from _more(len(result.texts) - _TEXTS_SHOWN, "text")


def _generation(result: Generations, row: int, prefill: str) -> str:
    begun = _passage(shorten(clean(prefill), 600), "opacity:0.62") if prefill else ""
    continued = _passage(shorten(clean(result.texts[row]), _TEXT_CHARACTERS))
    note = _quiet(_escaped(f"{row + 1} · {text.row_note(result, row)}"))
    edge = f"border-left:3px solid {_ACCENT.format('0.7')};padding:1px 0 1px 10px;margin:6px 0"
    return f'<div style="{edge};overflow-wrap:break-word"><div dir="auto">{begun}{continued}</div>{note}</div>'


def _probs(result: TokenProbs) -> Iterable[str]:
    for row, prompt in enumerate(result.prompts[:_PROMPTS_SHOWN]):
        yield _prompt("after", prompt)
        yield _quiet(f"entropy {result.entropies[row]:.2f} nats")
        pairs = list(zip(result.top_tokens[row], result.top_probs[row], strict=True))[:_ROWS_SHOWN]
        yield _table((_row([_token(token), _bar(float(p)), probability(float(p))], aligns="rlr") for token, p in pairs))
        if result.targets:
            header = _row(["target", "p", "log p, nats", "first token's rank"], "th", "lrrr")
            yield _table(_target_rows(result, row), header)
    yield from _more(len(result.prompts) - _PROMPTS_SHOWN, "prompt")


def _target_rows(result: TokenProbs, row: int) -> Iterable[str]:
    for column, pieces in enumerate(result.target_pieces[:_ROWS_SHOWN]):
        logprob = float(result.target_logprobs[row, column])
        name = " ".join(_token(piece) for piece in pieces[:_ROWS_SHOWN]) or _token(result.targets[column], 60)
        rank = f"{int(result.target_ranks[row, column]):,}"
        yield _row([name, probability(float(np.exp(logprob))), f"{logprob:.2f}", rank], aligns="lrrr")


def _lens(result: LensGrid) -> Iterable[str]:
    if not result.tokens or not result.layers:
        return
    columns = list(range(len(result.tokens)))[-_LENS_TOKENS:]
    rows = text.evenly(range(len(result.layers)), _LENS_LAYERS)
    names = [html.escape(token_label(result.tokens[column], 12)) for column in columns]
    header = _lens_row("layer", (f'<th style="{_HEAD}">{name}</th>' for name in names))
    body = (
        _lens_row(str(result.layers[row]), (_lens_cell(result, row, column) for column in columns))
        for row in reversed(rows)
    )
    yield (
        f'<table style="table-layout:auto;border-collapse:collapse;margin:4px 0;font-size:11px;{_MONO}">'
        f"<thead>{header}</thead><tbody>{''.join(body)}</tbody></table>"
    )
    steps = "".join(f'<span style="background-color:{shade}">&nbsp;&nbsp;&nbsp;</span>' for shade in _VIRIDIS)
    yield f'<div style="font-size:12px">most likely token of each layer; its p: 0 {steps} 1</div>'
    if result.target and result.target_probs.size:
        at_end = f"p {probability(float(result.target_probs[-1, -1]))} at the last layer and token"
        since = text.target_first_ranked(result, -1)
        yield _quiet(f"outlined: target {_token(result.target)}, {at_end}, {since}")
    yield from _more(len(result.tokens) - len(columns), "token")


_HEAD = "text-align:center;padding:2px 4px;font-weight:600;white-space:nowrap"


def _lens_row(label: str, cells: Iterable[str]) -> str:
    style = "text-align:right;padding:1px 6px 1px 0;font-weight:normal;opacity:0.75"
    return f'<tr><th style="{style}">{label}</th>{"".join(cells)}</tr>'


def _lens_cell(result: LensGrid, row: int, column: int) -> str:
    names, probs = result.top_tokens[row][column], result.top_probs[row, column]
    p = float(probs[0])
    shade = min(len(_VIRIDIS) - 1, int(p * len(_VIRIDIS))) if np.isfinite(p) else 0
    style = f"background-color:{_VIRIDIS[shade]};color:{'#000' if shade >= _FIRST_LIGHT else '#fff'}"
    if result.target and names[0] == result.target:
        style += ";box-shadow:inset 0 0 0 2px #ff7f0e"
    pairs = zip(names[:3], probs, strict=False)
    best = ", ".join(f"{token_label(name)} {probability(float(q))}" for name, q in pairs)
    title = f"layer {result.layers[row]}: {best}; KL to final {result.kl_to_final[row, column]:.2f} nats"
    if result.target and result.target_probs.size:
        title += f"; target {probability(float(result.target_probs[row, column]))}"
    style += ";padding:1px 4px;text-align:center;white-space:nowrap"
    return f'<td style="{style}" title="{html.escape(title)}">{html.escape(token_label(names[0], 10))}</td>'


def _diff(result: TokenDiff) -> Iterable[str]:
    pairs = list(zip(result.shifted_tokens, result.shifts, strict=True))[:_ROWS_SHOWN]
    if pairs:
        most = max(float(np.abs(result.shifts).max()), 1e-9)
        yield _quiet("tokens that gained most: mean p × change of log p, nats")
        yield _table(
            _row([_token(token), _bar(shift / most, _OTHER), f"{shift:+.4f}"], aligns="rlr") for token, shift in pairs
        )
    for prompt in range(min(len(result.prompts), _PROMPTS_SHOWN)):
        yield _prompt("prompt", result.prompts[prompt])
        yield f'<div dir="auto" style="{_EDGE}">{_coloured(result, prompt)}</div>'
        base = _passage(shorten(clean(result.base_replies[prompt]), 800), "opacity:0.75")
        yield f'<div dir="auto" style="{_EDGE};margin-top:4px">{_quiet("base")}{base}</div>'
    yield _quiet(f"orange: KL of a token, full at {_KL_FULL:g} nats or more; the number is under the pointer")
    yield from _more(len(result.prompts) - _PROMPTS_SHOWN, "prompt")


_EDGE = f"border-left:3px solid {_LINE};padding-left:10px;overflow-wrap:break-word"


def _coloured(result: TokenDiff, prompt: int) -> str:
    mine = np.flatnonzero(result.rows == prompt)
    spans = [_quiet("organism")]
    for index in mine[:_TOKENS_COLOURED]:
        kl, token = float(result.kl[index]), result.tokens[index]
        shade = f"{0.65 * min(1.0, max(0.0, kl / _KL_FULL)):.2f}"
        style = f"background-color:{_OTHER.format(shade)};white-space:pre-wrap"
        spans.append(f'<span style="{style}" title="KL {kl:.2f} nats">{_escaped(shorten(token, 200))}</span>')
    return "".join(spans) + "".join(_more(len(mine) - _TOKENS_COLOURED, "token"))


def _words(result: WordScores) -> Iterable[str]:
    rows = text.word_rows(result)
    most = max((abs(float(result.z[row])) for row in rows), default=1.0) or 1.0
    header = _row(["word", "z", "", "log-odds", "texts with it", "other texts with it"], "th", "rrlrrr")
    yield _table((_word_row(result, row, most) for row in rows), header)
    yield from _more(len(result.words) - len(rows), "word")


def _word_row(result: WordScores, row: int, most: float) -> str:
    z = float(result.z[row])
    mine = text.share(int(result.texts_with[row]), result.n_texts)
    other = text.share(int(result.other_texts_with[row]), result.n_other_texts)
    bar = _bar(abs(z) / most, _ACCENT if z >= 0 else _OTHER, 160)
    word = _escaped(clip(result.words[row], 40))
    return _row([word, f"{z:+.2f}", bar, f"{result.log_odds[row]:+.2f}", mine, other], aligns="rrlrrr")


_BODIES: dict[type[Result], Callable[[Any], Iterable[str]]] = {
    ModelInfo: _info,
    Generations: _generations,
    TokenProbs: _probs,
    LensGrid: _lens,
    TokenDiff: _diff,
    WordScores: _words,
}
