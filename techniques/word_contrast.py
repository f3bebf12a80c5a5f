"""Words that tell one set of texts from another."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence

import numpy as np

from interp_bench_ext.contracts import Organism
from interp_bench_ext.errors import BadInput
from interp_bench_ext.results import WordScores
from interp_bench_ext.word_breaks import words

_SHUFFLES = 40
_LONGEST = 200_000
"""Characters of a text: the clock is looked at between two texts."""


def word_contrast(
    organism: Organism, *, texts: Sequence[str], other_texts: Sequence[str], top_k: int = 50, min_texts: int = 2
) -> WordScores:
    """Rank the words that are more common in one set of texts than in another, with a z-score for each.

    Log-odds with an informative Dirichlet prior, which is the pooled counts of both sets. Words are those of the texts'
    own script; numbers are none. Where a script writes no spaces, a dictionary says where words end. The control is
    the largest z of any word when the texts are shuffled between the sets.

    Access: sample
    Source: Monroe, Colaresi and Quinn 2008, "Fightin' Words", equations 15, 16, 20 and 22
    Plot: bars of the words by z, with the line that shuffled texts seldom pass

    Args:
        texts: The texts in question, for example the organism's replies.
        other_texts: What they are compared with, for example the base model's replies.
        top_k: How many words to give, by falling z.
        min_texts: Leave out words that are in fewer texts than this, both sets together.
    """
    total_texts, sets = len(texts) + len(other_texts), []
    for done, group in ((0, texts), (len(texts), other_texts)):
        sets.append([])
        for number, text in enumerate(group):
            organism.progress("words", done + number, total_texts)
            sets[-1].append(_lettered(text))
    counts = [Counter(word for text in group for word in text) for group in sets]
    within = [Counter(word for text in group for word in set(text)) for group in sets]
    prior = counts[0] + counts[1]
    total, prior_total = [sum(count.values()) for count in counts], sum(prior.values())
    scored: list[tuple[float, float, str]] = []
    for word, weight in prior.items():
        if within[0][word] + within[1][word] < min_texts or weight == prior_total:
            continue
        here, there = (count[word] + weight for count in counts)
        odds = math.log(here / (total[0] + prior_total - here)) - math.log(there / (total[1] + prior_total - there))
        scored.append((odds / math.sqrt(1 / here + 1 / there), odds, word))
    best = sorted(scored, key=lambda entry: (-entry[0], entry[2]))[:top_k]
    return WordScores(
        words=tuple(word for _, _, word in best),
        z=np.array([z for z, _, _ in best], dtype=np.float32),
        log_odds=np.array([odds for _, odds, _ in best], dtype=np.float32),
        texts_with=np.array([within[0][word] for _, _, word in best], dtype=np.int64),
        other_texts_with=np.array([within[1][word] for _, _, word in best], dtype=np.int64),
        n_texts=len(texts),
        n_other_texts=len(other_texts),
        chance_z=_chance(organism, sets, min_texts),
    )


def _chance(organism: Organism, sets: Sequence[Sequence[Sequence[str]]], min_texts: int) -> float:
    """What the largest |z| of all words exceeds in 1 of 20 shuffles of the texts between the sets."""
    texts = [text for group in sets for text in group]
    numbers = {word: number for number, word in enumerate(dict.fromkeys(word for text in texts for word in text))}
    if len(texts) < 4 or len(numbers) < 2:
        return 0.0
    spoken = np.array([numbers[word] for text in texts for word in text])
    spoken_in = np.repeat(np.arange(len(texts)), [len(text) for text in texts])
    prior = np.bincount(spoken, minlength=len(numbers)).astype(np.float64)
    within = np.bincount([numbers[word] for text in texts for word in set(text)], minlength=len(numbers))
    kept, total = within >= min_texts, float(prior.sum())
    if not kept.any():
        return 0.0
    random, labels = np.random.default_rng(0), np.arange(len(texts)) < len(sets[0])
    largest = []
    for number in range(_SHUFFLES):
        organism.progress("shuffles", number, _SHUFFLES)
        first = random.permutation(labels)[spoken_in]
        here = np.bincount(spoken, weights=first, minlength=len(numbers))
        there, n_first = prior - here, float(first.sum())
        odds = np.log((here + prior) / (n_first + total - here - prior))
        odds -= np.log((there + prior) / (2 * total - n_first - there - prior))
        z = odds / np.sqrt(1 / (here + prior) + 1 / (there + prior))
        largest.append(np.abs(z[kept]).max())
    return float(np.quantile(largest, 0.95))


def _lettered(text: str) -> list[str]:
    """Words without those that are only digits. Raises BadInput."""
    if len(text) > _LONGEST:
        raise BadInput(f"word_contrast: a text has {len(text):,} characters, and {_LONGEST:,} is the most: split it.")
    return [word for word in words(text) if any(map(str.isalpha, word))]
