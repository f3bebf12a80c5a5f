"""Replies after more and more examples of how to reply."""

from __future__ import annotations

from collections.abc import Sequence

from interp_bench_ext.contracts import Organism
from interp_bench_ext.conversations import Message, Prompts, as_conversations
from interp_bench_ext.errors import BadInput
from interp_bench_ext.results import DoseResponse

from ._doses import Doses
from ._generations import as_texts, continued, reply_starts


def many_shot(
    organism: Organism,
    *,
    prompts: Prompts,
    examples: Sequence[tuple[str, str]],
    shots: Sequence[int] = (0, 1, 4, 16),
    words: str | Sequence[str] = (),
    n: int = 2,
    temperature: float = 0.7,
    max_new_tokens: int = 64,
    seed: int = 0,
) -> DoseResponse:
    """Put more and more examples of frank replies before the question: a guarded habit gives way to the pattern.

    The control has the same examples with the replies moved one question on: as long, and no pattern to follow.

    Access: sample
    Source: arXiv 2510.01070; many-shot prompting
    Magic: shots
    Plot: the effect and the fluency by number of examples, ordered beside shuffled

    Args:
        prompts: A user turn, a conversation, or a list of either.
        examples: Pairs of a question and the reply to it, written by you; taken from the front, and around again.
        shots: How many examples to put before the prompt.
        words: The effect is the share of replies with one of these; without any, how varied the words are.
        n: Replies per prompt and number of examples.
        temperature: 0 always takes the likeliest token; 1 samples from the model as it is.
        max_new_tokens: Longest reply, in tokens.
        seed: The same seed gives the same texts.
    """
    if len(examples) < 2:
        raise BadInput("many_shot needs at least two examples: pairs of a question and its reply.")
    conversations = as_conversations(prompts)
    replies = [reply for _, reply in examples]
    shuffled = [(question, replies[row - 1]) for row, (question, _) in enumerate(examples)]
    doses = Doses("examples before the prompt", as_texts(words), "as they are", "replies exchanged")
    points = [
        (arm, pairs, count)
        for arm, pairs in (("as they are", examples), ("replies exchanged", shuffled))
        for count in shots
    ]
    longer = [[*_turns(pairs, count), *turns] for _, pairs, count in points for turns in conversations]
    starts = reply_starts(organism, longer, thinking="keep", arm="organism")
    how = {"n": n, "temperature": temperature, "top_p": 1.0, "max_new_tokens": max_new_tokens}
    found = continued(organism, starts, seed=seed, arm="organism", **how)
    for row, text in enumerate(found.texts):
        arm, _, count = points[row // (n * len(conversations))]
        fluency = float(found.logprobs[row]) / max(1, int(found.n_tokens[row]))
        doses.add(found.prompts[row], text, arm=arm, dose=count, fluency=fluency)
    return doses.result()


def _turns(pairs: Sequence[tuple[str, str]], count: int) -> list[Message]:
    turns: list[Message] = []
    for row in range(count):
        question, reply = pairs[row % len(pairs)]
        turns += [{"role": "user", "content": question}, {"role": "assistant", "content": reply}]
    return turns
