"""What a pass gives: of which places, and with which gradients. Shapes: B rows, T tokens, P places of each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch

from interp_bench_ext.contracts import Reads, Site
from interp_bench_ext.errors import BadInput
from interp_bench_ext.host.interventions import Interventions


def kept_places(
    views: Mapping[Site, torch.Tensor],
    reads: Reads,
    at_columns: torch.Tensor | None,
    *,
    longest: int,
    device: torch.device,
) -> dict[Site, torch.Tensor]:
    """``[B, P, *shape]`` on ``device`` of what ``views`` give ``[B, T, *shape]``, for every site that is read."""
    kept: dict[Site, torch.Tensor] = {}
    for site in reads.sites:
        found = views[site].detach().to(device)
        if site.part == "pattern":  # whatever comes before the visible columns is not shown
            found = found[..., -longest:]
            found = found / found.sum(-1, keepdim=True).clamp(min=torch.finfo(found.dtype).tiny)
        taken = taken_at(found, at_columns)
        # Some blocks add to what their modules gave, in its place.
        kept[site] = taken.clone() if taken is found and site.part in ("attn_out", "mlp_out") else taken
    return kept


def scores_and_gradients(
    reads: Reads,
    at: range,
    lengths: Sequence[int],
    logits: torch.Tensor,
    hooks: Interventions,
    sources: dict[tuple[int, str], torch.Tensor],
) -> tuple[torch.Tensor, dict[Site, torch.Tensor]]:
    """Each row's scalar, and its gradients at the sites ``[B, T, *shape]``."""
    assert reads.grad_of is not None
    if any(site.part == "pattern" for site in reads.sites):
        raise BadInput("A pattern can be read, and it has no gradients: read it in a pass of its own.")
    own = [logits[place, : length if reads.positions is None else None] for place, length in enumerate(lengths)]
    scalars = [reads.grad_of(row, found) for row, found in zip(at, own, strict=True)]
    if not all(isinstance(one, torch.Tensor) and one.numel() == 1 for one in scalars):
        raise BadInput("grad_of gives one number for each row, as a tensor.")
    scores = torch.stack([one.reshape(()).float() for one in scalars])
    if not scores.requires_grad:
        raise BadInput("What grad_of gives does not depend on the logits.")
    keys = list(sources)
    found = torch.autograd.grad(scores.sum(), [sources[key] for key in keys], allow_unused=True) if keys else ()
    pairs = zip(keys, found, strict=True)
    given = {key: torch.zeros_like(sources[key]) if one is None else one for key, one in pairs}
    return scores.detach(), hooks.views(given)


def picked(
    positions: Sequence[int] | None, lengths: Sequence[int], device: torch.device | None = None
) -> torch.Tensor | None:
    """``[B, P]`` columns to keep; None for all. Raises BadInput for a position that a row does not have."""
    if positions is None:
        return None
    for length in lengths:
        for position in positions:
            if not -length <= position < length:
                raise BadInput(f"There is no position {position}: a row has {length} tokens.")
    return torch.tensor([[position % length for position in positions] for length in lengths], device=device)


def taken_at(found: torch.Tensor, picked: torch.Tensor | None) -> torch.Tensor:
    """``[B, P, ...]`` of ``[B, T, ...]``."""
    if picked is None:
        return found
    at = picked.to(found.device).reshape(*picked.shape, *[1] * (found.dim() - 2))
    return found.gather(1, at.expand(*picked.shape, *found.shape[2:]))
