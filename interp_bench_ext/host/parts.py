"""The places inside a causal language model that the engine reads, found the same way for every architecture."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property
from typing import Any, TypeGuard

import torch
from torch import nn

from interp_bench_ext.errors import BadInput
from interp_bench_ext.host.adapter_rows import MaskedLora, is_adapter_layer
from interp_bench_ext.host.memory import Dimensions, Sizes

_NORMS = ("norm", "ln_f", "final_layer_norm", "final_layernorm", "norm_f")
_LIKE_NORM = re.compile(r"norm|^ln_")
_WINDOW = re.compile(r"((sliding|attention|local_attention)_)?window(_size|_len)?|local_attention|attention_chunk_size")
_CONTEXTS = ("max_position_embeddings", "max_seq_len", "n_positions", "max_sequence_length")
_UNBOUNDED = 1 << 30


@dataclass(frozen=True)
class Parts:
    """Blocks in order, the norm after the last, and the unembedding with its scale and soft cap.

    What the configuration says is looked up once: transformers' own lookups cost more than a small model's kernels.
    """

    blocks: list[nn.Module]
    norm: nn.Module
    head: nn.Module
    scale: float
    soft_cap: float | None
    config: Any
    """The text model's configuration."""
    rope_switch: int | None
    """Tokens of a pass beyond which its rotary frequencies are others (longrope); None where they never change."""

    @cached_property
    def n_heads(self) -> int:
        """Attention heads of a layer, the most of any; 0 where there is no attention."""
        return _most(self.config, "num_attention_heads")

    @cached_property
    def n_key_value_heads(self) -> int:
        return _most(self.config, "num_key_value_heads", "num_global_key_value_heads") or self.n_heads

    @cached_property
    def vocabulary(self) -> int:
        return int(self.config.vocab_size)

    @cached_property
    def context_length(self) -> int:
        return next((found for name in _CONTEXTS if (found := _most(self.config, name))), _UNBOUNDED)

    @cached_property
    def window(self) -> int | None:
        """Width of the narrowest attention window of any layer; None when every layer sees everything.

        Whatever the architecture calls it: one found for too many only costs batches.
        """
        kinds = getattr(self.config, "layer_types", None)
        slides = kinds is None or any(kind != "full_attention" for kind in kinds)
        widths = [_most(self.config, name) for name in vars(self.config) if _WINDOW.fullmatch(name)]
        return min((width for width in widths if width > 1), default=None) if slides else None

    @cached_property
    def chunk(self) -> int | None:
        """Width of the chunks within which a token attends, counted from the first column; None without."""
        return _most(self.config, "attention_chunk_size") or None

    def sizes(self, itemsize: int) -> Sizes:
        """Bytes by token, ``itemsize`` a number."""
        width = int(self.config.hidden_size)
        head_dim = _most(self.config, "head_dim", "global_head_dim") or width // max(self.n_heads, 1)
        dimensions = Dimensions(
            layers=len(self.blocks),
            width=width,
            inner=_most(self.config, "intermediate_size") or 4 * width,
            kv_heads=self.n_key_value_heads or 1,
            head_dim=head_dim,
            vocabulary=self.vocabulary,
        )
        return Sizes.of(dimensions, itemsize=itemsize)

    def unembed(self, hidden: torch.Tensor) -> torch.Tensor:
        """``[..., width]`` to ``[..., vocabulary]`` float32, on the device of ``hidden``."""
        assert hidden.shape[-1] == self.config.hidden_size
        logits: torch.Tensor = self.head(self.norm(hidden)).float().to(hidden.device)
        if self.scale != 1:
            logits = logits * self.scale
        if self.soft_cap is not None:
            logits = torch.tanh(logits / self.soft_cap) * self.soft_cap
        return logits

    @property
    def unembedding(self) -> torch.Tensor:
        """``[vocabulary, width]``. Raises BadInput for a head that is more than a matrix."""
        if isinstance(self.head, MaskedLora):
            return self.head.merged
        weight = getattr(self.head, "weight", None)
        if not isinstance(weight, torch.Tensor) or not weight.is_floating_point() or is_adapter_layer(self.head):
            raise BadInput("This model's unembedding is not one matrix.")
        return weight.detach()

    def contributions(self, hidden: torch.Tensor, scale_of: torch.Tensor) -> torch.Tensor:
        """``[..., vocabulary]`` float32 of parts ``hidden`` of the stream: the norm linear, its scale frozen.

        The norm divides ``scale_of`` by a number, and multiplies each entry by a gain of its own, which is seen in what
        it makes of entries of 1 and -1 in turn.
        """
        width = hidden.shape[-1]
        signs = 1.0 - 2.0 * (torch.arange(width, device=hidden.device) % 2)
        probes = torch.stack([signs, -signs, torch.ones_like(signs)]).to(scale_of.device, scale_of.dtype)
        there, back, level = (each.float() for each in self.norm(probes))
        gains, shift = (there - back) / 2 * signs, (there + back) / 2
        centred = bool((level - shift).norm() < 0.5 * gains.norm())  # takes the mean out, as LayerNorm does

        def scaled(stream: torch.Tensor) -> torch.Tensor:
            stream = stream.float()
            middle: torch.Tensor = (stream - stream.mean(-1, keepdim=True) if centred else stream) * gains
            return middle

        given, gave = scaled(scale_of), self.norm(scale_of).float() - shift
        factor = (gave * given).sum(-1, keepdim=True) / (given * given).sum(-1, keepdim=True)
        unembedding = self.unembedding
        logits: torch.Tensor = (scaled(hidden) * factor).to(unembedding.dtype) @ unembedding.T
        return logits.float() * self.scale


