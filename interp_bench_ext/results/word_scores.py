"""The words that tell one set of texts from another."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from .kit.elements import not_shown, quiet
from .kit.result import Columns, Floats
from .kit.safe_text import clip, counted, more, rounded
from .kit.selection import Limits
from .kit.two_sets import TwoSets
from .kit.word_table import WordTable

_UP, _DOWN = 20, 6


class WordScores(WordTable, TwoSets):
    """Words of one set of texts against another by falling z: log-odds with a Dirichlet prior (Monroe et al. 2008)."""

    log_odds: Floats
    """[W]"""
    chance_z: float
    """What the largest |z| of all words exceeds in 1 of 20 shuffles of the texts between the sets; 0 if none."""

    def _headline(self) -> str:
        return f"{counted(len(self.words), 'word')}, {self._sizes()}"

    def _lines(self) -> list[str]:
        rows = self._ends()
        heading = f"{'word':<20} {'z':>7} {'log-odds':>9}  {'texts with it':<16} other texts with it"
        lines = [heading] if rows else []
        for row in rows:
            name, (mine, other) = clip(self.words[row], 20), self._shares(row)
            lines.append(f"{name:<20} {self.z[row]:>7.2f} {self.log_odds[row]:>+9.2f}  {mine:<16} {other}")
        if rows and self.chance_z:
            lines.append(f"control: shuffled between the sets, the largest |z| exceeds {self.chance_z:.2f} in 1 of 20")
        return lines + more(len(self.words) - len(rows), "word")

    def _html(self) -> Iterable[str]:
        rows = self._ends()
        odds = [f"{self.log_odds[row]:+.2f}" for row in rows]
        yield self._word_rows(rows, ("log-odds", "texts with it", "other texts with it"), odds)
        if rows and self.chance_z:
            yield quiet(f"shuffled between the sets, the largest |z| exceeds {self.chance_z:.2f} in 1 of 20")
        yield from not_shown(len(self.words) - len(rows), "word")

    def _chart(self, limits: Limits) -> Any:
        import altair

        from .kit import charts

        edge = rounded(self.chance_z)
        strong = "" if edge is None else "; in full colour beyond what shuffled texts pass in 1 of 20"
        subtitle = f"{self._sizes()}{strong}"
        title = altair.Title("Words of the first set (blue) against the second (orange)", subtitle=subtitle)
        strength = (
            None
            if edge is None
            else altair.condition(f"abs(datum.value) >= {edge}", altair.value(1), altair.value(0.4))
        )
        names = {"mine:N": "texts with it", "other:N": "other texts with it"}
        rows = self._word_bars(self._ends(limits.bars, limits.bars // 3))
        x = "z of the log-odds"
        return charts.bars(rows, x=x, y="word", title=title, colour=charts.signed(), strength=strength, extra=names)

    def _columns(self) -> Columns:
        def shares(counts: Any, total: int) -> Any:
            return counts / total if total else np.full(len(counts), np.nan)

        return {
            "word": self.words,
            "z": self.z,
            "log_odds": self.log_odds,
            "texts_with": self.texts_with,
            "share_with": shares(self.texts_with, self.n_texts),
            "other_texts_with": self.other_texts_with,
            "other_share_with": shares(self.other_texts_with, self.n_other_texts),
        }

    def _ends(self, up: int = _UP, down: int = _DOWN) -> list[int]:
        """The rows with the highest and, where negative, the lowest z."""
        n = len(self.words)
        if n <= up + down:
            return list(range(n))
        return [*range(up), *(row for row in range(n - down, n) if self.z[row] < 0)]

    def _shares(self, row: int) -> tuple[str, str]:
        """How many texts of either set have the word, for example ``18/40 (45 %)``."""
        mine, other = int(self.texts_with[row]), int(self.other_texts_with[row])
        return _share(mine, self.n_texts), _share(other, self.n_other_texts)


def _share(count: int, total: int) -> str:
    return f"{count}/{total} ({100 * count / total:.0f} %)" if total else f"{count}/0"
