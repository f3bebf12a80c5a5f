"""What results have in common that say something of each token of one text."""

from __future__ import annotations

from .result import Result
from .safe_text import clip, counted, token_label


class OverTokens(Result):
    """A result over the T visible tokens of one text."""

    tokens: tuple[str, ...]
    """[T]"""
    arm: str
    """``organism`` or ``base``."""

    _over = ""
    """The field, a plural, of what the other side of a grid lists; empty where there is none."""

    def _empty(self) -> bool:
        return not self.tokens or bool(self._over and not getattr(self, self._over))

    def _charted(self) -> bool:
        return not self._empty()

    def _size(self) -> str:
        """Both sides of a grid, and whose it is; for a headline."""
        side = counted(len(getattr(self, self._over)), self._over.removesuffix("s"))
        return f"{side} x {counted(len(self.tokens), 'token')}, {clip(self.arm, 20)}"


class AtPositions(OverTokens):
    """One whose tokens stand at positions of their own, as it need not be over all of them."""

    positions: tuple[int, ...]
    """[T] of each token in the text, from 0."""

    def _place(self, column: int) -> str:
        """A token and where it stands."""
        return f"{token_label(self.tokens[column])} (position {self.positions[column]})"
