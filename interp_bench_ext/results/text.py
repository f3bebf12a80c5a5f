"""Results as plain text: what a terminal shows, and all that an agent sees of a result."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np

from .types import Generations, LensGrid, ModelInfo, Result, TokenDiff, TokenProbs, WordScores
from .wording import clip, counted, one_line, probability, token_label

_TEXTS_SHOWN, _TEXTS_CHARACTERS = 32, 8000
_PROMPT_CHARACTERS = 240
_PROMPTS_SHOWN = 12
_LENS_LAYERS, _LENS_TOKENS, _LENS_CELL = 16, 6, 14
_WORDS_UP, _WORDS_DOWN = 20, 6
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


def runs_of_rows(result: Generations) -> Iterable[tuple[tuple[str, str], list[int]]]:
    """Consecutive rows that share prompt and prefill."""
    rows = range(len(result.texts))
    for key, group in itertools.groupby(rows, key=lambda row: (result.prompts[row], result.prefills[row])):
        yield key, list(group)


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


def word_rows(result: WordScores, up: int = _WORDS_UP, down: int = _WORDS_DOWN) -> list[int]:
    """The rows with the highest and, where negative, the lowest z."""
    n = len(result.words)
    if n <= up + down:
        return list(range(n))
    return [*range(up), *(row for row in range(n - down, n) if result.z[row] < 0)]


def share(count: int, total: int) -> str:
    """For example ``18/40 (45 %)``."""
    return f"{count}/{total} ({100 * count / total:.0f} %)" if total else f"{count}/0"


def evenly(indices: Sequence[int], limit: int) -> list[int]:
    """At most ``limit`` of ``indices`` with equal gaps up to the last; the first is always among them."""
    if len(indices) <= limit:
        return list(indices)
    stride = -(-(len(indices) - 1) // max(1, limit - 1))
    picked = list(indices[::-1][::stride])[::-1]
    return picked if picked[0] == indices[0] else [indices[0], *picked[-(limit - 1) :]]


def target_first_ranked(result: LensGrid, column: int) -> str:
    """From which layer on the target stays the most likely token at this position."""
    ranks = result.target_ranks[:, column]
    behind = np.flatnonzero(ranks != 1)
    if behind.size and behind[-1] == len(ranks) - 1:
        return f"best rank {ranks.min():,} at layer {result.layers[int(ranks.argmin())]}"
    return f"rank 1 from layer {result.layers[int(behind[-1]) + 1 if behind.size else 0]} on"


def _more(hidden: int, noun: str) -> list[str]:
    return [f"… {counted(hidden, f'more {noun}')}: all in .table()"] if hidden > 0 else []


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
    return lines + _more(len(result.texts) - _TEXTS_SHOWN, "text")


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
    return lines + _more(len(result.prompts) - _PROMPTS_SHOWN, "prompt")


def _target_line(result: TokenProbs, row: int, column: int) -> str:
    logprob = float(result.target_logprobs[row, column])
    pieces = "|".join(token_label(piece) for piece in result.target_pieces[column][:_TOKENS_SHOWN])
    p, rank = probability(float(np.exp(logprob))), int(result.target_ranks[row, column])
    name = token_label(result.targets[column], 60)
    return f"  target {name} ({pieces}): p {p}, log p {logprob:.2f} nats, first token rank {rank:,}"


def _lens_headline(result: LensGrid) -> str:
    size = f"{counted(len(result.layers), 'layer')} x {counted(len(result.tokens), 'token')}"
    return f"logit lens, {size}, {clip(result.arm, 20)}"


def _lens_body(result: LensGrid) -> list[str]:
    if not result.tokens or not result.layers:
        return []
    columns = list(range(len(result.tokens)))[-_LENS_TOKENS:]
    rows = evenly(range(len(result.layers)), _LENS_LAYERS)
    lines = [f"each layer's top token and its p (last {counted(len(columns), 'token')}):"]
    labels = (_cell(token_label(result.tokens[column], _LENS_CELL - 2)) for column in columns)
    lines.append("layer  " + "".join(labels).rstrip())
    for row in rows:
        cells = (_lens_cell(result, row, column) for column in columns)
        lines.append(f"{result.layers[row]:>5}  " + "".join(cells).rstrip())
    kl = "  ".join(f"L{result.layers[row]} {result.kl_to_final[row, -1]:.2f}" for row in rows)
    lines.append(f"KL to final at the last token, nats: {kl}")
    if result.target and result.target_probs.size:
        by_layer = (f"L{result.layers[row]} {probability(float(result.target_probs[row, -1]))}" for row in rows)
        name = f"p of target {token_label(result.target)} at the last token"
        lines.append(f"{name}: {'  '.join(by_layer)}; {target_first_ranked(result, -1)}")
    hidden = len(result.layers) * len(result.tokens) - len(rows) * len(columns)
    return lines + _more(hidden, "cell")


def _lens_cell(result: LensGrid, row: int, column: int) -> str:
    label = token_label(result.top_tokens[row][column][0], _LENS_CELL - 6)
    return _cell(f"{label} {float(result.top_probs[row, column, 0]):.2f}".replace(" 0.", " ."))


def _cell(content: str) -> str:
    return f"{content[: _LENS_CELL - 1]:<{_LENS_CELL}}"


def _diff_headline(result: TokenDiff) -> str:
    where = f"{counted(len(result.tokens), 'reply token')} of {counted(len(result.prompts), 'prompt')}"
    if not result.tokens:
        return f"organism against base, {where}"
    kl = f"KL mean {result.kl.mean():.3f}, highest {result.kl.max():.2f} nats"
    return f"organism against base, {where}, {kl}"


def _diff_body(result: TokenDiff) -> list[str]:
    pairs = list(zip(result.shifted_tokens, result.shifts, strict=True))[:_WORDS_UP]
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
    return lines + _more(len(result.prompts) - len(shown), "prompt")


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
    return lines + _more(len(result.words) - len(rows), "word")


_HEADLINES: dict[type[Result], Callable[[Any], str]] = {
    ModelInfo: _info_headline,
    Generations: _generations_headline,
    TokenProbs: _probs_headline,
    LensGrid: _lens_headline,
    TokenDiff: _diff_headline,
    WordScores: _words_headline,
}
_BODIES: dict[type[Result], Callable[[Any], list[str]]] = {
    ModelInfo: _info_body,
    Generations: _generations_body,
    TokenProbs: _probs_body,
    LensGrid: _lens_body,
    TokenDiff: _diff_body,
    WordScores: _words_body,
}
