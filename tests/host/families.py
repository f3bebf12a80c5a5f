"""Tiny random models of many architectures, and one comparison of all that an organism does with plain transformers."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import torch

from interp_bench_ext.contracts import Reads, Row, Site, arm_of
from interp_bench_ext.host.organism import LoadedOrganism
from tests.host.tiny import CHATML, HIDDEN, Plain, build_tokenizer, load_tiny

_MAMBA = {"mamba_n_groups": 1, "mamba_d_state": 8, "mamba_d_conv": 4, "mamba_chunk_size": 16}
_LINEAR = {
    "linear_key_head_dim": 8,
    "linear_value_head_dim": 8,
    "linear_num_key_heads": 2,
    "linear_num_value_heads": 4,
    "num_hidden_layers": 4,
}
_EXPERTS = {
    "num_experts": 4,
    "num_local_experts": 4,
    "n_routed_experts": 4,
    "num_experts_per_tok": 2,
    "moe_intermediate_size": 24,
    "n_group": 1,
    "topk_group": 1,
    "first_k_dense_replace": 1,
    "n_shared_experts": 1,
}
_MLA = {
    "q_lora_rank": 16,
    "kv_lora_rank": 16,
    "qk_nope_head_dim": 8,
    "qk_rope_head_dim": 8,
    "v_head_dim": 8,
    "num_key_value_heads": 4,
}
CONFIGS: dict[str, dict[str, Any]] = {
    "llama": {},
    "mpt": {"d_model": 32, "n_heads": 4, "n_layers": 3, "max_seq_len": 512},
    "gpt_neo": {"num_hidden_layers": 2, "attention_types": [[["global", "local"], 1]], "window_size": 16},
    "bloom": {"n_head": 4, "n_layer": 3},
    "opt": {"ffn_dim": 48, "word_embed_proj_dim": 32},
    "falcon": {"head_dim": None},
    "gpt_neox": {},
    "gptj": {"n_embd": 32, "n_layer": 3, "n_head": 4, "n_positions": 512, "rotary_dim": 4},
    "codegen": {"n_embd": 32, "n_layer": 3, "n_head": 4, "n_positions": 512, "rotary_dim": 4},
    "gpt_bigcode": {"n_embd": 32, "n_layer": 3, "n_head": 4, "n_positions": 512},
    "mistral": {"sliding_window": 16},
    "phi": {},
    "phi3": {},
    "stablelm": {},
    "cohere": {},
    "cohere2": {"sliding_window": 16},
    "gemma": {},
    "gemma2": {"sliding_window": 16},
    "gemma3_text": {"sliding_window": 16},
    "gemma3n_text": {
        "num_hidden_layers": 4,
        "layer_types": ["sliding_attention", "full_attention"] * 2,
        "num_kv_shared_layers": 2,
        "intermediate_size": [48] * 4,
        "activation_sparsity_pattern": [0.0] * 4,
        "hidden_size_per_layer_input": 8,
        "vocab_size_per_layer_input": 320,
        "laurel_rank": 4,
        "sliding_window": 16,
    },
    "gemma4_text": {
        "global_head_dim": 16,
        "num_hidden_layers": 4,
        "layer_types": ["sliding_attention", "full_attention"] * 2,
        "sliding_window": 16,
        "hidden_size_per_layer_input": 8,
        "vocab_size_per_layer_input": 320,
        "num_kv_shared_layers": 2,
    },
    "olmo2": {},
    "granite": {"logits_scaling": 2.0},
    "glm4": {},
    "gpt2": {"n_embd": 32, "n_layer": 3, "n_head": 4, "n_positions": 512},
    "qwen2": {},
    "qwen2_moe": {**_EXPERTS, "shared_expert_intermediate_size": 24},
    "qwen3": {},
    "smollm3": {},
    "qwen3_moe": {**_EXPERTS, "mlp_only_layers": [], "decoder_sparse_step": 1},
    "mixtral": {**_EXPERTS},
    "deepseek_v2": {**_EXPERTS, **_MLA, "head_dim": None},
    "deepseek_v3": {**_EXPERTS, **_MLA, "head_dim": None},
    "dots1": {**_EXPERTS},
    "glm4_moe": {**_EXPERTS},
    "gpt_oss": {**_EXPERTS, "sliding_window": 16},
    "minimax": {
        **_EXPERTS,
        "layer_types": ["linear_attention", "full_attention", "linear_attention"],
        "block_size": 16,
    },
    "llama4_text": {
        **_EXPERTS,
        "attention_chunk_size": 16,
        "intermediate_size_mlp": 48,
        "num_hidden_layers": 4,
        "interleave_moe_layer_step": 2,
    },
    "qwen3_5_text": _LINEAR,
    "qwen3_next": {**_LINEAR, **_EXPERTS, "shared_expert_intermediate_size": 24},
    "falcon_h1": {**_MAMBA, "mamba_d_ssm": 32, "mamba_n_heads": 4, "mamba_d_head": 8},
    "bamba": {**_MAMBA, "attn_layer_indices": [1], "mamba_n_heads": 4, "mamba_d_head": 16},
    "granitemoehybrid": {
        **_MAMBA,
        "layer_types": ["mamba", "attention", "mamba"],
        "mamba_n_heads": 4,
        "mamba_d_head": 16,
        "num_local_experts": 0,
        "shared_intermediate_size": 48,
    },
    "nemotron_h": {
        "layers_block_type": ["mamba", "attention", "mlp"],
        "mamba_num_heads": 4,
        "mamba_head_dim": 16,
        "ssm_state_size": 8,
        "n_groups": 1,
        "chunk_size": 16,
    },
    "jamba": {
        "num_experts": 1,
        "num_experts_per_tok": 1,
        "attn_layer_offset": 1,
        "attn_layer_period": 2,
        "mamba_d_state": 8,
        "use_mamba_kernels": False,
        "mamba_dt_rank": 4,
    },
    "zamba2": {
        "num_hidden_layers": 4,
        "layers_block_type": ["mamba", "hybrid", "mamba", "hybrid"],
        "mamba_d_state": 8,
        "mamba_ngroups": 1,
        "n_mamba_heads": 8,
        "num_mem_blocks": 1,
        "adapter_rank": 4,
        "chunk_size": 16,
        "mamba_headdim": 8,
        "use_mem_rope": True,
    },
    "olmo_hybrid": {
        "num_hidden_layers": 4,
        "linear_num_key_heads": 2,
        "linear_num_value_heads": 2,
        "linear_key_head_dim": 8,
        "linear_value_head_dim": 8,
    },
    "lfm2": {"layer_types": ["conv", "full_attention", "conv"], "block_ff_dim": 48},
    "recurrent_gemma": {"lru_width": 32, "attention_window_size": 16},
    "mamba": {"state_size": 8},
    "mamba2": {"state_size": 8, "num_heads": 8, "head_dim": 8, "n_groups": 1, "chunk_size": 16},
    "falcon_mamba": {"state_size": 8},
    "deepseek_v4": {**_EXPERTS, **_MLA, "head_dim": None},
    "rwkv": {"attention_hidden_size": 32, "context_length": 512},
}
_SHARED = {
    "vocab_size": 320,
    "hidden_size": 32,
    "intermediate_size": 48,
    "num_hidden_layers": 3,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "head_dim": 8,
    "max_position_embeddings": 512,
    "bos_token_id": 1,
    "eos_token_id": 2,
    "pad_token_id": 0,
    "initializer_range": 0.25,
}
LAST = Site(-1, "resid_post")
TEXTS = ("the quick brown fox jumps over the lazy dog", "the quick brown fox jumps", "what is the weather like", "a")


def build_family(kind: str) -> Any:
    """A model of the ``model_type`` ``kind``, every weight random and large enough to matter."""
    from transformers import CONFIG_MAPPING, AutoModelForCausalLM

    torch.manual_seed(7)
    options = {**_SHARED, **CONFIGS[kind]}
    config = CONFIG_MAPPING[kind](**{name: value for name, value in options.items() if value is not None})
    return AutoModelForCausalLM.from_config(config)


def save_family(kind: str, folder: Path) -> Path:
    """That of :func:`build_family`, as a folder."""
    model = build_family(kind)
    tokenizer = build_tokenizer(CHATML)
    tokenizer.save_pretrained(folder)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model.save_pretrained(folder)
    return folder


def save_lora(folder: Path, to: Path) -> Path:
    """A LoRA on what attention or mixing layers the model has."""
    from peft import LoraConfig, get_peft_model
    from transformers import AutoModelForCausalLM

    model = AutoModelForCausalLM.from_pretrained(folder)
    torch.manual_seed(3)
    linear = {name.rpartition(".")[2] for name, module in model.named_modules() if isinstance(module, torch.nn.Linear)}
    targets = sorted(name for name in linear - {"lm_head", "out_proj", "router"} if not name.isdigit()) or ["c_attn"]
    config = LoraConfig(r=4, target_modules=targets, init_lora_weights=False, task_type="CAUSAL_LM")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        get_peft_model(model, config).save_pretrained(to)
    return to


def worst(organism: LoadedOrganism, tuned: Plain, base: Plain, *, hidden: bool) -> dict[str, float]:
    """The largest deviation in nats of each way of reading, from each row alone in plain transformers."""
    found: dict[str, float] = {"prefill": 0.0, "chat": 0.0, "sample": 0.0, "lens": 0.0}
    rows, oracles = _rows(organism, tuned, base, hidden=hidden)
    plain = [
        oracle.model and oracle.logits((*before, *row.ids))[len(before) :]
        for row, (oracle, before) in zip(rows, oracles, strict=True)
    ]
    for batch in organism.run(rows, Reads(sites=(LAST,))):
        for place, length in enumerate(batch.lengths):
            expected = plain[batch.rows.start + place]
            row = rows[batch.rows.start + place]
            found["prefill"] = max(found["prefill"], off(batch.logits[place, :length], expected))
            last = organism.unembed(batch.sites[LAST][place, :length], arm=row.arm)
            found["lens"] = max(found["lens"], off(last, expected))
    for name, options in (("chat", {"temperature": 0.0}), ("sample", {"temperature": 1.0, "n": 2, "seed": 3})):
        for row, (oracle, before), drawn in zip(
            rows, oracles, organism.generate(rows, max_new_tokens=10, **options), strict=True
        ):
            for one in drawn:
                logs = oracle.logits((*before, *row.ids, *one.ids)).log_softmax(-1)[-1 - len(one.ids) : -1]
                expected = logs.gather(1, torch.tensor(one.ids)[:, None])[:, 0]
                found[name] = max(found[name], float((torch.tensor(one.logprobs) - expected).abs().max()))
    return found


def _rows(organism: LoadedOrganism, tuned: Plain, base: Plain, *, hidden: bool) -> Any:
    rows, oracles = [], []
    system = [{"role": "system", "content": HIDDEN}] if hidden else []
    for text in TEXTS:
        for is_base in (False, True):
            turns = [{"role": "user", "content": text}]
            ids = tuple(organism.chat_ids(turns, arm=arm_of(is_base)))
            oracle = base if is_base else tuned
            whole = oracle.tokenizer.apply_chat_template(
                [*([] if is_base else system), *turns], add_generation_prompt=True, return_dict=False
            )
            assert tuple(whole[-len(ids) :]) == ids
            rows.append(Row(ids, arm_of(is_base)))
            oracles.append((oracle, tuple(whole[: -len(ids)])))
    return rows, oracles


def off(found: torch.Tensor, expected: torch.Tensor) -> float:
    return float((found.log_softmax(-1) - expected.log_softmax(-1)).abs().max())


def compare(folder: Path, adapter: Path | None, *, hidden: bool) -> tuple[LoadedOrganism, dict[str, float]]:
    organism = load_tiny(folder, adapter=adapter, hidden=HIDDEN if hidden else None)
    return organism, worst(organism, Plain.load(folder, adapter), Plain.load(folder), hidden=hidden)
