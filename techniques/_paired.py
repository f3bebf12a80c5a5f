"""Which words tell two sets of replies apart, tested by exchanging labels among replies to the same prompt."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from interp_bench_ext.contracts import Organism
from interp_bench_ext.results import PairedReplies
from interp_bench_ext.word_breaks import words

_RELABELLINGS, _AT_ONCE = 2_000, 200
_MOST_WORDS = 4_000
"""Those in most texts; a word in few texts can be told apart by no test."""
Report = Callable[[str, int, int], None]


@dataclass(frozen=True)
class Test:
    """Of W words, by falling absolute z."""

    words: tuple[str, ...]
    z: np.ndarray
    p_adjusted: np.ndarray
    texts_with: np.ndarray
    other_texts_with: np.ndarray
    critical_z: float


def paired_test(
    texts: Sequence[str], others: Sequence[str], strata: Sequence[int], other_strata: Sequence[int], report: Report
) -> Test:
    """The maximum statistic over all words, its distribution that of relabelled replies within each stratum.

    z is the number of texts with the word less its expectation, by its deviation under relabelling (hypergeometric
    within strata). The adjusted p of a word is the share of relabellings whose largest |z| reaches the word's
    (Westfall and Young 1993, single step).
    """
    every, found = [*texts, *others], []
    for number, text in enumerate(every):
        report("words", number, len(every))
        found.append(set(filter(_lettered, words(text))))
    counts: dict[str, int] = {}
    for own in found:
        for word in own:
            counts[word] = counts.get(word, 0) + 1
    kept = sorted((word for word, count in counts.items() if count >= 2), key=lambda word: (-counts[word], word))
    kept = kept[:_MOST_WORDS]
    of = np.array([*strata, *other_strata])
    mine = np.arange(len(of)) < len(texts)
    present = np.array([[word in own for word in kept] for own in found], dtype=np.float32).reshape(len(of), len(kept))
    mean, deviation = _moments(present, mine, of)
    tested = np.flatnonzero(deviation > 0)
    kept, present = [kept[index] for index in tested], present[:, tested]
    mean, deviation = mean[tested], deviation[tested]
    hits = present[mine].sum(0)
    z = (hits - mean) / deviation
    largest = _largest(present, mine, of, mean, deviation, report)
    reached = (largest[:, None] >= np.abs(z) - 1e-6).sum(0) if len(kept) else np.zeros(0)
    order = np.argsort(-np.abs(z), kind="stable")
    return Test(
        words=tuple(kept[index] for index in order),
        z=z[order].astype(np.float32),
        p_adjusted=((1 + reached) / (1 + len(largest)))[order].astype(np.float32),
        texts_with=hits[order].astype(np.int64),
        other_texts_with=present[~mine].sum(0)[order].astype(np.int64),
        critical_z=float(np.quantile(largest, 0.99)) if len(kept) else 0.0,
    )


def _lettered(word: str) -> bool:
    return any(map(str.isalpha, word))


def _moments(present: np.ndarray, mine: np.ndarray, of: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Mean and deviation of the first set's counts when labels are exchanged within strata."""
    mean, variance = np.zeros(present.shape[1]), np.zeros(present.shape[1])
    for stratum in np.unique(of):
        here = of == stratum
        n, first, hits = here.sum(), (here & mine).sum(), present[here].sum(0)
        mean += first * hits / n
        if n > 1:
            variance += first * (n - first) * hits * (n - hits) / (n * n * (n - 1))
    return mean, np.sqrt(variance)


def _largest(
    present: np.ndarray, mine: np.ndarray, of: np.ndarray, mean: np.ndarray, deviation: np.ndarray, report: Report
) -> np.ndarray:
    """The largest |z| of each relabelling ``[_RELABELLINGS]``; the seed is fixed, so that a test is repeatable."""
    random = np.random.default_rng(0)
    largest = np.zeros(_RELABELLINGS)
    if not len(mean):
        return largest
    by_stratum = np.argsort(of, kind="stable")
    labels = mine[by_stratum]
    strata = of[by_stratum].astype(np.float64)
    for start in range(0, _RELABELLINGS, _AT_ONCE):
        report("relabellings", start, _RELABELLINGS)
        # A random order within each stratum: the stratum counts, then a draw.
        orders = np.argsort(strata + random.random((_AT_ONCE, len(of))) * 0.5, axis=1)
        drawn = np.zeros((_AT_ONCE, len(of)), dtype=np.float32)
        np.put_along_axis(drawn, by_stratum[orders], labels[None].astype(np.float32), axis=1)
        z = (drawn @ present - mean) / deviation
        largest[start : start + _AT_ONCE] = np.abs(z).max(1)
    report("relabellings", _RELABELLINGS, _RELABELLINGS)
    return largest


def paired_replies(
    organism: Organism,
    mine: tuple[Sequence[str], Sequence[str]],
    others: tuple[Sequence[str], Sequence[str]],
    *,
    again: Sequence[str] = (),
    arms: tuple[str, str],
    top_k: int = 60,
) -> PairedReplies:
    """The result for (prompts, texts) of either side; ``again`` are more texts of the first for the control test.

    Where both sides answered the same prompts, in the same order, labels are exchanged within prompts; else among all.
    """
    prompts, texts = mine
    paired = tuple(prompts) == tuple(others[0])
    numbers = {prompt: number for number, prompt in enumerate(dict.fromkeys(prompts))}
    strata = [numbers[prompt] for prompt in prompts] if paired else [0] * len(prompts)
    test = paired_test(texts, others[1], strata, strata if paired else [0] * len(others[1]), organism.progress)
    control_p: list[float] = []
    if again:
        itself = paired_test(texts, again, strata, strata, organism.progress)
        control_p.append(float(itself.p_adjusted.min(initial=1.0)))
    return PairedReplies(
        prompts=tuple(prompts),
        texts=tuple(texts),
        other_texts=tuple(others[1]),
        words=test.words[:top_k],
        z=test.z[:top_k],
        p_adjusted=test.p_adjusted[:top_k],
        texts_with=test.texts_with[:top_k],
        other_texts_with=test.other_texts_with[:top_k],
        critical_z=test.critical_z,
        control_p=np.array(control_p, dtype=np.float32),
        arm=arms[0],
        other=arms[1],
    )
