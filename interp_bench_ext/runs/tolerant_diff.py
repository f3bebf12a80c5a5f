"""Whether two texts or two JSON values say the same, up to a tolerance for numbers and what differs in any two runs."""

from __future__ import annotations

import re
from dataclasses import dataclass
from html.parser import HTMLParser
from itertools import zip_longest
from typing import Any, Literal

FLOOR = 1e-6
"""Numbers that are closer than this are the same, whatever the tolerance."""
_PASSING = re.compile(
    r"0x[0-9a-fA-F]{6,}"  # addresses
    r"|\b\d{4}-\d\d-\d\d[T ]\d\d:\d\d(?::\d\d(?:[.,]\d+)?)?(?:Z|[+-]\d\d:?\d\d)?"  # time stamps
    r"|\b\d{1,2}:\d\d:\d\d(?:[.,]\d+)?\b"
    r"|\b\d+(?:\.\d+)?\s?(?:ns|µs|us|ms|s|it/s|s/it)\b"  # durations and rates
    r"|\b[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}\b|\b[0-9a-f]{32}\b"  # ids drawn at random
    r"|ipykernel_\d+/\d+"
)
_BAR = re.compile(r"^.*\d+%\|.*\|.*$\n?", re.MULTILINE)
_NUMBER = re.compile(r"[-+]?\d+(?:\.\d+)?(?:[eE][-+]?\d+)?")
_CLIP = 120


@dataclass(frozen=True)
class Unlike:
    """The first thing in which two values differ: how each has it."""

    what: Literal["text", "number"]
    recorded: str
    replayed: str


@dataclass(frozen=True)
class Alike:
    """Compares; ``tolerance`` is the relative difference up to which two numbers with a fraction are the same."""

    tolerance: float

    def texts(self, recorded: str, replayed: str) -> Unlike | None:
        """What differs first in two texts, line by line; addresses, times, durations and progress bars do not count."""
        pairs = zip_longest(_lasting(recorded), _lasting(replayed), fillvalue="")
        return next((found for one, other in pairs if (found := self._lines(one, other)) is not None), None)

    def values(self, recorded: Any, replayed: Any, where: str = "") -> Unlike | None:
        """What differs first in two JSON values, with its place in them."""
        if isinstance(recorded, dict) and isinstance(replayed, dict):
            keys = list(dict.fromkeys([*recorded, *replayed]))
            return self._parts((recorded.get(key), replayed.get(key), f"{where}.{key}") for key in keys)
        if isinstance(recorded, list) and isinstance(replayed, list) and len(recorded) == len(replayed):
            pairs = enumerate(zip(recorded, replayed, strict=True))
            return self._parts(((one, other, f"{where}[{index}]") for index, (one, other) in pairs))
        if isinstance(recorded, str) and isinstance(replayed, str):
            found = self.texts(recorded, replayed)
            return found and _placed(found.what, where, found.recorded, found.replayed)
        if _is_number(recorded) and _is_number(replayed):
            exact = isinstance(recorded, int) and isinstance(replayed, int)
            same = recorded == replayed if exact else self._close(float(recorded), float(replayed))
            return None if same else _placed("number", where, recorded, replayed)
        return None if recorded == replayed else _placed("text", where, recorded, replayed)

    def _parts(self, parts: Any) -> Unlike | None:
        return next((found for part in parts if (found := self.values(*part)) is not None), None)

    def _lines(self, one: str, other: str) -> Unlike | None:
        if one == other:
            return None
        if _NUMBER.split(one) != _NUMBER.split(other):
            return Unlike("text", *_around(one, other))
        for number, counterpart in zip(_NUMBER.finditer(one), _NUMBER.finditer(other), strict=True):
            if not self._same_number(number[0], counterpart[0]):
                return Unlike("number", *_around(one, other, number.start()))
        return None

    def _same_number(self, one: str, other: str) -> bool:
        if one == other:
            return True
        if one.lstrip("+-").isdigit() and other.lstrip("+-").isdigit():
            return int(one) == int(other)
        return self._close(float(one), float(other))

    def _close(self, one: float, other: float) -> bool:
        if one == other or (one != one and other != other):
            return True
        return abs(one - other) <= max(FLOOR, self.tolerance * max(abs(one), abs(other)))


def visible_text(page: str) -> str:
    """What a reader of a piece of HTML sees, one line for each bit of text."""
    parser = _Visible()
    parser.feed(page)
    parser.close()
    return "\n".join(parser.bits)


class _Visible(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.bits: list[str] = []
        self._hidden = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._hidden += tag in ("style", "script")

    def handle_endtag(self, tag: str) -> None:
        self._hidden -= tag in ("style", "script")

    def handle_data(self, data: str) -> None:
        if not self._hidden and data.strip():
            self.bits.append(data.strip())


def _lasting(text: str) -> list[str]:
    """The lines of ``text`` without what differs in any two runs."""
    return [line.rstrip() for line in _PASSING.sub("…", _BAR.sub("", text)).rstrip().splitlines()]


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _placed(what: Literal["text", "number"], where: str, recorded: Any, replayed: Any) -> Unlike:
    place = f"{where.lstrip('.')}: " if where else ""
    return Unlike(what, f"{place}{_clipped(str(recorded))}", f"{place}{_clipped(str(replayed))}")


def _around(one: str, other: str, at: int | None = None) -> tuple[str, str]:
    """Both lines from shortly before the place where they part."""
    if at is None:
        at = next((index for index, pair in enumerate(zip_longest(one, other)) if pair[0] != pair[1]), 0)
    start = max(0, at - _CLIP // 3)
    lead = "…" if start else ""
    return lead + _clipped(one[start:]), lead + _clipped(other[start:])


def _clipped(text: str) -> str:
    return text if len(text) <= _CLIP else f"{text[:_CLIP]}…"
