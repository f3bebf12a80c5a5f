"""Words as their readers count them, in any script: by ICU, with its dictionaries where no spaces are written.

Word boundaries are those of Unicode's annex 29; Chinese, Japanese, Thai, Lao, Khmer and Burmese are cut by dictionary.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Sequence

from icu4py.breakers import WordBreaker

_INSIDE = re.compile(r"[_.:,;\u203f\u2024\u2027\uff0e\uff1a]+")
"""Characters that the annex keeps inside a word ("end.Start", "a_b") and no reader does."""
_WRITTEN_WITHOUT_SPACES = ("CJK", "HIRAGANA", "IDEOGRAPHIC", "KATAKANA", "KHMER", "LAO", "MYANMAR", "THAI")


def words(text: str) -> list[str]:
    """The words and numbers of ``text`` in order and in lower case; apostrophes stay inside, as in ``don't``."""
    plain = unicodedata.normalize("NFC", text.lower()).replace("\u2019", "'").replace("\u00ad", "")
    parts = (part for segment in WordBreaker(plain, "root") for part in _INSIDE.split(segment))
    return [part for part in parts if any(map(str.isalnum, part))]


def spans(text: str) -> list[tuple[int, int]]:
    """Where the words of ``text`` stand in it as it is written: first index, and the one after the last."""
    found, start = [], 0
    for segment in WordBreaker(text, "root"):
        for part in re.finditer(rf"(?:(?!{_INSIDE.pattern}).)+", segment, re.DOTALL):
            if any(map(str.isalnum, part[0])):
                found.append((start + part.start(), start + part.end()))
        start += len(segment)
    return found


def unspaced(word: str) -> bool:
    """Whether ``word`` belongs to a script that puts no spaces between words."""
    return script(word) in _WRITTEN_WITHOUT_SPACES


def script(word: str) -> str:
    """Which script ``word`` begins in, as Unicode's names of characters say it, for example ``CYRILLIC``."""
    return re.split(r"[ -]", unicodedata.name(word[0], ""), maxsplit=1)[0]


def runs(found: Sequence[str], wanted: Sequence[str]) -> Iterator[tuple[int, int]]:
    """Where ``wanted`` stands in ``found`` in a row: first index, and the one after the last.

    Without spaces in the script the cuts inside are a dictionary's opinion, so only those at both ends have to agree.
    """
    joined = "".join(wanted) if all(map(unspaced, wanted)) else None
    for start in range(len(found)):
        end = start + len(wanted) if joined is None else _end_of(joined, found, start)
        if end is not None and (joined is not None or list(found[start:end]) == list(wanted)):
            yield start, end


def _end_of(joined: str, found: Sequence[str], start: int) -> int | None:
    """The index after the words from ``start`` on that together are ``joined``, or None."""
    so_far = ""
    for index in range(start, len(found)):
        so_far += found[index]
        if so_far == joined:
            return index + 1
        if not joined.startswith(so_far):
            break
    return None
