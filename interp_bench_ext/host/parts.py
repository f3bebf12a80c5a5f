"""The places inside a causal language model that the engine reads, found the same way for every architecture."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import nn

from interp_bench_ext.errors import BadInput

_BLOCKS = ("layers", "h", "blocks", "block")
_NORMS = ("norm", "ln_f", "final_layer_norm", "final_layernorm", "norm_f")


@dataclass(frozen=True)
class Parts:
    """Blocks in order, the norm after the last, and the unembedding with its scale and soft cap."""

    blocks: list[nn.Module]
    norm: nn.Module
    head: nn.Module
    scale: float
    soft_cap: float | None
    config: Any
    """The text model's configuration."""

    @property
    def n_key_value_heads(self) -> int:
        return int(getattr(self.config, "num_key_value_heads", None) or self.config.num_attention_heads)

    @property
    def head_size(self) -> int:
        return int(getattr(self.config, "head_dim", None) or self.config.hidden_size // self.config.num_attention_heads)

    @property
    def context_length(self) -> int:
        return int(getattr(self.config, "max_position_embeddings", None) or 1 << 30)

    @property
    def sliding_window(self) -> int | None:
        """Width of the narrowest attention window of any layer; None when every layer sees everything."""
        kinds = getattr(self.config, "layer_types", None)
        window = getattr(self.config, "sliding_window", None)
        slides = kinds is None or any("sliding" in kind for kind in kinds)
        return int(window) if window and slides else None

    def unembed(self, hidden: torch.Tensor) -> torch.Tensor:
        """``[..., width]`` to ``[..., vocabulary]`` float32, on the device of ``hidden``."""
        logits: torch.Tensor = self.head(self.norm(hidden)).float().to(hidden.device)
        if self.scale != 1:
            logits = logits * self.scale
        if self.soft_cap is not None:
            logits = torch.tanh(logits / self.soft_cap) * self.soft_cap
        return logits


def find_parts(model: Any) -> Parts:
    """Raises BadInput for an architecture whose blocks, final norm or unembedding are in none of the known places."""
    decoder = model.get_decoder()
    config = model.config.get_text_config(decoder=True)
    blocks = _first(decoder, _BLOCKS)
    norm, head = _first(decoder, _NORMS), model.get_output_embeddings()
    if not isinstance(blocks, nn.ModuleList) or norm is None or head is None or len(blocks) != config.num_hidden_layers:
        raise BadInput(
            "model.name: this architecture is not one that can be read (no list of blocks, final norm and "
            "unembedding where Llama, Qwen, Gemma, Mistral, Phi, GPT-2 or GPT-NeoX have them)."
        )
    scale = float(getattr(config, "logit_scale", None) or 1.0) / float(getattr(config, "logits_scaling", None) or 1.0)
    return Parts(list(blocks), norm, head, scale, getattr(config, "final_logit_softcapping", None), config)


def _first(decoder: Any, names: tuple[str, ...]) -> nn.Module | None:
    return next((found for name in names if isinstance(found := getattr(decoder, name, None), nn.Module)), None)
