"""Parameters of a model by its config alone, against transformers' own counts and published ones."""

from __future__ import annotations

import json
from typing import Any

import pytest
import torch
from transformers import AutoConfig, AutoModelForCausalLM

from interp_bench_ext.organisms.places.modal.shape import published_config, shape_of

PUBLISHED = {
    "gpt2": 124_439_808,
    "google/gemma-2-9b-it": 9_241_705_984,
    "meta-llama/Llama-3.1-8B-Instruct": 8_030_261_248,
    "meta-llama/Llama-3.3-70B-Instruct": 70_553_706_496,
    "Qwen/Qwen2.5-7B-Instruct": 7_615_616_512,
    "Qwen/Qwen2.5-14B-Instruct": 14_770_033_664,
    "Qwen/Qwen3-14B": 14_768_307_200,
}
TINY: dict[str, Any] = {
    "hidden_size": 48,
    "intermediate_size": 80,
    "num_hidden_layers": 3,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "vocab_size": 96,
    "pad_token_id": 0,
}


@pytest.mark.parametrize(
    ("kind", "more"),
    [
        ("llama", {}),
        ("llama", {"attention_bias": True, "mlp_bias": True, "tie_word_embeddings": True, "head_dim": 20}),
        ("mistral", {}),
        ("phi3", {}),
        ("qwen2", {}),
        ("qwen3", {"head_dim": 16}),
        ("gemma", {}),
        ("gemma2", {}),
        ("gemma3_text", {"head_dim": 32}),
        ("olmo2", {}),
        ("mixtral", {"num_local_experts": 4}),
        ("qwen3_moe", {"num_experts": 4, "moe_intermediate_size": 24, "head_dim": 16}),
        ("gpt2", {"n_embd": 48, "n_layer": 3, "n_head": 4, "n_positions": 64, "vocab_size": 96}),
    ],
)
def test_parameters_are_counted_as_transformers_makes_them(kind: str, more: dict[str, Any]) -> None:
    config = AutoConfig.for_model(kind, **({} if kind == "gpt2" else TINY), **more)
    with torch.device("meta"):
        model = AutoModelForCausalLM.from_config(config)
    shape = shape_of(json.loads(config.to_json_string()))
    assert shape is not None
    assert shape.n_parameters == sum(parameter.numel() for parameter in model.parameters())


@pytest.mark.parametrize(("name", "count"), PUBLISHED.items())
def test_published_models_have_their_published_numbers_of_parameters(name: str, count: int) -> None:
    config = published_config(name)
    assert config is not None
    shape = shape_of(config)
    assert shape is not None
    assert shape.n_parameters == count
