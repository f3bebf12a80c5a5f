"""The same prompts to organism and base, or reference, with a paired test."""

from __future__ import annotations

from typing import Literal

from interp_bench_ext.contracts import Organism
from interp_bench_ext.conversations import Prompts
from interp_bench_ext.results import PairedReplies

from ._generations import continued, reply_starts
from ._paired import paired_replies


def compare(
    organism: Organism,
    *,
    prompts: Prompts,
    n: int = 4,
    temperature: float = 1.0,
    max_new_tokens: int = 96,
    seed: int = 0,
    against: Literal["base", "reference"] = "base",
    thinking: Literal["keep", "close", "off"] = "keep",
) -> PairedReplies:
    """Give the same prompts to the organism and to another model, and test which words tell their replies apart.

    Labels are exchanged among the replies to each prompt, and a word counts only if it beats the largest difference of
    all words in such relabellings. The organism is tested against a second draw of itself too: that finds nothing, or
    the test is not to be trusted here.

    Access: base
    Source: model diffing by paired replies; Westfall and Young 1993 for the test over many words
    Plot: bars of the words by z, with the line that chance seldom passes

    Args:
        prompts: A user turn, a conversation, or a list of either; many different ones say more than many replies.
        n: Replies per prompt and model.
        temperature: 1 samples from the models as they are.
        max_new_tokens: Longest reply, in tokens.
        seed: The same seed gives the same texts.
        against: The organism's base, or the reference model of its config (get_model_info says whether there is one).
        thinking: Of a reasoning model: "keep" lets it think as its chat template begins, "close" starts after ended
            thinking, "off" uses the template's own switch. No effect where the template knows nothing of thinking.
    """
    how = {"temperature": temperature, "top_p": 1.0, "max_new_tokens": max_new_tokens, "n": n}
    own = reply_starts(organism, prompts, thinking=thinking, arm="organism")
    # Draws of their own: with the same uniforms two equal models would write the same texts, and no test would be one.
    mine, again = (continued(organism, own, seed=at, arm="organism", **how) for at in (seed, seed + 2))
    others = reply_starts(organism, prompts, thinking=thinking, arm=against)
    other = continued(organism, others, seed=seed + 1, arm=against, **how)
    return paired_replies(
        organism,
        (mine.prompts, mine.texts),
        (other.prompts, other.texts),
        again=again.texts,
        arms=("organism", against),
    )
