"""What the sampling techniques share: rows in, one table of continuations out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from interp_bench_ext.contracts import Arm, Completion, Organism, Row
from interp_bench_ext.conversations import Message, Prompts, Thinking, as_conversations
from interp_bench_ext.results import Generations


@dataclass(frozen=True)
class Start:
    """One thing to continue: its token ids, and the texts that stand for it in the table."""

    ids: Sequence[int]
    prompt: str
    prefill: str = ""
    thinking: Thinking | None = None
    """How a reply's turn was opened; None where no reply is written."""


def as_texts(texts: str | Sequence[str]) -> list[str]:
    """A list for a single text or several."""
    return [texts] if isinstance(texts, str) else list(texts)


def last_user_turn(conversation: Sequence[Message]) -> str:
    """What the reply answers; empty if nobody has spoken."""
    turns = [turn["content"] for turn in conversation if turn["role"] == "user"]
    return turns[-1] if turns else ""


def before_reading(thinking: Thinking | None, prefill: str) -> Thinking:
    """How to open the reply that is read: a prefill begins the reply and not the thinking, unless asked for."""
    return thinking or ("close" if prefill else "keep")


def reply_starts(
    organism: Organism, prompts: Prompts, prefills: Sequence[str] = ("",), *, thinking: Thinking, arm: Arm
) -> list[Start]:
    """One start per conversation and prefill: the reply's turn is open after the prefill."""
    return [
        Start(
            organism.chat_ids(conversation, prefill=prefill, arm=arm, thinking=thinking),
            last_user_turn(conversation),
            prefill,
            thinking,
        )
        for conversation in as_conversations(prompts)
        for prefill in prefills
    ]


def continued(
    organism: Organism,
    starts: Sequence[Start],
    *,
    n: int,
    temperature: float,
    top_p: float,
    max_new_tokens: int,
    seed: int,
    arm: Arm,
) -> Generations:
    """``n`` rows per start, in the order of the starts."""
    rows = [Row(tuple(start.ids), arm) for start in starts]
    found = organism.generate(rows, n=n, max_new_tokens=max_new_tokens, temperature=temperature, top_p=top_p, seed=seed)
    pairs = [
        (start, completion) for start, completions in zip(starts, found, strict=True) for completion in completions
    ]
    parts = [_parts(organism, start, completion, arm) for start, completion in pairs]
    return Generations(
        prompts=tuple(start.prompt for start, _ in pairs),
        prefills=tuple(start.prefill for start, _ in pairs),
        thinking=tuple(thought for thought, _ in parts),
        texts=tuple(said for _, said in parts),
        logprobs=np.array([sum(completion.logprobs) for _, completion in pairs], dtype=np.float32),
        n_tokens=np.array([len(completion.ids) for _, completion in pairs], dtype=np.int64),
        finishes=tuple(completion.finish for _, completion in pairs),
        arm=arm,
    )


def _parts(organism: Organism, start: Start, completion: Completion, arm: Arm) -> tuple[str, str]:
    """What was thought and what was said."""
    if start.thinking is None:
        return "", completion.text
    return organism.split_thinking(completion.text, prefill=start.prefill, thinking=start.thinking, arm=arm)
