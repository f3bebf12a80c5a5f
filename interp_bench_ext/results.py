"""What techniques return: frozen, typed, made of plain Python and numpy, never of torch.

Shapes: P prompts, T visible tokens, L layers, K top entries, N rows.

Every result crosses the wire by :func:`encode` and :func:`decode` (no pickle), and knows its ``table()`` and
``plot()``; how it is written and drawn lives in ``kernel/`` and is imported when first asked for.
"""

from __future__ import annotations

import functools
import math
import typing
from dataclasses import dataclass, fields
from numbers import Integral
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from .errors import OrganismError

if TYPE_CHECKING:
    import altair
    import pandas

Floats = NDArray[np.float32]
Ints = NDArray[np.int64]
Buffer = memoryview | bytes | bytearray


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class Result:
    """Base of all results."""

    def table(self) -> pandas.DataFrame:
        """The result as a DataFrame, one row per text, token or word."""
        from .kernel import tables

        return tables.table(self)

    def plot(self) -> altair.TopLevelMixin:
        """The result as an Altair chart."""
        from .kernel import plots

        return plots.plot(self)

    def __str__(self) -> str:
        from .kernel import text

        return text.text(self)

    def __repr__(self) -> str:
        from .kernel import text

        return f"<{type(self).__name__}: {text.headline(self)}>"

    def __eq__(self, other: object) -> bool:
        if type(self) is not type(other):
            return NotImplemented
        return all(_same(getattr(self, field.name), getattr(other, field.name)) for field in fields(self))

    __hash__ = None  # type: ignore[assignment]

    def _repr_mimebundle_(self, include: object = None, exclude: object = None) -> dict[str, Any]:
        from .kernel import display

        return display.mimebundle(self)


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


RESULT_TYPES: tuple[type[Result], ...] = (ModelInfo, Generations, TokenProbs, LensGrid, TokenDiff, WordScores)
_BY_NAME = {kind.__name__: kind for kind in RESULT_TYPES}
_DTYPES: dict[Any, np.dtype[Any]] = {Floats: np.dtype("<f4"), Ints: np.dtype("<i8")}
_ALIGNMENT = 8


def encode(result: Result) -> tuple[dict[str, Any], list[memoryview]]:
    """The JSON header of ``result`` and the ``header["nbytes"]`` bytes that follow it; arrays are not copied.

    Raises ``TypeError``, naming the field, when a technique put something else there than its type says.
    """
    kind = type(result)
    if _BY_NAME.get(kind.__name__) is not kind:
        known = ", ".join(_BY_NAME)
        raise TypeError(f"a technique returns one of {known}, not {kind.__module__}.{kind.__qualname__}")
    plain: dict[str, Any] = {}
    arrays: dict[str, Any] = {}
    buffers: list[memoryview] = []
    size = 0
    for name, hint in _hints(kind.__name__).items():
        value, where = getattr(result, name), f"{kind.__name__}.{name}"
        if hint not in _DTYPES:
            plain[name] = _checked(value, hint, where)
            continue
        array = _as_array(value, _DTYPES[hint], where)
        if padding := -size % _ALIGNMENT:
            buffers.append(memoryview(bytes(padding)))
            size += padding
        arrays[name] = {"dtype": array.dtype.str, "shape": list(array.shape), "offset": size}
        buffers.append(array.reshape(-1).view(np.uint8).data)
        size += array.nbytes
    return {"type": kind.__name__, "fields": plain, "arrays": arrays, "nbytes": size}, buffers


def decode(header: dict[str, Any], buffer: Buffer) -> Result:
    """The result that :func:`encode` wrote; its arrays are read-only views of ``buffer``.

    Raises :class:`OrganismError` when header and buffer do not fit together or the type is not known.
    """
    try:
        kind = _BY_NAME.get(header["type"])
        if kind is None:
            raise ValueError(f"the type {header['type']!r} is not known here")
        if header["nbytes"] != len(buffer):
            raise ValueError(f"{header['nbytes']} bytes were announced and {len(buffer)} came")
        values: dict[str, Any] = {}
        for name, hint in _hints(kind.__name__).items():
            if hint in _DTYPES:
                values[name] = _view(header["arrays"][name], _DTYPES[hint], buffer, name)
            else:
                values[name] = _checked(header["fields"][name], hint, name)
        return kind(**values)
    except KeyError as error:
        raise OrganismError(f"the organism sent a result that cannot be read: {error} is missing") from None
    except (TypeError, ValueError, AttributeError, OverflowError) as error:
        raise OrganismError(f"the organism sent a result that cannot be read: {error}") from None


@functools.cache
def _hints(kind: str) -> dict[str, Any]:
    return typing.get_type_hints(_BY_NAME[kind])


def _as_array(value: object, dtype: np.dtype[Any], where: str) -> NDArray[Any]:
    if not isinstance(value, np.ndarray) or value.dtype.kind not in "fiub":
        raise TypeError(f"{where} is a numpy array of numbers, not {type(value).__name__}")
    array: NDArray[Any] = np.ascontiguousarray(value, dtype=dtype)
    return array


def _view(spec: dict[str, Any], dtype: np.dtype[Any], buffer: Buffer, name: str) -> NDArray[Any]:
    if np.dtype(spec["dtype"]) != dtype:
        raise ValueError(f"{name} has dtype {spec['dtype']}, not {dtype.str}")
    shape = tuple(_checked(spec["shape"], tuple[int, ...], f"the shape of {name}"))
    if any(extent < 0 for extent in shape):
        raise ValueError(f"{name} has the shape {shape}")
    count = math.prod(shape)
    array: NDArray[Any] = np.empty(0, dtype)
    if count:
        array = np.frombuffer(buffer, dtype, count=count, offset=spec["offset"])
    array = array.reshape(shape)
    array.flags.writeable = False
    return array


def _checked(value: Any, hint: Any, where: str) -> Any:
    """``value`` as ``hint`` says, lists having become tuples and numpy's integers Python's."""
    if typing.get_origin(hint) is tuple:
        if not isinstance(value, (list, tuple)):
            raise TypeError(f"{where} is a tuple, not {type(value).__name__}")
        return tuple(_checked(item, typing.get_args(hint)[0], where) for item in value)
    if hint is int and isinstance(value, Integral) and not isinstance(value, bool):
        return int(value)
    if not isinstance(value, hint) or (hint is int and isinstance(value, bool)):
        raise TypeError(f"{where} holds {hint.__name__}, not {type(value).__name__}")
    return value
