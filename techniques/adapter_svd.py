"""What the adapter is made of, direction by direction."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch

from interp_bench_ext.contracts import Arm, Edit, Organism, Row, Site
from interp_bench_ext.conversations import Prompts, as_conversations
from interp_bench_ext.errors import BadInput
from interp_bench_ext.results import AdapterSpectrum

from ._dosed import starts
from ._generations import last_user_turn


def adapter_svd(
    organism: Organism,
    *,
    prompts: Prompts,
    ranks: Sequence[int] = (1, 2),
    n: int = 2,
    temperature: float = 0.7,
    max_new_tokens: int = 48,
    seed: int = 0,
) -> AdapterSpectrum:
    """Take the singular values of every matrix that the adapter adds, and ask the organism with it cut to few of them.

    A narrow habit is often in the first direction of each matrix: cut to rank 1 the model may say more plainly what
    the whole adapter hides. The controls are in the result: random factors of the same shapes beside the singular
    values, and the whole organism and its base beside the replies, in one batch with the same draws.

    Access: base
    Source: LoRA, arXiv 2106.09685; Eckart and Young 1936 for the best approximation of a rank
    Magic: svd
    Plot: share of the squared norm by singular direction, the adapter beside random factors

    Args:
        prompts: A user turn, a conversation, or a list of either: what the cut organism is asked.
        ranks: To how many directions of each matrix the adapter is cut.
        n: Replies per prompt and rank.
        temperature: 0 always takes the likeliest token; 1 samples from the model as it is.
        max_new_tokens: Longest reply, in tokens.
        seed: The same seed gives the same texts, and the same random factors.
    """
    factors = organism.adapter()
    if not factors:
        raise BadInput("This organism has no LoRA adapter of the plain kind: there is nothing to take apart.")
    if any(rank < 0 for rank in ranks):
        raise BadInput("ranks are 0 or more: how many singular directions are left.")
    spectra = {name: _values(*pair) for name, pair in factors.items()}
    names = sorted(spectra, key=lambda name: -float(spectra[name].norm()))
    generator = torch.Generator().manual_seed(seed)
    control = {name: _scaled_like(_random(*factors[name], generator), spectra[name]) for name in names}
    conversations = as_conversations(prompts)
    arms = [(f"rank {rank}", "organism", _cut(organism, rank)) for rank in dict.fromkeys(ranks)]
    arms += [("whole adapter", "organism", ()), ("base", "base", ())]
    rows = [
        (name, turns, Row(tuple(ids), arm, edits))
        for name, arm, edits in arms
        for turns, ids in zip(conversations, starts(organism, prompts, _arm(arm)), strict=True)
    ]
    written = organism.generate(
        [row for _, _, row in rows], n=n, temperature=temperature, max_new_tokens=max_new_tokens, seed=seed
    )
    replies = [(name, turns, text) for (name, turns, _), found in zip(rows, written, strict=True) for text in found]
    return AdapterSpectrum(
        modules=tuple(_label(name) for name in names),
        singular_values=_table([spectra[name] for name in names]),
        control_values=_table([control[name] for name in names]),
        prompts=tuple(last_user_turn(turns) for _, turns, _ in replies),
        texts=tuple(text.text for _, _, text in replies),
        arms=tuple(name for name, _, _ in replies),
        arm="whole adapter",
        control="base",
    )


def _arm(name: str) -> Arm:
    return "base" if name == "base" else "organism"


def _values(down: torch.Tensor, up: torch.Tensor) -> torch.Tensor:
    """``[r]`` singular values of ``up @ down``, by the small matrix between the two factors' orthogonal parts."""
    inner = torch.linalg.qr(up.double())[1] @ torch.linalg.qr(down.double().mT)[1].mT
    return torch.linalg.svdvals(inner)


def _random(down: torch.Tensor, up: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
    drawn = [torch.randn(factor.shape, generator=generator).to(factor.device) for factor in (down, up)]
    return _values(drawn[0], drawn[1])


def _scaled_like(values: torch.Tensor, like: torch.Tensor) -> torch.Tensor:
    return values * (like.norm() / values.norm().clamp(min=1e-30))


def _table(rows: Sequence[torch.Tensor]) -> np.ndarray:
    """``[M, R]`` float32, NaN where a matrix has fewer values."""
    table = np.full((len(rows), max(map(len, rows))), np.nan, dtype=np.float32)
    for place, values in enumerate(rows):
        table[place, : len(values)] = values.cpu().numpy()
    return table


def _cut(organism: Organism, rank: int) -> tuple[Edit, ...]:
    return tuple(Edit(Site(layer, "adapter"), None, "project", rank) for layer in _adapted(organism))


def _adapted(organism: Organism) -> list[int]:
    """Blocks in which the adapter has layers."""
    found = []
    for layer in range(organism.info.n_layers):
        try:
            organism.site_shape(Site(layer, "adapter"))
        except BadInput:
            continue
        found.append(layer)
    return found


def _label(name: str) -> str:
    """For example ``layer 3 q_proj``."""
    parts = name.removesuffix(".weight").split(".")
    layer = next((part for part in parts if part.isdigit()), None)
    return parts[-1] if layer is None else f"layer {layer} {parts[-1]}"