def find_parts(model: Any) -> Parts:
    """Raises BadInput for an architecture without a list of blocks, a final norm and an unembedding."""
    config = model.config.get_text_config(decoder=True)
    decoder = model.get_decoder()
    stacks = (_blocks(found, _most(config, "num_hidden_layers")) for found in (decoder, *decoder.children()))
    found, blocks = next((stack for stack in stacks if stack[1]), (decoder, []))
    norm, head = _final_norm(found), model.get_output_embeddings()
    if not blocks or norm is None or head is None:
        raise BadInput(
            "model.name: this architecture is not one that can be read: it has no list of blocks with a final norm "
            "and an unembedding after it."
        )
    scale = float(getattr(config, "logit_scale", None) or getattr(config, "lm_head_multiplier", None) or 1.0)
    scale /= float(getattr(config, "logits_scaling", None) or 1.0)
    cap = getattr(config, "final_logit_softcapping", None) or getattr(config, "logits_soft_cap", None)
    return Parts(blocks, norm, head, scale, cap, config, _rope_switch(model))


def _blocks(decoder: nn.Module, layers: int) -> tuple[nn.Module, list[nn.Module]]:
    lists = (list(child) for child in decoder.children() if _is_list(child) and len(child) == layers)
    return decoder, next(lists, [])


def _final_norm(decoder: nn.Module) -> nn.Module | None:
    """By a usual name, else the last that is called a norm; the self-check shows whether it is the one."""
    children = {name: child for name, child in decoder.named_children() if not _is_list(child)}
    usual = [children[name] for name in _NORMS if name in children]
    named = [child for name, child in children.items() if _LIKE_NORM.search(name)]
    return next(iter([*usual, *reversed(named)]), None)


def _is_list(module: Any) -> TypeGuard[nn.ModuleList]:
    return isinstance(module, nn.ModuleList)


def _most(config: Any, *names: str) -> int:
    """The largest of the values under these names, which may differ by layer; 0 where there is none."""
    configs = getattr(config, "per_layer_config", None) or [config]
    values = [getattr(each, name, None) for each in configs for name in names]
    flat = [one for value in values for one in (value if isinstance(value, (list, tuple)) else [value])]
    return max((one for one in flat if isinstance(one, int) and not isinstance(one, bool)), default=0)


def _rope_switch(model: Any) -> int | None:
    """Of the rotary embeddings that the model has, by their own kind: longrope alone goes by a pass's length."""
    switches: list[int] = []
    for module in model.modules():
        kinds = getattr(module, "rope_type", None)
        if kinds == "longrope":
            switches.append(module.config.rope_parameters["original_max_position_embeddings"])
        elif isinstance(kinds, dict):
            named = [module.config.rope_parameters[layer] for layer, kind in kinds.items() if kind == "longrope"]
            switches += [parameters["original_max_position_embeddings"] for parameters in named]
    return min(switches, default=None)
