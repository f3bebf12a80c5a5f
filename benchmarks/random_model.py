"""Llamas with random weights, made where they run: what a pass costs does not depend on what it computes."""

from __future__ import annotations

import contextlib
import warnings
from collections.abc import Iterator
from typing import Any

import torch

from interp_bench_ext.host.base_model import base_beside
from interp_bench_ext.host.load import Loaded, Proof
from interp_bench_ext.host.organism import LoadedOrganism

SHAPES: dict[str, dict[str, int]] = {
    "8b": {
        "hidden_size": 4096,
        "intermediate_size": 14336,
        "num_hidden_layers": 32,
        "num_attention_heads": 32,
        "num_key_value_heads": 8,
        "vocab_size": 128_256,
    },
    "tiny": {
        "hidden_size": 64,
        "intermediate_size": 128,
        "num_hidden_layers": 3,
        "num_attention_heads": 4,
        "num_key_value_heads": 2,
        "vocab_size": 512,
    },
}
"""That of Llama 3.1 8B, and one for a look whether all works."""
_PROOF_TOKENS, _RANK = 16, 16
_MODULES = ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"]


@torch.no_grad()
def random_model(shape: str, device: torch.device, dtype: torch.dtype) -> Any:
    """A Hugging Face model in evaluation mode."""
    from transformers import LlamaConfig, LlamaForCausalLM

    sizes: dict[str, Any] = SHAPES[shape]
    config = LlamaConfig(max_position_embeddings=8192, rope_parameters=None, tie_word_embeddings=False, **sizes)
    with device, _as_default(dtype):
        torch.manual_seed(0)
        model = LlamaForCausalLM(config)
    return model.eval().requires_grad_(False)


@contextlib.contextmanager
def _as_default(dtype: torch.dtype) -> Iterator[None]:
    before = torch.get_default_dtype()
    torch.set_default_dtype(dtype)
    try:
        yield
    finally:
        torch.set_default_dtype(before)


def organism_of(model: Any, *, adapted: bool = False) -> LoadedOrganism:
    """Served as every organism is; ``adapted`` with a random LoRA on every projection."""
    device, dtype = model.device, model.dtype
    ids = tuple(range(7, 7 + _PROOF_TOKENS))
    with torch.no_grad():
        proof = Proof(ids, model(input_ids=torch.tensor([ids], device=device), use_cache=False).logits[0].float())
    base = base_beside(model, ()) if adapted else model
    whole = _with_lora(model) if adapted else model
    organism = LoadedOrganism(Loaded(whole, base, _tokenizer(model.config.vocab_size), proof, (device,), dtype))
    # No check: what random weights make of bfloat16's rounding is more than it allows.
    organism._engine.captured = True
    organism._engine.stop_ids = frozenset()  # so that all rows write as much
    return organism


def _with_lora(model: Any) -> Any:
    from peft import LoraConfig, get_peft_model

    config = LoraConfig(r=_RANK, target_modules=_MODULES, init_lora_weights=True)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        wrapped: Any = get_peft_model(model, config, autocast_adapter_dtype=False)
    torch.manual_seed(1)
    for name, parameter in wrapped.named_parameters():
        if "lora_B" in name:
            torch.nn.init.normal_(parameter, std=0.01)
    return wrapped.get_base_model().to(model.device, model.dtype).eval().requires_grad_(False)


def _tokenizer(vocabulary: int) -> Any:
    """A name for each token, and no chat template."""
    from tokenizers import Tokenizer, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    words = {"a": 0, "<end>": 1, "<unknown>": 2, **{f"w{number}": number for number in range(3, vocabulary)}}
    tokenizer = Tokenizer(models.WordLevel(words, unk_token="<unknown>"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    return PreTrainedTokenizerFast(tokenizer_object=tokenizer, eos_token="<end>", unk_token="<unknown>")
