"""Replies that show what was found, each beside the one that it is compared with."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass

from ..results.generations import Generations
from ..results.kit import elements
from ..results.kit.elements import ACCENT, escaped, passage
from ..results.kit.safe_text import clean, one_line, shorten
from ..word_breaks import runs, spans
from ..word_breaks import words as words_of

_CHARACTERS = 500
_FOUND = f"background-color:{ACCENT.format('0.3')};font-weight:600"


@dataclass(frozen=True, eq=False)
class Examples:
    """Replies with one of ``words``, and in the same row of ``second`` what they are compared with."""

    first: Generations
    second: Generations
    words: tuple[str, ...]
    most: int

    @property
    def rows(self) -> list[int]:
        """The first ``most`` replies that have one of the words."""
        shared = range(min(len(self.first.texts), len(self.second.texts)))
        return [row for row in shared if any(_places(self.first.texts[row], self.words))][: self.most]

    def __str__(self) -> str:
        lines = [f"Examples: {len(self.rows)} replies with {', '.join(self.words)}"]
        for row in self.rows:
            lines += [f"  prompt: {one_line(self.first.prompts[row], 100)}"]
            lines += [f"    {one_line(replies.texts[row], 160)}" for replies in (self.first, self.second)]
        return "\n".join(lines)

    __repr__ = __str__

    def _repr_html_(self) -> str:
        mine, other = self._names()
        header = elements.row(["", mine, other], "th", "lll")
        body = "".join(self._row(row) for row in self.rows)
        return f'<div style="font-size:13px;max-width:1000px;overflow-x:auto">{elements.table([body], header)}</div>'

    def _row(self, row: int) -> str:
        cells = [
            passage(shorten(clean(self.first.prompts[row]), 200), "opacity:0.75"),
            *(_marked(replies.texts[row], self.words) for replies in (self.first, self.second)),
        ]
        style = "text-align:left;vertical-align:top;padding:4px 14px 8px 0;white-space:normal;min-width:120px"
        shown = (f'<td style="{style}" dir="auto">{cell}</td>' for cell in cells)
        return f"<tr>{''.join(shown)}</tr>"

    def _names(self) -> tuple[str, str]:
        if self.first.arm != self.second.arm:
            return escaped(self.first.arm), escaped(self.second.arm)
        return "with it", "without it"


def _marked(text: str, words: Collection[str]) -> str:
    shown, done = shorten(clean(text), _CHARACTERS), 0
    pieces = []
    for start, end in _places(shown, words):
        if start >= done:
            pieces += [passage(shown[done:start]), passage(shown[start:end], _FOUND)]
            done = end
    return "".join([*pieces, passage(shown[done:])])


def _places(text: str, words: Collection[str]) -> Iterator[tuple[int, int]]:
    """Where ``text`` has one of ``words`` as whole words, in any case; in order."""
    placed = [(start, end, word) for start, end in spans(text) for word in words_of(text[start:end])]
    plain = [word for _, _, word in placed]
    found = (place for word in words if (wanted := words_of(word)) for place in runs(plain, wanted))
    return iter(sorted((placed[first][0], placed[after - 1][1]) for first, after in found))
