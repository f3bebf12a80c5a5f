"""Replies of two models to the same prompts, and the words that tell them apart by a permutation test."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from .kit import elements
from .kit.elements import ACCENT, OTHER, not_shown, quiet, said
from .kit.result import Columns, Floats
from .kit.safe_text import clip, counted, more, one_line, rounded
from .kit.selection import Limits, text_limit
from .kit.word_table import WordTable

ALPHA = 0.01
"""Below this adjusted p a word tells the models apart."""
_WORDS, _PROMPTS = 20, 12


class PairedReplies(WordTable):
    """N replies of each of two models; reply i of both answers prompt i.

    Words are by falling absolute z, which is of the difference of the numbers of texts with the word, under relabelling
    within each prompt.
    """

    prompts: tuple[str, ...]
    """[N]"""
    texts: tuple[str, ...]
    other_texts: tuple[str, ...]
    """[N] the control's replies; of another set of prompts where there is no other model."""
    p_adjusted: Floats
    """[W] chance that any word at all differs so much, when labels are exchanged (Westfall and Young)."""
    critical_z: float
    """What the largest |z| of all words exceeds in one of a hundred relabellings; 0 without words."""
    control_p: Floats
    """[1] the smallest adjusted p of the same test between the model and itself, drawn anew; empty where not made."""
    arm: str
    other: str

    @property
    def differs(self) -> bool:
        """Whether any word tells the two apart."""
        return bool((self.p_adjusted < ALPHA).any())

    def _headline(self) -> str:
        size = f"{counted(len(self.texts), 'reply').replace('replys', 'replies')} of the {clip(self.arm, 20)}"
        found = int((self.p_adjusted < ALPHA).sum())
        told = f"{counted(found, 'word')} beyond chance" if found else "no difference found"
        return f"{size} against the {clip(self.other, 30)}: {told} (p < {ALPHA:g}, all words counted)"

    def _lines(self) -> list[str]:
        heading = f"{'word':<20} {'z':>7} {'p adjusted':>11}  {'texts with it':<16} control texts with it"
        lines = [heading] if self.words else []
        for row in range(min(len(self.words), _WORDS)):
            mine, other = self._shares(row)
            name = f"{clip(self.words[row], 20):<20} {self.z[row]:>+7.2f} {self.p_adjusted[row]:>11.3g}"
            lines.append(f"{name}  {mine:<16} {other}")
        if len(self.control_p):
            lines.append(f"the {clip(self.arm, 20)} against itself: smallest adjusted p {self.control_p[0]:.2g}")
        shown = range(min(len(self.prompts), _PROMPTS))
        limit = text_limit(2 * len(shown)) // 3
        for row in shown:
            lines.append(f"prompt: {one_line(self.prompts[row], 160)}")
            lines += [f"  {clip(name, 20)}: {one_line(text, limit)}" for name, text in self._pair(row)]
        return lines + more(len(self.texts) - len(shown), "pair")

    def _html(self) -> Iterable[str]:
        rows = list(range(min(len(self.words), _WORDS)))
        chances = [f"{self.p_adjusted[row]:.2g}" for row in rows]
        yield self._word_rows(rows, ("p adjusted", "texts with it", "control's"), chances)
        if len(self.control_p):
            yield quiet(f"the same model against itself: smallest adjusted p {self.control_p[0]:.2g}")
        for row in range(min(len(self.prompts), _PROMPTS)):
            yield elements.prompt("prompt", self.prompts[row])
            for (name, text), colour in zip(self._pair(row), (ACCENT, OTHER), strict=False):
                yield said(text, colour, about=clip(name, 30))
        yield from not_shown(len(self.texts) - _PROMPTS, "pair")

    def _chart(self, limits: Limits) -> Any:
        import altair

        from .kit import charts

        rows = self._word_bars(list(range(min(len(self.words), limits.bars))))
        subtitle = "dashed: what the largest of all words exceeds in 1 of 100 relabellings"
        title = altair.Title(f"Words of {clip(self.arm, 20)} against {clip(self.other, 30)}", subtitle=subtitle)
        names = {"mine:N": "texts with it", "other:N": "control texts with it"}
        x = "z of the paired difference"
        chart = charts.bars(rows, x=x, y="word", title=title, colour=charts.signed(), extra=names)
        return charts.with_rules(chart, [rounded(self.critical_z), rounded(-self.critical_z)])

    def _columns(self) -> Columns:
        """One row per pair of replies; words and their tests are fields of the result."""
        blank = ("",) * (len(self.texts) - len(self.other_texts))
        return {"prompt": self.prompts, "text": self.texts, "control_text": (*self.other_texts, *blank)}

    def _pair(self, row: int) -> list[tuple[str, str]]:
        pair = [(self.arm, self.texts[row])]
        return [*pair, (self.other, self.other_texts[row])] if row < len(self.other_texts) else pair

    def _shares(self, row: int) -> tuple[str, str]:
        mine, other = int(self.texts_with[row]), int(self.other_texts_with[row])
        return f"{mine}/{len(self.texts)}", f"{other}/{len(self.other_texts)}"
