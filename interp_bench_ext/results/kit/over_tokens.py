"""What results have in common that say something of each token of one text."""

from __future__ import annotations

from dataclasses import dataclass

from .result import Result
from .safe_text import token_label


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class OverTokens(Result):
    """A result over the T visible tokens of one text."""

    tokens: tuple[str, ...]
    """[T]"""
    arm: str
    """``organism`` or ``base``."""

    def _charted(self) -> bool:
        return bool(self.tokens)


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class AtPositions(OverTokens):
    """One whose tokens stand at positions of their own, as it need not be over all of them."""

    positions: tuple[int, ...]
    """[T] of each token in the text, from 0."""

    def _place(self, column: int) -> str:
        """A token and where it stands."""
        return f"{token_label(self.tokens[column])} (position {self.positions[column]})"
