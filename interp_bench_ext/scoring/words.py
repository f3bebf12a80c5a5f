"""Reading a claim: its words in base form, and whether it affirms one of some names."""

from __future__ import annotations

import functools
import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import snowballstemmer

from ..word_breaks import runs, script, spans, words

_CLAUSE_END = re.compile(r"[.;:!?]+(?:\s|$)|[。।؟۔]|\s[-–—]\s|—|\b(?:but|however|whereas|although|though|yet|while)\b")


def _set(words: str) -> frozenset[str]:
    return frozenset(words.split())


_NEGATIONS = _set(
    "no not never neither nor cannot none nothing lack lacks lacking fail fails failed "
    "refute refutes refuted exclude excludes excluded"
)
# These deny only the next words: "without prompting, it …" affirms what comes later.
_SHORT_NEGATIONS = {"without": 2, "non": 1, "than": 2}
# Right after a negation these affirm: "not only", "no matter what", "even when not asked", "cannot stop".
_AFFIRMING = _set("only just merely simply doubt matter asked prompted told requested mentioned relevant stop help")
_AUXILIARIES = _set("is are was were do does did has have had can could will would seem seems")
_LABELS = _set("hypothesis hypotheses claim claims idea theory explanation effect topic topics")
_ENDINGS = (
    ("ies", "y"), ("ied", "y"), ("sses", "ss"), ("shes", "sh"), ("ches", "ch"), ("xes", "x"),
    ("oes", "o"), ("ing", ""), ("ed", ""), ("es", "e"), ("s", ""),
)  # fmt: skip
_KEPT_ENDINGS = ("ss", "us", "is")
_LANGUAGES = {
    "ARABIC": "arabic",
    "ARMENIAN": "armenian",
    "CYRILLIC": "russian",
    "DEVANAGARI": "hindi",
    "GREEK": "greek",
    "TAMIL": "tamil",
}
"""Scripts whose words Snowball's stemmer of that language brings to a base form."""


@dataclass(frozen=True)
class _Word:
    plain: str
    base: str

    @property
    def negates(self) -> bool:
        return self.plain in _NEGATIONS or self.plain.endswith("n't")


def normalise(text: str) -> str:
    """``text`` as base forms of words, one space apart; case, accents and endings are folded."""
    return " ".join(word.base for word in _words(_folded(text)))


def names(claim: str, aliases: Sequence[str]) -> str | None:
    """The first of ``aliases`` that ``claim`` holds as whole words and does not deny, or None."""
    clauses = list(_clauses(claim))
    for alias in aliases:
        wanted = normalise(alias).split()
        if wanted and any(_affirms(clause, wanted) for clause in clauses):
            return alias
    return None


def occurrences(text: str, names: Sequence[str]) -> list[tuple[int, int]]:
    """Where ``text`` holds one of ``names`` as whole words, denied or not; in order and without overlaps."""
    placed = [(start, end, word.base) for start, end in spans(text) for word in _words(_folded(text[start:end]))]
    bases = [base for _, _, base in placed]
    found = [
        (placed[first][0], placed[after - 1][1])
        for wanted in (normalise(name).split() for name in names)
        if wanted
        for first, after in runs(bases, wanted)
    ]
    apart: list[tuple[int, int]] = []
    for start, end in sorted(found):
        if apart and start <= apart[-1][1]:
            apart[-1] = apart[-1][0], max(end, apart[-1][1])
        else:
            apart.append((start, end))
    return apart


def _folded(text: str) -> str:
    return unicodedata.normalize("NFKC", text).casefold()


def _words(folded: str) -> list[_Word]:
    return [_Word(_unmarked(word), _base(word)) for word in words(folded)]


def _unmarked(word: str) -> str:
    """``word`` without accents and vowel points; the marks that make another letter, as in Hindi or Kana, stay."""
    kept = (c for c in unicodedata.normalize("NFKD", word) if not _is_accent(unicodedata.combining(c)))
    return unicodedata.normalize("NFC", "".join(kept))


def _is_accent(combining_class: int) -> bool:
    """Classes 10 to 36 are Hebrew and Arabic points, those from 200 on stand above and below letters."""
    return combining_class == 1 or 10 <= combining_class <= 36 or combining_class >= 200


def _clauses(text: str) -> Iterator[list[_Word]]:
    """The stretches over which a negation holds.

    A comma ends one only before something long enough to be a clause: "not the sea, ships or birds" is one.
    """
    for sentence in _CLAUSE_END.split(_folded(text)):
        clause: list[_Word] = []
        for part in map(_words, re.split(r",|\(|\)", sentence)):
            if len(part) >= 4 and part[0].plain not in ("or", "nor"):
                yield clause
                clause = []
            clause += part
        yield clause


def _affirms(clause: list[_Word], wanted: list[str]) -> bool:
    """Whether ``clause`` holds ``wanted`` in a row, and denies it neither before nor after."""
    found = runs([word.base for word in clause], wanted)
    return any(not _denied_before(clause[:start]) and not _denied_after(clause[end:]) for start, end in found)


def _denied_before(words: list[_Word]) -> bool:
    for index, word in enumerate(words):
        following = words[index + 1 :]
        reach = _SHORT_NEGATIONS.get(word.plain, 0)
        if reach and len(following) < reach:
            return True
        if word.negates and not (following and following[0].plain in _AFFIRMING):
            return True
    return False


def _denied_after(words: list[_Word]) -> bool:
    """For example "lighthouses are not mentioned" and "the lighthouse hypothesis was refuted"."""
    plain = [word.plain for word in words]
    if plain and plain[0] in _LABELS:
        words, plain = words[1:], plain[1:]
    if not plain:
        return False
    return (
        words[0].negates
        and words[0].plain not in ("no", "nor", "without")
        or (len(words) > 1 and plain[0] in _AUXILIARIES and words[1].negates and not _affirmed(plain[2:]))
    )


def _affirmed(following: list[str]) -> bool:
    return bool(following) and following[0] in _AFFIRMING - {"mentioned"}


def _base(word: str) -> str:
    """A base form, without possessive, plural or verb ending; claim and alias both pass through it."""
    language = _LANGUAGES.get(script(word))
    return _unmarked(_stemmer(language).stemWord(word)) if language else _english_base(_unmarked(word))


@functools.cache
def _stemmer(language: str) -> Any:
    return snowballstemmer.stemmer(language)


def _english_base(word: str) -> str:
    """Cruder than Snowball's English, which makes one of "ocean" and "oceanic" too often for a score."""
    word = word.removesuffix("'s").removesuffix("'")
    if len(word) <= 3 or word.endswith(_KEPT_ENDINGS):
        return word
    for ending, instead in _ENDINGS:
        stem = word.removesuffix(ending) + instead
        if word.endswith(ending) and len(stem) >= 3:
            return _trimmed(stem)
    return _trimmed(word)


def _trimmed(stem: str) -> str:
    """``stem`` without a silent e or a doubled consonant: "assume" meets "assuming", and "plan" "planned"."""
    if len(stem) > 5:
        stem = stem.removesuffix("e")
    doubled = len(stem) > 3 and stem[-1] == stem[-2] and stem[-1] not in "aeiousl"
    return stem[:-1] if doubled else stem
