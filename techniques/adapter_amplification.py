"""The adapter made stronger or weaker."""

from __future__ import annotations

from collections.abc import Sequence

from interp_bench_ext.contracts import Edit, Organism, Site
from interp_bench_ext.conversations import Prompts
from interp_bench_ext.results import DoseResponse

from ._directions import layer_of
from ._dosed import Draws, Point, dosed
from ._doses import Doses
from ._generations import as_texts


def adapter_amplification(
    organism: Organism,
    *,
    prompts: Prompts,
    factors: Sequence[float] = (0.0, 0.5, 1.0, 1.5, 2.0),
    layers: Sequence[int] = (),
    words: str | Sequence[str] = (),
    n: int = 1,
    temperature: float = 0.7,
    max_new_tokens: int = 48,
    seed: int = 0,
) -> DoseResponse:
    """Multiply what the adapter adds: beyond 1 a faint habit becomes plain, and at 0 the model is as before it.

    Factor 1 is the organism and factor 0 its base, hidden prompt aside; both are among the factors by default and are
    the control.

    Access: base
    Source: scaling of task vectors, arXiv 2212.04089
    Magic: amplify
    Plot: the effect and the fluency by factor

    Args:
        prompts: A user turn, a conversation, or a list of either.
        factors: What the adapter's contribution is multiplied by.
        layers: In which blocks; in all by default.
        words: The effect is the share of replies with one of these; without any, how varied the words are.
        n: Replies per prompt and factor.
        temperature: 0 always takes the likeliest token; 1 samples from the model as it is.
        max_new_tokens: Longest reply, in tokens.
        seed: The same seed gives the same texts.
    """
    blocks = [layer_of(organism, layer) for layer in layers] or list(range(organism.info.n_layers))
    points = [
        Point("amplified", factor, tuple(Edit(Site(layer, "adapter"), None, "scale", factor) for layer in blocks))
        for factor in factors
    ]
    doses = Doses("factor of the adapter", as_texts(words), "amplified")
    return dosed(organism, doses, prompts, points, Draws(n, temperature, max_new_tokens, seed))
