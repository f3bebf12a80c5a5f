"""What results have in common that tell two sets of texts apart by their words."""

from __future__ import annotations

from abc import abstractmethod
from typing import Any

from . import elements
from .result import Floats, Ints, Pictured
from .safe_text import clip, rounded


class WordTable(Pictured):
    """W words, and how much more often texts of the first set have each than texts of the second."""

    words: tuple[str, ...]
    """[W]"""
    z: Floats
    """[W] of the difference; above 0 where the first set has the word more often."""
    texts_with: Ints
    """[W] texts of the first set that contain the word."""
    other_texts_with: Ints
    """[W] texts of the second set that contain it."""

    @abstractmethod
    def _shares(self, row: int) -> tuple[str, str]:
        """How many texts of either set have the word."""

    def _word_rows(self, rows: list[int], names: tuple[str, str, str], middle: list[str]) -> str:
        """The table of ``rows``; ``names`` are the headings of ``middle``, a cell for each row, and of the shares."""
        most = elements.largest(self.z[rows])
        header = elements.row(["word", "z", "", *names], "th", "rrlrrr")
        return elements.table((self._word_row(row, most, cell) for row, cell in zip(rows, middle, strict=True)), header)

    def _word_row(self, row: int, most: float, middle: str) -> str:
        z, word = float(self.z[row]), elements.escaped(clip(self.words[row], 40))
        cells = [word, f"{z:+.2f}", elements.signed_bar(z, most), middle, *self._shares(row)]
        return elements.row(cells, aligns="rrlrrr")

    def _word_bars(self, rows: list[int]) -> list[dict[str, Any]]:
        """Bars of a chart."""
        return [
            {
                "label": clip(self.words[row], 30),
                "value": rounded(self.z[row]),
                "shown": f"{float(self.z[row]):+.1f}",
                **dict(zip(("mine", "other"), self._shares(row), strict=True)),
            }
            for row in rows
        ]
