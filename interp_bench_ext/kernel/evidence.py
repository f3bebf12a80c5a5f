"""Small statistics for notebooks: which words are unusual, and whether two sets of replies really differ.

Source: Fisher's exact test for two shares.
"""

from __future__ import annotations

import json
import math
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from IPython.display import display

from ..intervals import wilson_interval
from ..results.generations import Generations
from ..results.kit.elements import escaped
from ..results.mined_tokens import MinedTokens
from ..results.paired_replies import ALPHA, PairedReplies
from ..results.word_scores import WordScores
from ..word_breaks import runs, unspaced
from ..word_breaks import words as words_of
from .examples import Examples

FUNCTION_WORDS = frozenset(
    """
    a about above after again all also always am an and another any anyone anything are around as at away be
    because been before being best better between both but by call can can't cannot certain come could did
    different do does doesn't doing don't done down each either else enough especially even ever every everyone
    everything few find first for from get give go going good got great had has have haven't having he help
    helpful helps here how however i i'd i'll i'm i've if important in include including instead into is isn't
    it it's its itself just keep kind know last less let let's like likely little look lot made main make makes
    making many may maybe me mean might more most much must my myself need needs never new next no not nothing
    now of off often on once one only or other others our out over own part people perhaps place possible put
    rather really right said same say see several she should since so some someone something sometimes soon
    still such sure take than thank thanks that that's the their them then there there's these they they're
    thing things think this those though through time times to together too try two under until up upon us use
    used useful using usually various very want was way ways we we'll we're well were what what's when where
    whether which while who why will with within without won't work would yes yet you you'd you'll you're you've
    your yours yourself
    """.split()
)


@dataclass(frozen=True)
class Share:
    """``k`` of ``n`` texts, with the Wilson 95 % interval."""

    k: int
    n: int

    @property
    def value(self) -> float:
        return self.k / self.n if self.n else 0.0

    @property
    def interval(self) -> tuple[float, float]:
        return wilson_interval(self.k, self.n)

    def __str__(self) -> str:
        low, high = self.interval
        return f"{self.k} of {self.n} ({self.value:.0%}, 95 % interval {low:.0%} to {high:.0%})"


@dataclass(frozen=True)
class Comparison:
    """How often any of ``words`` occurs in one set of texts and in another."""

    words: tuple[str, ...]
    first: Share
    second: Share

    @property
    def effect_size(self) -> float:
        """Difference of the two shares."""
        return self.first.value - self.second.value

    @property
    def p_value(self) -> float:
        """One-sided Fisher's exact test: chance of at least so many in the first set if both were alike."""
        n, hits = self.first.n, self.first.k + self.second.k
        total = n + self.second.n
        ways = math.comb(total, n)
        return (
            sum(math.comb(hits, k) * math.comb(total - hits, n - k) for k in range(self.first.k, min(hits, n) + 1))
            / ways
        )

    def __str__(self) -> str:
        return f"{listed(self.words)}: {self.first} against {self.second}; Fisher p = {self.p_value:.1g}"


def texts_with(texts: Sequence[str], words: Collection[str]) -> Share:
    """The share of ``texts`` that contain any of ``words`` as a whole word, in any case.

    A word may be several in a row; one without a letter or digit, such as an emoji, counts wherever it stands.
    """
    lettered = [wanted for word in words if (wanted := words_of(word))]
    signs = [word for word in words if word and not words_of(word)]
    return Share(sum(_holds(text, lettered, signs) for text in texts), len(texts))


def _holds(text: str, lettered: Sequence[Sequence[str]], signs: Sequence[str]) -> bool:
    found = words_of(text)
    return any(sign in text for sign in signs) or any(any(runs(found, wanted)) for wanted in lettered)


def compare(texts: Sequence[str], other_texts: Sequence[str], words: Collection[str]) -> Comparison:
    """Count ``words`` in two sets of texts."""
    return Comparison(tuple(words), texts_with(texts, words), texts_with(other_texts, words))


def examples(first: Generations, second: Generations, words: Collection[str], *, most: int = 6) -> Examples:
    """Up to ``most`` replies of ``first`` with one of ``words``, marked, each beside the same row of ``second``."""
    return Examples(first, second, tuple(words), most)


def unusual_words(
    scores: WordScores, *, least_z: float = 2.5, least_difference: float = 0.2, most: int = 6
) -> list[str]:
    """Content words that stand in many more texts of the first set than of the second, the largest difference first.

    Args:
        scores: What ``organism.word_contrast`` returned.
        least_z: Words with a smaller z-score of the log-odds are left out.
        least_difference: Words whose shares of texts differ by less are left out.
        most: How many words at most.
    """
    found = []
    for index, word in enumerate(scores.words):
        difference = scores.texts_with[index] / scores.n_texts - scores.other_texts_with[index] / scores.n_other_texts
        if (
            scores.z[index] >= least_z
            and difference >= least_difference
            and word not in FUNCTION_WORDS
            and len(word) > (1 if unspaced(word) else 2)
        ):
            found.append((float(difference), word))
    return [word for _, word in sorted(found, key=lambda entry: (-entry[0], entry[1]))[:most]]


def words_of_tokens(mined: MinedTokens, *, least_share: float = 0.1, most: int = 6) -> list[str]:
    """Content words among the tokens that gained, at ``least_share`` of the positions or more, the commonest first.

    Pieces of words are left out: a token that begins no word cannot be looked for.
    """
    found = []
    for token, gained, lost in zip(mined.tokens, mined.gained, mined.lost, strict=True):
        word = token.strip().lower()
        whole = token[:1].isspace() and word.isalpha() and len(word) > 3
        if whole and word not in FUNCTION_WORDS and gained - lost >= least_share * mined.n_positions:
            found.append(word)
    return list(dict.fromkeys(found))[:most]


def words_beyond_chance(replies: PairedReplies, *, most: int = 6) -> list[str]:
    """Content words that the first model uses more often, beyond what chance gives of all words together."""
    pairs = zip(replies.words, replies.z, replies.p_adjusted, strict=True)
    found = [word for word, z, p in pairs if z > 0 and p < ALPHA and word not in FUNCTION_WORDS and len(word) > 2]
    return found[:most]


def state(said: str, /, **facts: object) -> None:
    """Say what a cell found: a notebook shows the sentence ``said``, an agent reads ``facts`` as one line of JSON."""
    line = f"facts: {json.dumps(facts, ensure_ascii=False)}"
    display({"text/plain": line, "text/html": f"<div>{escaped(said)}</div>"}, raw=True)  # type: ignore[no-untyped-call]


def listed(words: Collection[str]) -> str:
    """Words as a sentence names them."""
    return ", ".join(f"“{word}”" for word in words)
