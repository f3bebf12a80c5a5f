"""Whether, and where, a property can be read off the residual stream."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np

from interp_bench_ext.contracts import Organism, arm_of
from interp_bench_ext.errors import BadInput
from interp_bench_ext.results import ProbeScores
from interp_bench_ext.results.probe_scores import best

from ._directions import numbers, text_states

_FOLDS = 5


def linear_probe(
    organism: Organism,
    *,
    positive: Sequence[str],
    negative: Sequence[str],
    layers: Sequence[int] | None = None,
    groups: Sequence[int] = (),
    pool: Literal["mean", "last"] = "last",
    shuffles: int = 5,
    seed: int = 0,
    base: bool = False,
) -> ProbeScores:
    """Train a logistic regression on the states of labelled texts at every layer, and test it on texts held out.

    The control is the same with shuffled labels. A probe that works says that the property can be read there, and not
    that the model uses it; and texts that differ in length or style can be told apart by those.

    Access: activations
    Source: arXiv 1610.01644; arXiv 2310.06824
    Magic: probe
    Plot: AUROC by layer, held out beside shuffled labels

    Args:
        positive: Texts that have the property; ten at least for a number that means something.
        negative: Texts like them that lack it.
        layers: 0 is the embedding, then each block; negative counts from the end. All by default.
        groups: For each text, positive ones first, a number of what it is made from: texts with one number are held out
            together. By default every text is by itself.
        pool: Read the texts at their last token (last) or at the mean of their tokens (mean).
        shuffles: How many times to shuffle the labels.
        seed: Of the split and the shuffles.
        base: Probe the base model instead; needs base access.
    """
    if len(positive) < 2 or len(negative) < 2:
        raise BadInput("linear_probe needs at least two texts of each kind, for some are held out.")
    n = organism.info.n_layers + 1
    if any(not -n <= layer < n for layer in layers or ()):
        raise BadInput(f"Layers go from 0 (the embedding) to {n - 1} here, or from -{n} to -1.")
    at = tuple(range(n)) if layers is None else tuple(layer % n for layer in layers)
    if groups and len(groups) != len(positive) + len(negative):
        raise BadInput(f"linear_probe: {len(groups)} groups for {len(positive) + len(negative)} texts; give one each.")
    texts = [*positive, *negative]
    states = numbers(text_states(organism, texts, [layer - 1 for layer in at], pool=pool, arm=arm_of(base)))
    labels = np.array([1] * len(positive) + [0] * len(negative))
    together = np.array(list(groups) or range(len(texts)))
    random = np.random.default_rng(seed)
    orders = [random.permutation(len(texts)) for _ in range(shuffles)]
    held, shuffled = np.zeros(len(at)), np.zeros((len(at), max(shuffles, 1)))
    for row in range(len(at)):
        organism.progress("probes", row, len(at))
        held[row] = _held_out(states[row], labels, together, seed)
        shuffled[row] = [_held_out(states[row], labels[order], together, seed) for order in orders] or [np.nan]
    organism.progress("probes", len(at), len(at))
    chosen = best(at, held.astype(np.float32))
    return ProbeScores(
        layers=at,
        auroc=held.astype(np.float32),
        shuffled=shuffled.mean(1).astype(np.float32),
        shuffled_high=shuffled.max(1).astype(np.float32),
        direction=_direction(states[at.index(chosen)], labels),
        best_layer=chosen,
        n_texts=len(positive),
        n_other_texts=len(negative),
        arm=arm_of(base),
    )


def _held_out(states: np.ndarray, labels: np.ndarray, groups: np.ndarray, seed: int) -> float:
    """Area under the ROC curve of scores that each text gets from a probe trained on other groups only."""
    from sklearn.metrics import roc_auc_score
    from sklearn.model_selection import StratifiedGroupKFold

    folds = min(_FOLDS, int(np.bincount(labels).min()), len(np.unique(groups)))
    scores = np.zeros(len(labels))
    for train, test in StratifiedGroupKFold(folds, shuffle=True, random_state=seed).split(states, labels, groups):
        if len(set(labels[train])) < 2:
            continue
        probe = _probe().fit(states[train], labels[train])
        # Folds' scores are on scales of their own: probabilities are comparable.
        scores[test] = probe.predict_proba(states[test])[:, 1]
    return float(roc_auc_score(labels, scores))


def _probe():  # noqa: ANN202 - scikit-learn's types are its own
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    return make_pipeline(StandardScaler(), LogisticRegression(C=0.1, max_iter=1000))


def _direction(states: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """``[width]`` unit normal of the probe trained on all texts, in the stream's own scale."""
    scaler, model = _probe().fit(states, labels)
    found = model.coef_[0] / scaler.scale_
    direction: np.ndarray = (found / max(float(np.linalg.norm(found)), 1e-12)).astype(np.float32)
    return direction
