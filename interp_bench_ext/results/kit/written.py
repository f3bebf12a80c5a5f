"""What results have in common that hold texts written by two sides: the one in question, and its control."""

from __future__ import annotations

from .elements import ACCENT, OTHER
from .result import Columns, Pictured


class Written(Pictured):
    """N texts, each written by an arm."""

    prompts: tuple[str, ...]
    """[N] what each text continues."""
    texts: tuple[str, ...]
    arms: tuple[str, ...]
    """[N] what wrote each text."""
    arm: str
    """The arm in question, as in ``arms``."""

    def _columns(self) -> Columns:
        return {"prompt": self.prompts, "text": self.texts, "arm": self.arms}

    def _colour(self, row: int) -> str:
        """Of a text in HTML: who wrote it."""
        return ACCENT if self.arms[row] == self.arm else OTHER


def first_of_each(groups: list[list[int]], limit: int) -> list[int]:
    """As many of each group as there is room for among ``limit``."""
    each = max(1, limit // max(len(groups), 1))
    return [row for rows in groups for row in rows[:each]][:limit]
