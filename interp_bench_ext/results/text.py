"""Results as plain text: what a terminal shows, and all that an agent sees of a result."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

import numpy as np

from . import grid_text
from .safe_text import clip, counted, more, one_line, probability, token_label
from .selection import WORDS_UP, runs_of_rows, word_rows
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

_TEXTS_SHOWN, _TEXTS_CHARACTERS = 32, 8000
_PROMPT_CHARACTERS = 240
_PROMPTS_SHOWN = 12
_TOKENS_SHOWN = 12


def headline(result: Result) -> str:
    """What the result is, in one line."""
    return _HEADLINES[type(result)](result)


def text(result: Result) -> str:
    """The result as bounded plain text: a headline, then the key numbers and texts."""
    return "\n".join([f"{type(result).__name__}: {headline(result)}", *_BODIES[type(result)](result)])


def text_limit(n_texts: int) -> int:
    """How many characters of each of ``n_texts`` texts are shown."""
    return max(160, min(1500, _TEXTS_CHARACTERS // max(1, min(n_texts, _TEXTS_SHOWN))))


def row_note(result: Generations, row: int) -> str:
    """Length, ending and mean log-probability of one text."""
    n_tokens = int(result.n_tokens[row])
    mean = float(result.logprobs[row]) / n_tokens if n_tokens else float("nan")
    return f"{counted(n_tokens, 'token')}, {clip(result.finishes[row], 20)}, {mean:.2f} nats/token"


def info_rows(info: ModelInfo) -> list[tuple[str, str]]:
    """Label and value of everything known of the model."""
    return [
        ("layers", str(info.n_layers)),
        ("width", f"{info.width:,}"),
        ("attention heads", f"{info.n_heads} (key/value {info.n_key_value_heads})"),
        ("vocabulary", f"{info.vocabulary:,} tokens"),
        ("context", f"{info.context_length:,} tokens"),
        ("parameters", f"{info.n_parameters:,}"),
        ("number format", clip(info.dtype, 40)),
        ("device", clip(info.device, 60)),
        ("chat template", "yes" if info.chat_template else "no"),
        ("access", clip(info.access, 40)),
    ]


def share(count: int, total: int) -> str:
    """For example ``18/40 (45 %)``."""
    return f"{count}/{total} ({100 * count / total:.0f} %)" if total else f"{count}/0"


def _info_headline(info: ModelInfo) -> str:
    millions = info.n_parameters / 1e6
    parameters = f"{millions:,.0f} M" if millions >= 1 else f"{info.n_parameters:,}"
    return f"{info.n_layers} layers of width {info.width:,}, {parameters} parameters"


def _info_body(info: ModelInfo) -> list[str]:
    return [f"  {label:<16} {value}" for label, value in info_rows(info)]


def _generations_headline(result: Generations) -> str:
    n, prompts = len(result.texts), len(set(result.prompts))
    return f"{counted(n, 'text')} from the {clip(result.arm, 20)}, {counted(prompts, 'prompt')}"


def _generations_body(result: Generations) -> list[str]:
    lines: list[str] = []
    limit, shown = text_limit(len(result.texts)), 0
    for (prompt, prefill), rows in runs_of_rows(result):
        if shown >= _TEXTS_SHOWN:
            break
        lines.append(f"prompt: {one_line(prompt, _PROMPT_CHARACTERS)}")
        if prefill:
            lines.append(f"prefill: {one_line(prefill, _PROMPT_CHARACTERS)}")
        for row in rows[: _TEXTS_SHOWN - shown]:
            lines.append(f"  {row + 1}. {one_line(result.texts[row], limit)}  [{row_note(result, row)}]")
        shown += len(rows)
    return lines + more(len(result.texts) - _TEXTS_SHOWN, "text")


def _probs_headline(result: TokenProbs) -> str:
    return f"next token after {counted(len(result.prompts), 'prompt')}, {clip(result.arm, 20)}"


def _probs_body(result: TokenProbs) -> list[str]:
    lines: list[str] = []
    for row, prompt in enumerate(result.prompts[:_PROMPTS_SHOWN]):
        pairs = zip(result.top_tokens[row], result.top_probs[row], strict=True)
        shown = itertools.islice(pairs, _TOKENS_SHOWN)
        top = "  ".join(f"{token_label(token)} {probability(p)}" for token, p in shown)
        lines += [
            f"prompt: {one_line(prompt, _PROMPT_CHARACTERS)}",
            f"  entropy {result.entropies[row]:.2f} nats; top: {top}",
            *(_target_line(result, row, column) for column in range(min(len(result.targets), _TOKENS_SHOWN))),
        ]
    return lines + more(len(result.prompts) - _PROMPTS_SHOWN, "prompt")


def _target_line(result: TokenProbs, row: int, column: int) -> str:
    logprob = float(result.target_logprobs[row, column])
    pieces = "|".join(token_label(piece) for piece in result.target_pieces[column][:_TOKENS_SHOWN])
    p, rank = probability(float(np.exp(logprob))), int(result.target_ranks[row, column])
    name = token_label(result.targets[column], 60)
    return f"  target {name} ({pieces}): p {p}, log p {logprob:.2f} nats, first token rank {rank:,}"


def _diff_headline(result: TokenDiff) -> str:
    where = f"{counted(len(result.tokens), 'reply token')} of {counted(len(result.prompts), 'prompt')}"
    if not result.tokens:
        return f"organism against base, {where}"
    kl = f"KL mean {result.kl.mean():.3f}, highest {result.kl.max():.2f} nats"
    return f"organism against base, {where}, {kl}"


def _diff_body(result: TokenDiff) -> list[str]:
    pairs = list(zip(result.shifted_tokens, result.shifts, strict=True))[:WORDS_UP]
    shifts = "  ".join(f"{token_label(token)} {shift:+.4f}" for token, shift in pairs)
    lines = [f"tokens that gained most (mean p*change of log p, nats): {shifts}"] if pairs else []
    shown = range(min(len(result.prompts), _PROMPTS_SHOWN))
    limit = text_limit(2 * len(shown)) // 2
    for prompt in shown:
        mine = np.flatnonzero(result.rows == prompt)
        highest = mine[np.argsort(-result.kl[mine], kind="stable")][:_TOKENS_SHOWN]
        apart = "  ".join(f"{token_label(result.tokens[i])} {result.kl[i]:.2f}" for i in highest)
        lines += [
            f"prompt: {one_line(result.prompts[prompt], _PROMPT_CHARACTERS)}",
            f"  organism: {one_line(result.organism_replies[prompt], limit)}",
            f"  base: {one_line(result.base_replies[prompt], limit)}",
            f"  highest KL: {apart}",
        ]
    return lines + more(len(result.prompts) - len(shown), "prompt")


def _words_headline(result: WordScores) -> str:
    texts = f"{counted(result.n_texts, 'text')} against {result.n_other_texts:,}"
    return f"{counted(len(result.words), 'word')}, {texts}"


def _words_body(result: WordScores) -> list[str]:
    rows = word_rows(result)
    heading = f"{'word':<20} {'z':>7} {'log-odds':>9}  {'texts with it':<16} other texts with it"
    lines = [heading] if rows else []
    for row in rows:
        mine = share(int(result.texts_with[row]), result.n_texts)
        other = share(int(result.other_texts_with[row]), result.n_other_texts)
        name = clip(result.words[row], 20)
        lines.append(f"{name:<20} {result.z[row]:>7.2f} {result.log_odds[row]:>+9.2f}  {mine:<16} {other}")
    return lines + more(len(result.words) - len(rows), "word")


_HEADLINES: dict[type[Result], Callable[[Any], str]] = {
    ModelInfo: _info_headline,
    Generations: _generations_headline,
    TokenProbs: _probs_headline,
    LensGrid: grid_text.lens_headline,
    EffectGrid: grid_text.effect_headline,
    AttentionGrid: grid_text.attention_headline,
    TokenDiff: _diff_headline,
    WordScores: _words_headline,
}
_BODIES: dict[type[Result], Callable[[Any], list[str]]] = {
    ModelInfo: _info_body,
    Generations: _generations_body,
    TokenProbs: _probs_body,
    LensGrid: grid_text.lens_body,
    EffectGrid: grid_text.effect_body,
    AttentionGrid: grid_text.attention_body,
    TokenDiff: _diff_body,
    WordScores: _words_body,
}
