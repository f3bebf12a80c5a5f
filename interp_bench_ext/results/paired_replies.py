"""Replies of two models to the same prompts, and the words that tell them apart by a permutation test."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from .kit import elements
from .kit.elements import ACCENT, OTHER, escaped, not_shown, passage, quiet
from .kit.result import Columns, Floats, Ints, Result
from .kit.safe_text import clean, clip, counted, more, one_line, rounded, shorten
from .kit.selection import Limits, text_limit

ALPHA = 0.01
"""Below this adjusted p a word tells the models apart."""
_WORDS, _PROMPTS = 20, 12


class PairedReplies(Result):
    """N replies of each of two models; reply i of both answers prompt i."""

    _picture_of = "words"
    prompts: tuple[str, ...]
    """[N]"""
    texts: tuple[str, ...]
    other_texts: tuple[str, ...]
    """[N] the control's replies; of another set of prompts where there is no other model."""
    words: tuple[str, ...]
    """[W] by falling absolute z."""
    z: Floats
    """[W] of the difference of the numbers of texts with the word, under relabelling within each prompt."""
    p_adjusted: Floats
    """[W] chance that any word at all differs so much, when labels are exchanged (Westfall and Young)."""
    texts_with: Ints
    other_texts_with: Ints
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
        most = float(np.nan_to_num(np.abs(self.z)).max(initial=0)) or 1.0
        header = elements.row(["word", "z", "", "p adjusted", "texts with it", "control's"], "th", "rrlrrr")
        yield elements.table((self._html_row(row, most) for row in range(min(len(self.words), _WORDS))), header)
        if len(self.control_p):
            yield quiet(f"the same model against itself: smallest adjusted p {self.control_p[0]:.2g}")
        for row in range(min(len(self.prompts), _PROMPTS)):
            yield elements.prompt("prompt", self.prompts[row])
            for (name, text), colour in zip(self._pair(row), (ACCENT, OTHER), strict=False):
                edge = f"border-left:3px solid {colour.format('0.7')};padding:1px 0 1px 10px;margin:4px 0"
                said = passage(shorten(clean(text), 800))
                yield f'<div dir="auto" style="{edge}">{quiet(escaped(clip(name, 30)))}{said}</div>'
        yield from not_shown(len(self.texts) - _PROMPTS, "pair")

    def _html_row(self, row: int, most: float) -> str:
        z = float(self.z[row])
        bar = elements.bar(abs(z) / most, ACCENT if z >= 0 else OTHER, 160)
        word = escaped(clip(self.words[row], 40))
        cells = [word, f"{z:+.2f}", bar, f"{self.p_adjusted[row]:.2g}", *self._shares(row)]
        return elements.row(cells, aligns="rrlrrr")

    def _chart(self, limits: Limits) -> Any:
        import altair

        from .kit import charts

        rows = []
        for row in range(min(len(self.words), limits.bars)):
            mine, other = self._shares(row)
            label, z = clip(self.words[row], 30), self.z[row]
            bar = {"label": label, "value": rounded(z), "shown": f"{float(z):+.1f}", "mine": mine, "other": other}
            rows.append(bar)
        colour = altair.condition("datum.value >= 0", altair.value(charts.ACCENT), altair.value(charts.OTHER))
        subtitle = "dashed: what the largest of all words exceeds in 1 of 100 relabellings"
        title = altair.Title(f"Words of {clip(self.arm, 20)} against {clip(self.other, 30)}", subtitle=subtitle)
        names = {"mine:N": "texts with it", "other:N": "control texts with it"}
        chart = charts.bars(rows, x="z of the paired difference", y="word", title=title, colour=colour, extra=names)
        edge = rounded(self.critical_z)
        ends = altair.Chart(charts.data([{"z": edge}, {"z": None if edge is None else -edge}]))
        both = chart.copy(deep=False)
        both.layer = [*chart.layer, ends.mark_rule(color=charts.NEUTRAL, strokeDash=[3, 3]).encode(x="z:Q")]
        return both

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
