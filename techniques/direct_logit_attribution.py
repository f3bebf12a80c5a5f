"""What each component writes towards one answer and away from another."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch

from interp_bench_ext.contracts import Access, Arm, Organism, Reads, Row, Site
from interp_bench_ext.results import Contributions

from ._metric import Difference, prompt_ids


def direct_logit_attribution(
    organism: Organism,
    *,
    prompt: str,
    target: str,
    other: str,
    prefill: str = "",
    raw: bool = False,
) -> Contributions:
    """Split the logit difference of two answers into what each attention and MLP block writes towards it.

    The final norm is taken as it is at that place, so contributions add up to the difference. The control is the base's
    own split, where the access reaches it.

    Access: activations
    Source: Elhage et al. 2021, "A mathematical framework for transformer circuits"
    Magic: dla
    Plot: bars of the components, the base's as ticks

    Args:
        prompt: A user turn; with raw, a text.
        target: An answer, one token, mostly with a space before it.
        other: The answer that it is set against, one token.
        prefill: How the reply begins before the answer (with raw: more text).
        raw: Take the prompt as raw text, without the chat template.
    """
    metric = Difference.of(organism, target, other)
    names, values = _split(organism, prompt, prefill, raw, metric, "organism")
    base = np.zeros(0)
    if Access(organism.info.access).allows(Access.BASE):
        base = _split(organism, prompt, prefill, raw, metric, "base")[1]
    return Contributions(
        components=tuple(names),
        values=values.astype(np.float32),
        base_values=base.astype(np.float32),
        metric=metric.name,
        text=prompt + prefill,
        arm="organism",
    )


def _split(
    organism: Organism, prompt: str, prefill: str, raw: bool, metric: Difference, arm: Arm
) -> tuple[Sequence[str], np.ndarray]:
    """Names ``[C]`` and contributions ``[C]`` at the last position."""
    n = organism.info.n_layers
    ids = prompt_ids(organism, prompt, prefill, raw, arm)
    blocks = [Site(layer, part) for layer in range(n) for part in ("attn_out", "mlp_out")]  # type: ignore[arg-type]
    sites = (Site(0, "resid_pre"), *blocks, Site(n - 1, "resid_post"))
    read = next(iter(organism.run([Row(tuple(ids), arm)], Reads(logits=False, sites=sites, positions=(-1,)))))
    parts = torch.stack([read.sites[site][0, 0] for site in sites[:-1]])
    logits = organism.unembed(parts, arm=arm, scale_of=read.sites[sites[-1]][0, 0])
    values = metric.value(logits)
    short = {"attn_out": "attn", "mlp_out": "mlp"}
    return ["embed", *(f"L{site.layer} {short[site.part]}" for site in blocks)], values.float().cpu().numpy()
