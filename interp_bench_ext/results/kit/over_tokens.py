"""What results have in common that say something of each token of one text."""

from __future__ import annotations

from .result import Result
from .safe_text import clip, counted, token_label


class OverTokens(Result):
    """A result over the T visible tokens of one text."""

    _picture_of = "tokens"
    tokens: tuple[str, ...]
    """[T]"""
    arm: str
    """``organism`` or ``base``."""

    def _size(self, number: int, noun: str) -> str:
        """So many of them over the tokens, and whose; for a headline."""
        return f"{counted(number, noun)} x {counted(len(self.tokens), 'token')}, {clip(self.arm, 20)}"


class AtPositions(OverTokens):
    """One whose tokens stand at positions of their own, as it need not be over all of them."""

    positions: tuple[int, ...]
    """[T] of each token in the text, from 0."""

    def _place(self, column: int) -> str:
        """A token and where it stands."""
        return f"{token_label(self.tokens[column])} (position {self.positions[column]})"
