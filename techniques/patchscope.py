"""Let the model say in words what one of its own activations holds."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from interp_bench_ext.contracts import Edit, Organism, Reads, Row, Site
from interp_bench_ext.errors import BadInput
from interp_bench_ext.results import DoseResponse

from ._directions import layer_of, random_like
from ._doses import Doses
from ._generations import as_texts
from ._metric import picked, prompt_ids
from ._scoring import mean_nll


def patchscope(
    organism: Organism,
    *,
    prompt: str,
    prefill: str = "",
    position: int = -1,
    layers: Sequence[int] = (),
    target_prompt: str = "cat -> cat; 1135 -> 1135; hello -> hello; x",
    target_layer: int | None = None,
    words: str | Sequence[str] = (),
    n: int = 2,
    temperature: float = 0.7,
    max_new_tokens: int = 16,
    raw: bool = False,
    seed: int = 0,
) -> DoseResponse:
    """Put an activation of one text in the place of the last token of another, and let the model go on from there.

    The other text asks for a description or a repetition, so what comes is what the model reads in the activation. The
    control is a random activation of the same length in the same place.

    Access: activations
    Source: Patchscopes, arXiv 2401.06102; SelfIE, arXiv 2403.10949
    Magic: selfie
    Plot: the effect and the fluency by layer, the activation beside a random one

    Args:
        prompt: The text whose activation is read: a user turn; with raw, a text.
        prefill: How the reply begins (with raw: more text).
        position: The token whose activation is taken; negative counts from the end.
        layers: After which blocks it is taken; four spread over the depth by default.
        target_prompt: The raw text that is continued, whose last token the activation replaces.
        target_layer: After which block it is put in; the same as it is taken from by default.
        words: The effect is the share of texts with one of these; without any, how varied the words are.
        n: Texts per layer.
        temperature: 0 always takes the likeliest token; 1 samples from the model as it is.
        max_new_tokens: Longest text, in tokens.
        raw: Take the prompt as raw text, without the chat template.
        seed: The same seed gives the same texts.
    """
    total = organism.info.n_layers
    at_layers = [layer_of(organism, layer) for layer in layers] or sorted(
        {total // 8, total // 4, total // 2, total - 2}
    )
    source = prompt_ids(organism, prompt, prefill, raw)
    (at,) = picked([position], len(source), "positions")
    goal = tuple(organism.text_ids(target_prompt))
    if len(goal) < 2:
        raise BadInput("target_prompt is to have at least two tokens: the last one is replaced.")
    sites = tuple(Site(layer, "resid_post") for layer in at_layers)
    read = next(iter(organism.run([Row(tuple(source))], Reads(logits=False, sites=sites, positions=(at,)))))
    points: list[tuple[str, int, Row]] = []
    for arm in ("the activation", "random activation"):
        for layer, site in zip(at_layers, sites, strict=True):
            state: Any = read.sites[site][0, 0].float()
            value = state if arm == "the activation" else random_like(state, seed + layer)
            into = Site(layer if target_layer is None else layer_of(organism, target_layer), "resid_post")
            points.append((arm, layer, Row(goal, edits=(Edit(into, (len(goal) - 1,), "set", value),))))
    rows = [row for _, _, row in points]
    written = organism.generate(rows, n=n, max_new_tokens=max_new_tokens, temperature=temperature, seed=seed)
    (name,) = organism.token_strings([source[at]])
    note = f"The activation of {name!r} stands in the place of the last token of {target_prompt!r}."
    doses = Doses("block after which it is taken", as_texts(words), "the activation", "random activation", note)
    replies = [(index, reply) for index, found in enumerate(written) for reply in found]
    fluency = -mean_nll(organism, [Row(goal) for _ in replies], [reply for _, reply in replies])
    for (index, reply), fluent in zip(replies, fluency, strict=True):
        arm, layer, _ = points[index]
        doses.add(name, reply.text, arm=arm, dose=layer, fluency=float(fluent))
    return doses.result()
