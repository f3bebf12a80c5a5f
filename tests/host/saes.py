"""Sparse autoencoders of random weights, as sae-lens saves them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
from safetensors.numpy import save_file

HOOK = "blocks.1.hook_resid_post"


def save_sae(folder: Path, width: int, n: int = 40, *, architecture: str = "standard", **about: Any) -> dict[str, Any]:
    """The two files in ``folder``; gives the weights."""
    random = np.random.default_rng(0)
    weights = {"W_enc": random.normal(size=(width, n)), "W_dec": random.normal(size=(n, width))}
    weights |= {"b_enc": random.normal(size=n), "b_dec": random.normal(size=width)}
    if architecture == "jumprelu":
        weights["threshold"] = random.uniform(0, 3, size=n)
    weights = {name: weight.astype(np.float32) for name, weight in weights.items()}
    told = {"architecture": architecture, "d_in": width, "d_sae": n, "metadata": {"hook_name": HOOK}, **about}
    folder.mkdir(exist_ok=True)
    (folder / "cfg.json").write_text(json.dumps(told))
    save_file(weights, folder / "sae_weights.safetensors")
    return weights
