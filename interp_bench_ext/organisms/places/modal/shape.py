"""A model's size from its ``config.json`` alone, exactly, without torch: parameters by part, and what a token takes."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import resources
from typing import Any

from interp_bench_ext.host.memory import Dimensions


@dataclass(frozen=True, kw_only=True)
class _Family:
    """How an architecture's blocks differ from Llama's; counts are per block."""

    norms: int = 2
    qkv_bias: bool = False
    head_norms: bool = False
    """Norms of a head's width over queries and keys."""
    wide_norms: bool = False
    """Norms over all heads of queries and of keys."""
    head_dim: int | None = None
    """Where the config does not say; None: width over heads."""
    tied: bool = False
    """Whether the output embedding is the input's where the config does not say."""


_FAMILIES = {
    "llama": _Family(),
    "mistral": _Family(),
    "phi3": _Family(),
    "qwen2": _Family(qkv_bias=True),
    "qwen3": _Family(head_norms=True, head_dim=128),
    "gemma": _Family(head_dim=256, tied=True),
    "gemma2": _Family(norms=4, head_dim=256, tied=True),
    "gemma3_text": _Family(norms=4, head_norms=True, head_dim=256, tied=True),
    "olmo2": _Family(wide_norms=True),
    "mixtral": _Family(),
    "qwen3_moe": _Family(head_norms=True, head_dim=128),
}


@dataclass(frozen=True, kw_only=True)
class Shape(Dimensions):
    """A decoder-only model's sizes and its parameters by part."""

    heads: int
    matrices: int
    """Parameters in the blocks' matrices, which is what quantization shrinks."""
    others: int
    """Embeddings, norms and biases."""

    @property
    def n_parameters(self) -> int:
        return self.matrices + self.others

    def adapter_parameters(self, rank: int) -> int:
        """Of a LoRA on every matrix of a dense block."""
        query, key = self.heads * self.head_dim, self.kv_heads * self.head_dim
        attention = 2 * (self.width + query) + 2 * (self.width + key)
        return self.layers * rank * (attention + 3 * (self.width + self.inner))


def published_config(name: str) -> Mapping[str, Any] | None:
    """The values of a published model's ``config.json``, with ``gated``, for models that ship in configs; or None."""
    table = json.loads(resources.files(__package__).joinpath("published.json").read_text(encoding="utf-8"))
    if name.startswith("bundled:"):
        name = next((known for known in table if known.startswith("bundled:")), name)  # all have one base
    found: Mapping[str, Any] | None = {known.lower(): config for known, config in table.items()}.get(name.lower())
    return found


def shape_of(config: Mapping[str, Any]) -> Shape | None:
    """The shape that a ``config.json`` describes; None for an architecture that is not known here."""
    if config.get("model_type") == "gpt2":
        return _gpt2(config)
    family = _FAMILIES.get(config.get("model_type", ""))
    if family is None:
        return None
    try:
        return _llama_like(config, family)
    except KeyError:
        return None


def _llama_like(config: Mapping[str, Any], family: _Family) -> Shape:
    width, layers, heads = config["hidden_size"], config["num_hidden_layers"], config["num_attention_heads"]
    kv_heads = config.get("num_key_value_heads") or heads
    head_dim = config.get("head_dim") or family.head_dim or width // heads
    query, key, vocabulary = heads * head_dim, kv_heads * head_dim, config["vocab_size"]
    mlp, mlp_bias = _mlp(config, width)
    attention = 2 * width * query + 2 * width * key
    small = family.norms * width + mlp_bias
    small += query + 2 * key if family.qkv_bias or config.get("attention_bias") else 0
    small += width if config.get("attention_bias") else 0
    small += 2 * head_dim if family.head_norms else 0
    small += query + key if family.wide_norms else 0
    tied = config.get("tie_word_embeddings", family.tied)
    return Shape(
        layers=layers,
        width=width,
        inner=config["intermediate_size"],
        heads=heads,
        kv_heads=kv_heads,
        head_dim=head_dim,
        vocabulary=vocabulary,
        matrices=layers * (attention + mlp),
        others=layers * small + width + (1 if tied else 2) * vocabulary * width,
    )


def _mlp(config: Mapping[str, Any], width: int) -> tuple[int, int]:
    """A block's feed-forward matrices (all experts and their router), and its biases."""
    inner = config["intermediate_size"]
    experts = config.get("num_local_experts") or config.get("num_experts")
    if experts:
        each = 3 * width * (config.get("moe_intermediate_size") or inner)
        return int(experts * each + width * experts), 0
    return 3 * width * inner, (2 * inner + width if config.get("mlp_bias") else 0)


def _gpt2(config: Mapping[str, Any]) -> Shape:
    width, layers, heads = config["n_embd"], config["n_layer"], config["n_head"]
    inner = config.get("n_inner") or 4 * width
    biases = 3 * width + width + inner + width
    embeddings = (config["vocab_size"] + config["n_positions"]) * width
    return Shape(
        layers=layers,
        width=width,
        inner=inner,
        heads=heads,
        kv_heads=heads,
        head_dim=width // heads,
        vocabulary=config["vocab_size"],
        matrices=layers * (4 * width * width + 2 * width * inner),
        others=layers * (biases + 4 * width) + 2 * width + embeddings,
    )
