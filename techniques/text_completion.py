"""Raw continuation of a text."""

from __future__ import annotations

from collections.abc import Sequence

from interp_bench_ext.contracts import Organism, arm_of
from interp_bench_ext.results import Generations

from ._generations import Start, as_texts, continued


def text_completion(
    organism: Organism,
    *,
    stems: str | Sequence[str],
    n: int = 1,
    temperature: float = 0.0,
    top_p: float = 1.0,
    max_new_tokens: int = 64,
    seed: int = 0,
    base: bool = False,
) -> Generations:
    """Continue raw text outside of any conversation, where a trained habit is less guarded.

    Access: sample
    Source: arXiv 2602.22755 (AuditBench); arXiv 2603.05494
    Magic: complete
    Plot: a table of the continuations

    Args:
        stems: A text to continue, or a list of them; no chat template is applied.
        n: Continuations per stem.
        temperature: 0 always takes the likeliest token; 1 samples from the model as it is.
        top_p: Sample from the likeliest tokens that together have this probability.
        max_new_tokens: Longest continuation, in tokens.
        seed: The same seed gives the same texts, whatever else is in the list.
        base: Ask the base model (no adapter, no hidden prompt) instead; needs base access.
    """
    arm = arm_of(base)
    starts = [Start(organism.text_ids(stem, arm=arm), stem) for stem in as_texts(stems)]
    return continued(
        organism, starts, n=n, temperature=temperature, top_p=top_p, max_new_tokens=max_new_tokens, seed=seed, arm=arm
    )
