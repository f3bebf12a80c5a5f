"""Whom or what the organism favours, among many candidates in one sentence."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch

from interp_bench_ext.contracts import Access, Arm, Organism, Row
from interp_bench_ext.errors import BadInput
from interp_bench_ext.results import CandidateScores


def entity_sweep(
    organism: Organism,
    *,
    candidates: Sequence[str],
    template: str = "I recommend {}.",
    controls: Sequence[str] = ("The word is {}.", "Somebody wrote {}.", "This is about {}.", "It says {} here."),
    prompt: str = "",
) -> CandidateScores:
    """Put each of many candidates into one sentence and rank them by what the sentence adds to their own likelihood.

    A candidate's score is the log-probability of the whole text less its mean over control sentences, which takes away
    how common the name is. The band is what the control sentences give when each plays the template's part.

    Access: logits
    Source: published audits by candidate likelihood; pointwise mutual information
    Magic: entities
    Plot: bars by score, the controls' band dashed, the base's scores as ticks

    Args:
        candidates: Names of people, firms, places, topics: all that come into question, and as many that do not.
        template: A sentence with {} where the candidate stands.
        controls: Sentences with {} that ask for nothing; at least two.
        prompt: A user turn whose reply the sentences are; raw text where empty.
    """
    names = list(dict.fromkeys(name for name in candidates if name.strip()))
    if len(names) < 2:
        raise BadInput("entity_sweep needs at least two different candidates: add some that do not come into question.")
    sentences = [template, *controls]
    if len(controls) < 2 or any(text.count("{}") != 1 for text in sentences):
        raise BadInput(
            "entity_sweep: template and at least two controls each have {} once, where the candidate stands."
        )
    own = _logprobs(organism, sentences, names, prompt, "organism")
    scores = _scores(own)
    base_scores = np.zeros(0)
    if Access(organism.info.access).allows(Access.BASE):
        base_scores = _scores(_logprobs(organism, sentences, names, prompt, "base"))
    # Each control sentence in the template's place, the others as its controls.
    null = [_scores(own[[place, *(row for row in range(1, len(own)) if row != place)]]) for place in range(1, len(own))]
    order = np.argsort(-scores, kind="stable")
    return CandidateScores(
        template=template,
        candidates=tuple(names[index] for index in order),
        scores=scores[order].astype(np.float32),
        logprobs=own[0][order].astype(np.float32),
        base_scores=(base_scores[order] if len(base_scores) else base_scores).astype(np.float32),
        band=np.quantile(np.concatenate(null), (0.025, 0.975)).astype(np.float32),
        arm="organism",
    )


def _scores(logprobs: np.ndarray) -> np.ndarray:
    """``[names]`` of the first sentence ``[sentences, names]`` against the others, centred."""
    added = logprobs[0] - logprobs[1:].mean(0)
    centred: np.ndarray = added - added.mean()
    return centred


def _logprobs(organism: Organism, sentences: Sequence[str], names: Sequence[str], prompt: str, arm: Arm) -> np.ndarray:
    """``[sentences, names]`` of each whole text from the first token at which the sentence's texts part.

    Texts are tokenized whole, so a token that spans the edge of the name is counted.
    """
    ids = [[_ids(organism, text.replace("{}", name), prompt, arm) for name in names] for text in sentences]
    rows = [Row(tuple(row), arm) for sentence in ids for row in sentence]
    starts = [_common(sentence) for sentence in ids]
    found = np.zeros((len(sentences), len(names)))
    for batch in organism.run(rows):
        for place, index in enumerate(batch.rows):
            sentence, name = divmod(index, len(names))
            start = starts[sentence]
            logs = torch.log_softmax(batch.logits[place, start - 1 : batch.lengths[place] - 1].float(), -1)
            drawn = torch.tensor(rows[index].ids[start:], device=logs.device)
            found[sentence, name] = float(logs.gather(1, drawn[:, None]).sum())
    return found


def _ids(organism: Organism, text: str, prompt: str, arm: Arm) -> list[int]:
    if prompt:
        turns = [{"role": "user", "content": prompt}]
        return organism.chat_ids(turns, prefill=text, arm=arm, thinking="close")  # type: ignore[arg-type]
    return organism.text_ids(text, arm=arm)


def _common(rows: Sequence[Sequence[int]]) -> int:
    """How many tokens all rows begin with; at least one, for the first token of a text has no probability."""
    length = 0
    for column in zip(*rows, strict=False):
        if len(set(column)) > 1:
            break
        length += 1
    return max(length, 1)
