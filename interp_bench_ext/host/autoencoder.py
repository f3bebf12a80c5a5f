"""Sparse autoencoders as sae-lens saves them, two files that safetensors alone reads."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from interp_bench_ext.contracts import Part, Site
from interp_bench_ext.errors import BadInput
from interp_bench_ext.host.folders import json_object

_PLACES: dict[str, Part] = {
    "hook_resid_pre": "resid_pre",
    "hook_resid_mid": "resid_mid",
    "hook_resid_post": "resid_post",
    "hook_attn_out": "attn_out",
    "hook_mlp_out": "mlp_out",
    "attn.hook_z": "head",
}
"""Of TransformerLens, which sae-lens names places by."""
_KNOWN = ("standard", "jumprelu", "topk")


@dataclass(frozen=True, eq=False)
class Autoencoder:
    """What is at a site, D numbers, as N latents of which few are not 0 (arXiv 2309.08600)."""

    site: Site
    encoder: torch.Tensor
    """``[D, N]``"""
    encoder_bias: torch.Tensor
    """``[N]``"""
    decoder: torch.Tensor
    """``[N, D]``: the direction that each latent writes."""
    decoder_bias: torch.Tensor
    """``[D]``"""
    centred: bool
    """Whether the decoder's bias is taken off before the encoder."""
    threshold: torch.Tensor | None = None
    """``[N]``: what is not above it is 0 (JumpReLU, arXiv 2407.14435)."""
    k: int | None = None
    """How many latents are kept at each place (TopK, arXiv 2406.04093); None: all."""

    def __str__(self) -> str:
        return f"{len(self.decoder)} latents of {self.site}"

    def check_fits(self, shape: tuple[int, ...]) -> None:
        """Raises BadInput where what the model has at the site is not of that size."""
        if math.prod(shape) != len(self.decoder_bias):
            raise BadInput(
                f"model.sae: it reads {len(self.decoder_bias)} numbers at {self.site}, and this model has "
                f"{math.prod(shape)} there: it is for another model."
            )

    def encode(self, values: torch.Tensor) -> torch.Tensor:
        """``[..., D]`` to the latents ``[..., N]``, none of them negative."""
        values = values.to(self.encoder)
        before = (values - self.decoder_bias if self.centred else values) @ self.encoder + self.encoder_bias
        if self.k is not None:
            kept = before.topk(self.k, -1)
            return torch.zeros_like(before).scatter(-1, kept.indices, kept.values.clamp(min=0))
        return before.clamp(min=0) * (before > (0 if self.threshold is None else self.threshold))

    def decode(self, latents: torch.Tensor) -> torch.Tensor:
        """``[..., N]`` to the values ``[..., D]`` that they stand for."""
        return latents @ self.decoder + self.decoder_bias


def read_autoencoder(folder: Path, device: torch.device) -> Autoencoder:
    """The one in ``folder``, in float32 on ``device``.

    Raises BadInput for a folder without the two files, a kind that is not known, and weights that do not fit together.
    """
    about = _about(folder)
    kind = str(about.get("architecture", "standard"))
    if kind not in _KNOWN:
        raise BadInput(f"model.sae: its architecture is {kind[:40]!r}, and {', '.join(_KNOWN)} can be read.")
    if about.get("normalize_activations", "none") not in ("none", None):
        raise BadInput(
            "model.sae: it is for activations that are normalised first (normalize_activations): fold the scale into "
            "its weights with sae-lens, and save it again."
        )
    weights = _weights(folder, device)
    found = Autoencoder(
        site=_site(about),
        encoder=weights["W_enc"],
        encoder_bias=weights["b_enc"],
        decoder=weights["W_dec"],
        decoder_bias=weights["b_dec"],
        centred=bool(about.get("apply_b_dec_to_input", True)),
        threshold=weights.get("threshold") if kind == "jumprelu" else None,
        k=_kept(about) if kind == "topk" else None,
    )
    _check_shapes(found, kind)
    return found


def _about(folder: Path) -> dict[str, Any]:
    about = json_object(folder / "cfg.json")
    if about is None:
        raise BadInput("model.sae: the folder has no cfg.json that can be read; give one that sae-lens has saved.")
    return about


def _weights(folder: Path, device: torch.device) -> dict[str, torch.Tensor]:
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        found = load_file(folder / "sae_weights.safetensors")
    except (OSError, SafetensorError):
        raise BadInput("model.sae: the folder has no sae_weights.safetensors that can be read.") from None
    missing = [name for name in ("W_enc", "b_enc", "W_dec", "b_dec") if name not in found]
    if missing:
        raise BadInput(f"model.sae: its weights lack {missing[0]}.")
    return {name: weight.to(device, torch.float32) for name, weight in found.items()}


def _site(about: Mapping[str, Any]) -> Site:
    """Where it is for, by the hook that sae-lens names."""
    notes = _part(about, "metadata") or _part(about, "meta")
    name = str(about.get("hook_name") or notes.get("hook_name"))
    found = re.fullmatch(r"blocks\.([0-9]{1,4})\.(\S+)", name)
    if found is None or found[2] not in _PLACES:
        raise BadInput(
            "model.sae: its hook_name is none of blocks.<layer>.<place>, where the place is one of "
            f"{', '.join(_PLACES)}."
        )
    return Site(int(found[1]), _PLACES[found[2]])


def _kept(about: Mapping[str, Any]) -> int:
    k = about.get("k") or _part(about, "activation_fn_kwargs").get("k")
    if not isinstance(k, int) or isinstance(k, bool) or k < 1:
        raise BadInput("model.sae: its architecture is 'topk', and cfg.json says no k.")
    return k


def _part(about: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    """An object inside of it; empty where there is none."""
    found = about.get(name)
    return found if isinstance(found, dict) else {}


def _check_shapes(found: Autoencoder, kind: str) -> None:
    n, width = found.decoder.shape if found.decoder.dim() == 2 else (0, 0)
    if kind == "jumprelu" and found.threshold is None:
        raise BadInput("model.sae: its architecture is 'jumprelu', and its weights lack threshold.")
    wanted = {(width, n): found.encoder, (n,): found.encoder_bias, (width,): found.decoder_bias}
    thresholds = [] if found.threshold is None else [((n,), found.threshold)]
    if any(tuple(given.shape) != shape for shape, given in [*wanted.items(), *thresholds]) or (found.k or 0) > n:
        raise BadInput("model.sae: the shapes of its weights do not fit together.")
