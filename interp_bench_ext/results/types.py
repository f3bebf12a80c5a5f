"""The results themselves: fields, and what every result can do.

Shapes: P prompts, T visible tokens, L layers, S sites, H heads, K top entries, N rows.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    import altair
    import pandas

Floats = NDArray[np.float32]
Ints = NDArray[np.int64]


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class Result:
    """Base of all results."""

    def table(self) -> pandas.DataFrame:
        """The result as a DataFrame, one row per text, token or word."""
        from . import tables

        return tables.table(self)

    def plot(self) -> altair.TopLevelMixin:
        """The result as an Altair chart."""
        from . import plots

        return plots.plot(self)

    def __str__(self) -> str:
        from . import text

        return text.text(self)

    def __repr__(self) -> str:
        from . import text

        return f"<{type(self).__name__}: {text.headline(self)}>"

    def __eq__(self, other: object) -> bool:
        if type(self) is not type(other):
            return NotImplemented
        return all(_same(getattr(self, field.name), getattr(other, field.name)) for field in fields(self))

    __hash__ = None  # type: ignore[assignment]

    def _repr_mimebundle_(self, include: object = None, exclude: object = None) -> dict[str, Any]:
        from . import display

        return display.mimebundle(self)

    def _ipython_display_(self) -> None:
        from . import display

        display.show(self)


def _same(one: Any, other: Any) -> bool:
    if isinstance(one, np.ndarray):
        return np.array_equal(one, other, equal_nan=one.dtype.kind == "f")
    return bool(one == other)


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class ModelInfo(Result):
    """The organism's shape, without anything that names it."""

    n_layers: int
    width: int
    n_heads: int
    n_key_value_heads: int
    vocabulary: int
    context_length: int
    n_parameters: int
    dtype: str
    device: str
    chat_template: bool
    access: str


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class Generations(Result):
    """N sampled texts, one row each."""

    prompts: tuple[str, ...]
    """Per row: the last user turn or the stem that it answers."""
    prefills: tuple[str, ...]
    """Per row: what the model was made to begin with; empty where nothing."""
    texts: tuple[str, ...]
    """Per row: the continuation, without prompt and prefill."""
    logprobs: Floats
    """[N] sum over the drawn tokens, nats."""
    n_tokens: Ints
    """[N] drawn tokens."""
    finishes: tuple[str, ...]
    """Per row: ``stop`` (the model ended) or ``length``."""
    arm: str
    """``organism`` or ``base``."""


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class TokenProbs(Result):
    """Next-token distributions of P prompts, and whole targets of any number of tokens."""

    prompts: tuple[str, ...]
    entropies: Floats
    """[P] nats."""
    top_tokens: tuple[tuple[str, ...], ...]
    """[P][K]"""
    top_probs: Floats
    """[P, K]"""
    targets: tuple[str, ...]
    target_pieces: tuple[tuple[str, ...], ...]
    """Per target: its tokens."""
    target_logprobs: Floats
    """[P, targets] of the whole target: the sum over all its tokens, nats."""
    target_ranks: Ints
    """[P, targets] rank of the target's first token among all tokens, 1 is the most likely."""
    arm: str


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class LensGrid(Result):
    """The logit lens: every residual stream through final norm and unembedding (nostalgebraist 2020)."""

    tokens: tuple[str, ...]
    """[T] the visible tokens at the positions read."""
    positions: tuple[int, ...]
    layers: tuple[int, ...]
    """[L] 0 is the embedding, n_layers the last block's output."""
    top_tokens: tuple[tuple[tuple[str, ...], ...], ...]
    """[L][T][K]"""
    top_probs: Floats
    """[L, T, K]"""
    kl_to_final: Floats
    """[L, T] KL(final || layer), nats."""
    target: str
    """First token of the target, or empty."""
    target_probs: Floats
    """[L, T], or [0, 0] without a target."""
    target_ranks: Ints
    """[L, T], 1 is the most likely; [0, 0] without a target."""
    arm: str


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class EffectGrid(Result):
    """What an intervention at each of S sites and T tokens does to a metric, as in activation patching."""

    tokens: tuple[str, ...]
    """[T] the visible tokens at the positions."""
    positions: tuple[int, ...]
    sites: tuple[str, ...]
    """[S] where it was done, from the embedding upwards, for example ``L3 mlp``."""
    effects: Floats
    """[S, T] change of the metric."""
    metric: str
    """What is measured, with its unit."""
    arm: str


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class AttentionGrid(Result):
    """Attention patterns of H heads over T tokens."""

    tokens: tuple[str, ...]
    """[T]"""
    heads: tuple[str, ...]
    """[H] for example ``L3 H5``."""
    weights: Floats
    """[H, T, T] from the query (row) to the key (column); a row adds up to 1 at most."""
    arm: str


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class TokenDiff(Result):
    """Organism against base on the same tokens: N reply tokens of P prompts."""

    prompts: tuple[str, ...]
    organism_replies: tuple[str, ...]
    base_replies: tuple[str, ...]
    rows: Ints
    """[N] which prompt a token belongs to."""
    tokens: tuple[str, ...]
    """[N] the organism's reply tokens, on which both are compared."""
    kl: Floats
    """[N] KL(organism || base) of the distribution that the token was drawn from, nats."""
    shifted_tokens: tuple[str, ...]
    """[K] tokens whose mean log-probability over all positions rose most, weighted by the organism's own."""
    shifts: Floats
    """[K] mean over positions of p_organism * (log p_organism - log p_base), nats."""


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class WordScores(Result):
    """Words of one set of texts against another: log-odds with a Dirichlet prior (Monroe et al. 2008)."""

    words: tuple[str, ...]
    """[N] by falling z."""
    z: Floats
    log_odds: Floats
    texts_with: Ints
    """[N] texts of the first set that contain the word."""
    other_texts_with: Ints
    n_texts: int
    n_other_texts: int


RESULT_TYPES: tuple[type[Result], ...] = (
    ModelInfo,
    Generations,
    TokenProbs,
    LensGrid,
    EffectGrid,
    AttentionGrid,
    TokenDiff,
    WordScores,
)
