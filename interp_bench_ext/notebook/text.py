"""Terminal text as a front end shows it, in bounded memory."""

from __future__ import annotations

import re

from ..output_filter.text import left_out

_CONTROL = re.compile(r"([\n\b\r])")
# How far back a carriage return reaches in a line without end; what is older is final.
LINE_WINDOW = 64 * 1024


class TerminalText:
    r"""Folds ``\r``, ``\b`` and ``\n`` the way JupyterLab does, whatever pieces the text comes in.

    Keeps the first ``limit // 2`` and the last ``limit // 2`` characters.
    """

    def __init__(self, limit: int) -> None:
        self._half = limit // 2
        self._head = ""
        self._tail = ""
        self._final = 0
        """Characters that no control character can reach any more."""
        self._line = ""
        self._cursor = 0

    def write(self, text: str) -> None:
        """Go on with ``text``, which may begin and end anywhere, also within a line."""
        start = 0
        if self._cursor == len(self._line):
            # Plain lines, by far the most of all output, need no look at each of them.
            first = _first_overwrite(text)
            plain = text if first is None else text[:first]
            self._append(plain)
            start = len(plain)
        for part in _CONTROL.split(text[start:]) if start < len(text) else ():
            self._step(part)

    @property
    def text(self) -> str:
        rest = self._tail + self._line
        hidden = self._final + len(self._line) - len(self._head) - self._half
        if hidden <= 0:
            return self._head + rest
        return self._head + left_out(hidden) + rest[-self._half :]

    def __len__(self) -> int:
        """Characters kept."""
        return min(self._final + len(self._line), 2 * self._half)

    def _step(self, part: str) -> None:
        if part == "\r":
            self._cursor = 0
        elif part == "\b":
            if self._cursor > 0:
                # In the middle of a line JupyterLab also drops the character under the cursor.
                self._line = self._line[: self._cursor - 1] + self._line[self._cursor + 1 :]
                self._cursor -= 1
        elif part == "\n":
            self._append("\n")
        elif part:
            self._line = self._line[: self._cursor] + part + self._line[self._cursor + len(part) :]
            self._cursor += len(part)
            self._freeze()

    def _append(self, plain: str) -> None:
        newline = plain.rfind("\n") + 1
        if newline:
            self._finish(self._line + plain[:newline])
            self._line = plain[newline:]
        else:
            self._line += plain
        self._cursor = len(self._line)
        self._freeze()

    def _freeze(self) -> None:
        excess = len(self._line) - LINE_WINDOW
        if excess > 0:
            self._finish(self._line[:excess])
            self._line = self._line[excess:]
            self._cursor -= excess

    def _finish(self, text: str) -> None:
        self._final += len(text)
        room = self._half - len(self._head)
        self._head += text[:room]
        self._tail += text[room:] if len(text) - room < self._half else text[-self._half :]
        if len(self._tail) > 4 * self._half:
            self._tail = self._tail[-self._half :]


def _first_overwrite(text: str) -> int | None:
    found = [at for at in (text.find("\r"), text.find("\b")) if at >= 0]
    return min(found, default=None)
