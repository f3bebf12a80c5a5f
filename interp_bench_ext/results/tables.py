"""Results as DataFrames; a column's unit is the end of its name."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from .text import info_rows
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

if TYPE_CHECKING:
    import pandas

Columns = dict[str, Any]


def table(result: Result) -> pandas.DataFrame:
    """``result`` as a DataFrame."""
    import pandas

    return pandas.DataFrame(_COLUMNS[type(result)](result))


def _info(info: ModelInfo) -> Columns:
    labels, values = zip(*info_rows(info), strict=True)
    return {"property": labels, "value": values}


def _generations(result: Generations) -> Columns:
    with np.errstate(divide="ignore", invalid="ignore"):
        mean = result.logprobs / result.n_tokens
    return {
        "prompt": result.prompts,
        "prefill": result.prefills,
        "text": result.texts,
        "tokens": result.n_tokens,
        "logprob_nats": result.logprobs,
        "logprob_nats_per_token": mean,
        "finish": result.finishes,
        "arm": result.arm,
    }


def _probs(result: TokenProbs) -> Columns:
    """Per prompt: the most likely tokens, then the targets."""
    rows: list[tuple[Any, ...]] = []
    for row, prompt in enumerate(result.prompts):
        entropy = result.entropies[row]
        pairs = zip(result.top_tokens[row], result.top_probs[row], strict=True)
        for rank, (token, p) in enumerate(pairs, start=1):
            logprob = np.log(p) if p > 0 else -np.inf
            rows.append((row, prompt, "top", token, 1, float(p), float(logprob), rank, float(entropy)))
        for column, target in enumerate(result.targets):
            logprob, rank = result.target_logprobs[row, column], int(result.target_ranks[row, column])
            pieces = len(result.target_pieces[column])
            p = float(np.exp(logprob))
            rows.append((row, prompt, "target", target, pieces, p, float(logprob), rank, float(entropy)))
    names = [
        "prompt_index",
        "prompt",
        "kind",
        "text",
        "tokens",
        "p",
        "logprob_nats",
        "first_token_rank",
        "entropy_nats",
    ]
    return {name: [row[place] for row in rows] for place, name in enumerate(names)} | {"arm": [result.arm] * len(rows)}


def _lens(result: LensGrid) -> Columns:
    """One row per layer, token and place among the top tokens (1 is the most likely)."""
    n_layers, n_tokens, k = result.top_probs.shape
    each = np.repeat
    columns: Columns = {
        "layer": each(np.array(result.layers, dtype=np.int64), n_tokens * k),
        "position": each(np.tile(np.array(result.positions, dtype=np.int64), n_layers), k),
        "token": [token for _ in range(n_layers) for token in result.tokens for _ in range(k)],
        "place": np.tile(np.arange(1, k + 1), n_layers * n_tokens),
        "top_token": [name for layer in result.top_tokens for names in layer for name in names],
        "p": result.top_probs.reshape(-1),
        "kl_to_final_nats": each(result.kl_to_final.reshape(-1), k),
    }
    if result.target and result.target_probs.size:
        columns |= {
            "target": result.target,
            "target_p": each(result.target_probs.reshape(-1), k),
            "target_rank": each(result.target_ranks.reshape(-1), k),
        }
    return columns


def _effects(result: EffectGrid) -> Columns:
    """One row per site and token."""
    n_sites, n_tokens = result.effects.shape
    return {
        "site": np.repeat(np.array(result.sites, dtype=object), n_tokens),
        "position": np.tile(np.array(result.positions, dtype=np.int64), n_sites),
        "token": list(result.tokens) * n_sites,
        "effect": result.effects.reshape(-1),
        "metric": result.metric,
        "arm": result.arm,
    }


def _attention(result: AttentionGrid) -> Columns:
    """One row per head, query and key."""
    n_heads, n = len(result.heads), len(result.tokens)
    indices = np.arange(n)
    return {
        "head": np.repeat(np.array(result.heads, dtype=object), n * n),
        "query_index": np.tile(np.repeat(indices, n), n_heads),
        "query": [token for token in result.tokens for _ in range(n)] * n_heads,
        "key_index": np.tile(indices, n * n_heads),
        "key": list(result.tokens) * (n * n_heads),
        "weight": result.weights.reshape(-1),
        "arm": result.arm,
    }


def _diff(result: TokenDiff) -> Columns:
    """One row per reply token; the shifted tokens are ``shifted_tokens`` and ``shifts`` of the result."""
    return {
        "prompt_index": result.rows,
        "prompt": [result.prompts[int(row)] for row in result.rows],
        "token": result.tokens,
        "kl_nats": result.kl,
    }


def _words(result: WordScores) -> Columns:
    def shares(counts: Any, total: int) -> Any:
        return counts / total if total else np.full(len(counts), np.nan)

    return {
        "word": result.words,
        "z": result.z,
        "log_odds": result.log_odds,
        "texts_with": result.texts_with,
        "share_with": shares(result.texts_with, result.n_texts),
        "other_texts_with": result.other_texts_with,
        "other_share_with": shares(result.other_texts_with, result.n_other_texts),
    }


_COLUMNS: dict[type[Result], Callable[[Any], Columns]] = {
    ModelInfo: _info,
    Generations: _generations,
    TokenProbs: _probs,
    LensGrid: _lens,
    EffectGrid: _effects,
    AttentionGrid: _attention,
    TokenDiff: _diff,
    WordScores: _words,
}
