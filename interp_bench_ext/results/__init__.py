"""What techniques return: frozen, typed, made of plain Python and numpy, never of torch.

Every result crosses the wire by :func:`encode` and :func:`decode`, and knows its ``table()``, its ``plot()`` and how
a notebook shows it; pandas and altair are imported when first asked for.
"""

from .codec import decode, encode
from .types import (
    RESULT_TYPES,
    AttentionGrid,
    EffectGrid,
    Floats,
    Generations,
    Ints,
    LensGrid,
    ModelInfo,
    Result,
    TokenDiff,
    TokenProbs,
    WordScores,
)

__all__ = [
    "RESULT_TYPES",
    "AttentionGrid",
    "EffectGrid",
    "Floats",
    "Generations",
    "Ints",
    "LensGrid",
    "ModelInfo",
    "Result",
    "TokenDiff",
    "TokenProbs",
    "WordScores",
    "decode",
    "encode",
]
