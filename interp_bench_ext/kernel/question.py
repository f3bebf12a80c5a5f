"""Questions on a ``%interp`` line: IPython takes a ``?`` at its end for its own help, on the line's last word.

``%interp prefill?`` would ask for help on a variable ``prefill``, and ``%interp chat Who are you?`` on ``you``.
"""

from __future__ import annotations

from tokenize import DEDENT, INDENT, TokenInfo

from IPython.core.inputtransformer2 import HelpEnd, TokenTransformBase, assemble_continued_line

_Place = tuple[int, int]


class InterpQuestion(TokenTransformBase):
    """Makes the call that IPython would make of the line without its question mark."""

    priority = HelpEnd.priority - 1

    def __init__(self, start: _Place, magic: _Place, end: int) -> None:
        super().__init__(start)  # type: ignore[no-untyped-call]
        self._magic, self._end = (magic[0] - 1, magic[1]), end

    @classmethod
    def find(cls, tokens_by_line: list[list[TokenInfo]]) -> InterpQuestion | None:
        """The first line that is ``%interp …?``, or has it right of an equals sign."""
        for line in tokens_by_line:
            tokens = [token for token in line if token.type not in (INDENT, DEDENT)]
            percent = _percent(tokens)
            if percent is not None and tokens[-2].string == "?":
                return cls(tokens[0].start, percent, tokens[-2].end[0])
        return None

    def transform(self, lines: list[str]) -> list[str]:
        """``lines`` with the call in place of the magic."""
        row, column = self._magic
        asked = assemble_continued_line(lines, (row, column + len("%interp")), self._end - 1).strip()
        call = f"get_ipython().run_line_magic('interp', {asked!r})\n"
        return [*lines[:row], lines[row][:column] + call, *lines[self._end :]]


def _percent(tokens: list[TokenInfo]) -> _Place | None:
    """Where ``%interp`` stands as a line magic with words after it."""
    for index, (one, two, three) in enumerate(zip(tokens, tokens[1:], tokens[2:], strict=False)):
        if one.string == "%" and two.string == "interp" and one.end == two.start:
            leads = index == 0 or tokens[index - 1].string == "="
            return one.start if leads and two.end != three.start else None
    return None
