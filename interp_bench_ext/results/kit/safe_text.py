"""Model-written text made safe and short to show: no escape sequences, nothing invisible, nothing endless."""

from __future__ import annotations

import math
import re

_ANSI = re.compile(
    r"(?:\x1b\[|\x9b)[0-?]*[ -/]*[@-~]"  # colours, cursor moves
    r"|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)?"  # window titles, links
    r"|\x1b[@-Z\\-_]"
)
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")
_INVISIBLE = re.compile(
    "[\u00ad\u061c\u180e\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb\ud800-\udfff\U000e0000-\U000e007f]"
)
_MARKS = {" ": "␣", "\n": "⏎", "\t": "⇥"}


def clean(text: str) -> str:
    """``text`` without terminal sequences and control characters; invisible characters become escapes."""
    text = _ANSI.sub("", text).replace("\r\n", "\n").replace("\r", "\n")
    return _INVISIBLE.sub(_escape, _CONTROL.sub("", text))


def one_line(text: str, limit: int) -> str:
    """``text`` cleaned, on one line and at most about ``limit`` characters long."""
    lines = clean(text).replace("\t", " ").strip("\n").split("\n")
    return shorten(" ⏎ ".join(line.strip() for line in lines), limit)


def shorten(text: str, limit: int) -> str:
    """The beginning of ``text``, saying how much is left out where that is more than the note itself."""
    if len(text) <= limit + 40:
        return text
    return f"{text[:limit]}… ({len(text) - limit:,} more characters)"


def clip(text: str, limit: int) -> str:
    """``text`` on one line for a label: cut without a note."""
    line = one_line(text[: 4 * limit], 4 * limit)
    return line if len(line) <= limit else line[: limit - 1] + "…"


def token_label(token: str, limit: int = 24) -> str:
    """One token with its spaces, line ends and control characters made visible."""
    if not token:
        return "∅"
    shown = "".join(_MARKS.get(character, character) for character in token[: limit + 1])
    shown = _INVISIBLE.sub(_escape, _CONTROL.sub(_escape, shown))
    return shown if len(shown) <= limit else shown[: limit - 1] + "…"


def counted(number: int, noun: str) -> str:
    """For example ``1 text`` or ``4 texts``."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def more(hidden: int, noun: str) -> list[str]:
    """The line that says how much is not shown, where anything is not."""
    return [f"… {counted(hidden, f'more {noun}')}: all in .table()"] if hidden > 0 else []


def _escape(match: re.Match[str]) -> str:
    code = ord(match.group())
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def probability(p: float) -> str:
    """A probability in few characters: three decimals, or an exponent where that would read zero."""
    return f"{p:.3f}" if p >= 0.0005 or p == 0 else f"{p:.0e}"


def rounded(value: float) -> float | None:
    """A number for a chart's data: four decimals, None where it is no finite number."""
    number = float(value)
    return round(number, 4) if math.isfinite(number) else None
