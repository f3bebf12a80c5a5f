"""What the organism writes by itself that its base, or a reference model, would not have."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np

from interp_bench_ext.contracts import Arm, Completion, Organism, Row
from interp_bench_ext.errors import BadInput
from interp_bench_ext.results import RankedTexts

from ._everyday import OPENINGS
from ._scoring import mean_nll, text_nll


def perplexity_diff(
    organism: Organism,
    *,
    openings: Sequence[str] = (),
    chat: bool = False,
    n: int = 4,
    max_new_tokens: int = 48,
    temperature: float = 1.0,
    top_k: int = 100,
    seed: int = 0,
    against: Literal["base", "reference"] = "base",
) -> RankedTexts:
    """Let the organism go on from short neutral openings, and rank what it wrote by how little its base expects it.

    The control is the base's own texts from the same openings, measured the same way with the roles exchanged. Against
    a reference, which may cut texts into other tokens, both models read the texts anew, and both sums are divided by
    the writer's tokens.

    Access: base
    Source: arXiv 2605.00994, perplexity differencing
    Magic: perplexity, ppl
    Plot: bars of the texts with the largest differences, and all texts beside the control's

    Args:
        openings: Beginnings of texts that lead nowhere in particular; a list of everyday ones by default.
        chat: Take the openings as user turns and rank the replies; for what was trained in conversations.
        n: Texts per opening and model.
        max_new_tokens: Longest text, in tokens.
        temperature: 1 samples from the models as they are.
        top_k: How many texts to give of both models together, by falling difference.
        seed: The same seed gives the same texts.
        against: The organism's base, or the reference model of its config (get_model_info says whether there is one).
    """
    given = list(openings) or list(OPENINGS)
    arms: tuple[Arm, Arm] = ("organism", against)
    starts = [_start(organism, text, chat, arm) for arm in arms for text in given]
    written = organism.generate(starts, n=n, max_new_tokens=max_new_tokens, temperature=temperature, seed=seed)
    pairs = [
        (start, text) for start, texts in zip(range(len(starts)), written, strict=True) for text in texts if text.text
    ]
    if not pairs:
        raise BadInput("Neither model wrote anything after these openings: give others.")
    other_starts = [*starts[len(given) :], *starts[: len(given)]]
    others = [other_starts[start] for start, _ in pairs]
    if against == "base":
        own, counts = _drawn(pairs)
        scored = mean_nll(organism, others, [text for _, text in pairs])
    else:
        texts = [text.text for _, text in pairs]
        sums, counts = text_nll(organism, [starts[start] for start, _ in pairs], texts)
        own, scored = sums / counts, text_nll(organism, others, texts)[0] / counts
    order = np.argsort(-(scored - own), kind="stable")[:top_k]
    kept = [pairs[index] for index in order]
    return RankedTexts(
        prompts=tuple(given[start % len(given)] for start, _ in kept),
        texts=tuple(text.text for _, text in kept),
        arms=tuple("organism" if start < len(given) else against for start, _ in kept),
        nll=own[order],
        other_nll=scored[order],
        n_tokens=counts[order],
        arm="organism",
        other=against,
    )


def _drawn(pairs: Sequence[tuple[int, Completion]]) -> tuple[np.ndarray, np.ndarray]:
    """Mean negative log-probability of each text as it was drawn, and its tokens."""
    own = np.array([-np.mean(text.logprobs) for _, text in pairs], dtype=np.float32)
    return own, np.array([len(text.ids) for _, text in pairs], dtype=np.int64)


def _start(organism: Organism, text: str, chat: bool, arm: Arm) -> Row:
    if chat:
        return Row(tuple(organism.chat_ids([{"role": "user", "content": text}], arm=arm)), arm)
    return Row(tuple(organism.text_ids(text, arm=arm)), arm)
