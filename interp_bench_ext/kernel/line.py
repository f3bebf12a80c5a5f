"""The words of a ``%interp`` line: quotes at their ends, and variables as in other magics.

Two things differ from IPython's own expansion and from a shell, because prompts are prose. A variable stands for its
value whatever quotes and spaces that has, and a whole word that is one may be a list or a result. And an apostrophe
in a word is no quote: ``What's your name?`` is three words.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from string import Formatter
from typing import Any

from ..errors import BadInput

_DOLLAR = re.compile(r"\$(\$?)([A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*)(?=(?:[^']*'[^']*')*[^']*$)")
_WORD = re.compile(r"""((?:--?[\w-]+=)?)(?:"((?:\\.|[^"\\])*)"|'([^']*)')(?=\s|$)|\S+""", re.DOTALL)
_PLACE = re.compile("\0(\\d+)\0")
"""Where a value belongs; source code cannot hold the character, so nobody can have typed it."""


class Word(str):
    """A word of the line; ``quoted`` says that it stood in quotes, ``typed`` how it was written."""

    __slots__ = ("quoted", "typed")
    quoted: bool
    typed: str

    @classmethod
    def of(cls, match: re.Match[str]) -> Word:
        option, double, single = match.groups()
        inner = re.sub(r'\\(["\\])', r"\1", double) if double is not None else single
        word = cls(match[0] if inner is None else (option or "") + inner)
        word.quoted, word.typed = inner is not None, match[0]
        return word


@dataclass(frozen=True)
class Line:
    """``words``, with places that :meth:`value` puts the ``values`` into."""

    words: tuple[Word, ...]
    values: tuple[Any, ...]

    @classmethod
    def read(cls, text: str, names: Mapping[str, Any]) -> Line:
        """Split ``text`` and evaluate what it says of the variables ``names``.

        What cannot be evaluated stays as it is written, as in IPython: ``{"role": …}`` is no variable.

        Raises:
            BadInput: a quote is not closed.
        """
        values: list[Any] = []

        def place(value: Any) -> str:
            values.append(value)
            return f"\0{len(values) - 1}\0"

        marked = _marked(text, names, place)
        words = tuple(Word.of(match) for match in _WORD.finditer(marked))
        if any(word.startswith('"') and not word.quoted for word in words):
            raise BadInput('A quote is not closed: write %interp chat "…", with \\" for a quote inside.')
        return cls(words, tuple(values))

    def value(self, word: str) -> Any:
        """The value of a word that is one variable; other words with their variables' texts."""
        alone = _PLACE.fullmatch(word)
        if alone:
            return self.values[int(alone[1])]
        return _PLACE.sub(lambda match: str(self.values[int(match[1])]), word)

    def text(self, word: str) -> str:
        return str(self.value(word))

    def is_variable(self, word: str) -> bool:
        return _PLACE.fullmatch(word) is not None


def _marked(text: str, names: Mapping[str, Any], place: Callable[[Any], str]) -> str:
    """``text`` with a place for each ``{expression}`` and ``$name`` that has a value."""

    def evaluated(expression: str, written: str, conversion: str | None = None) -> str:
        try:
            value = eval(expression, dict(names))  # noqa: S307
            return place(Formatter().convert_field(value, conversion) if conversion else value)
        except Exception:  # noqa: BLE001  (anything may go wrong in somebody's expression)
            return written

    def dollar(match: re.Match[str]) -> str:
        return f"${match[2]}" if match[1] else evaluated(match[2], match[0])

    try:
        parts = list(Formatter().parse(text))
    except ValueError:
        return _DOLLAR.sub(dollar, text)
    pieces = []
    for literal, field, spec, conversion in parts:
        pieces.append(_DOLLAR.sub(dollar, literal))
        if field is not None:
            # Slices have colons, too.
            expression = f"{field}:{spec}" if spec else field
            written = field + (f"!{conversion}" if conversion else "") + (f":{spec}" if spec else "")
            pieces.append(evaluated(expression, f"{{{written}}}", conversion))
    return "".join(pieces)
