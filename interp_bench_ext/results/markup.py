"""Results as HTML for any notebook: whole, or folded away below a chart."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import numpy as np

from . import elements, grid_markup, text
from .elements import ACCENT, EDGE, OTHER, escaped, not_shown, passage, quiet
from .safe_text import clean, clip, probability, shorten
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

_TEXTS_SHOWN, _TEXT_CHARACTERS, _PROMPTS_SHOWN, _ROWS_SHOWN = 60, 2500, 8, 16
_KL_FULL = 3.0
_TOKENS_COLOURED = 400
_MARKED = f"background-color:{ACCENT.format('0.2')}"
"""What the organism itself said, where the beginning was put into its mouth."""
_FOLDED: dict[type[Result], str] = {TokenDiff: "Replies token by token, and table"}


def markup(result: Result) -> str:
    """The result as one self-contained ``div``."""
    head = f'<div style="opacity:0.75;margin-bottom:6px">{escaped(text.headline(result))}</div>'
    return (
        '<div style="font-size:13px;line-height:1.45;max-width:1000px;overflow-x:auto">'
        f"{head}{''.join(_BODIES[type(result)](result))}</div>"
    )


def folded(result: Result, page: str) -> str:
    """``page``, the result's markup, behind a line that opens it."""
    label = _FOLDED.get(type(result), "Table")
    style = "font-size:12px;opacity:0.75;margin-bottom:4px"
    return f'<details><summary style="{style}">{label}</summary>{page}</details>'


def _info(info: ModelInfo) -> Iterable[str]:
    for_label = '<span style="opacity:0.7">{}</span>'
    return [
        elements.table(elements.row([for_label.format(label), escaped(value)]) for label, value in text.info_rows(info))
    ]


def _generations(result: Generations) -> Iterable[str]:
    shown, shared = 0, ""
    for (prompt, prefill), rows in runs_of_rows(result):
        if shown >= _TEXTS_SHOWN:
            break
        if prompt != shared or not shown:
            yield elements.prompt("prompt", prompt)
            shared = prompt
        for row in rows[: _TEXTS_SHOWN - shown]:
            yield _generation(result, row, prefill)
        shown += len(rows)
    yield from not_shown(len(result.texts) - _TEXTS_SHOWN, "text")


def _generation(result: Generations, row: int, prefill: str) -> str:
    begun = passage(shorten(clean(prefill), 600), "opacity:0.62") if prefill else ""
    continued = passage(shorten(clean(result.texts[row]), _TEXT_CHARACTERS), _MARKED if prefill else "")
    note = quiet(escaped(f"{row + 1} · {text.row_note(result, row)}"))
    edge = f"border-left:3px solid {ACCENT.format('0.7')};padding:1px 0 1px 10px;margin:6px 0"
    return f'<div style="{edge};overflow-wrap:break-word"><div dir="auto">{begun}{continued}</div>{note}</div>'


def _probs(result: TokenProbs) -> Iterable[str]:
    for row, prompt in enumerate(result.prompts[:_PROMPTS_SHOWN]):
        yield elements.prompt("after", prompt)
        yield quiet(f"entropy {result.entropies[row]:.2f} nats")
        pairs = list(zip(result.top_tokens[row], result.top_probs[row], strict=True))[:_ROWS_SHOWN]
        yield elements.table(_likely(token, float(p)) for token, p in pairs)
        if result.targets:
            header = elements.row(["target", "p", "log p, nats", "first token's rank"], "th", "lrrr")
            yield elements.table(_target_rows(result, row), header)
    yield from not_shown(len(result.prompts) - _PROMPTS_SHOWN, "prompt")


def _likely(token: str, p: float) -> str:
    return elements.row([elements.token(token), elements.bar(p), probability(p)], aligns="rlr")


def _target_rows(result: TokenProbs, row: int) -> Iterable[str]:
    for column, pieces in enumerate(result.target_pieces[:_ROWS_SHOWN]):
        logprob = float(result.target_logprobs[row, column])
        tokens = " ".join(map(elements.token, pieces[:_ROWS_SHOWN]))
        name = tokens or elements.token(result.targets[column], 60)
        rank = f"{int(result.target_ranks[row, column]):,}"
        yield elements.row([name, probability(float(np.exp(logprob))), f"{logprob:.2f}", rank], aligns="lrrr")


def _diff(result: TokenDiff) -> Iterable[str]:
    pairs = list(zip(result.shifted_tokens, result.shifts, strict=True))[:_ROWS_SHOWN]
    if pairs:
        most = max(float(np.abs(result.shifts).max()), 1e-9)
        yield quiet("tokens that gained most: mean p × change of log p, nats")
        yield elements.table(_gained(token, float(shift), most) for token, shift in pairs)
    for prompt in range(min(len(result.prompts), _PROMPTS_SHOWN)):
        yield elements.prompt("prompt", result.prompts[prompt])
        yield f'<div dir="auto" style="{EDGE}">{_coloured(result, prompt)}</div>'
        base = passage(shorten(clean(result.base_replies[prompt]), 800), "opacity:0.75")
        yield f'<div dir="auto" style="{EDGE};margin-top:4px">{quiet("base")}{base}</div>'
    yield quiet(f"orange: KL of a token, full at {_KL_FULL:g} nats or more; the number is under the pointer")
    yield from not_shown(len(result.prompts) - _PROMPTS_SHOWN, "prompt")


def _gained(token: str, shift: float, most: float) -> str:
    return elements.row([elements.token(token), elements.bar(shift / most, OTHER), f"{shift:+.4f}"], aligns="rlr")


def _coloured(result: TokenDiff, prompt: int) -> str:
    mine = np.flatnonzero(result.rows == prompt)
    spans = [quiet("organism")]
    for index in mine[:_TOKENS_COLOURED]:
        kl, token = float(result.kl[index]), result.tokens[index]
        shade = f"{0.65 * min(1.0, max(0.0, kl / _KL_FULL)):.2f}"
        style = f"background-color:{OTHER.format(shade)};white-space:pre-wrap"
        spans.append(f'<span style="{style}" title="KL {kl:.2f} nats">{escaped(shorten(token, 200))}</span>')
    return "".join(spans) + "".join(not_shown(len(mine) - _TOKENS_COLOURED, "token"))


def _words(result: WordScores) -> Iterable[str]:
    rows = word_rows(result)
    most = max((abs(float(result.z[row])) for row in rows), default=1.0) or 1.0
    header = elements.row(["word", "z", "", "log-odds", "texts with it", "other texts with it"], "th", "rrlrrr")
    yield elements.table((_word_row(result, row, most) for row in rows), header)
    yield from not_shown(len(result.words) - len(rows), "word")


def _word_row(result: WordScores, row: int, most: float) -> str:
    z = float(result.z[row])
    mine = text.share(int(result.texts_with[row]), result.n_texts)
    other = text.share(int(result.other_texts_with[row]), result.n_other_texts)
    bar = elements.bar(abs(z) / most, ACCENT if z >= 0 else OTHER, 160)
    word = escaped(clip(result.words[row], 40))
    return elements.row([word, f"{z:+.2f}", bar, f"{result.log_odds[row]:+.2f}", mine, other], aligns="rrlrrr")


_BODIES: dict[type[Result], Callable[[Any], Iterable[str]]] = {
    ModelInfo: _info,
    Generations: _generations,
    TokenProbs: _probs,
    LensGrid: grid_markup.lens,
    EffectGrid: grid_markup.effects,
    AttentionGrid: grid_markup.attention,
    TokenDiff: _diff,
    WordScores: _words,
}
