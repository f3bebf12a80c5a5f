"""A llama-family GGUF file made into a plain Hugging Face folder: float32 safetensors, config, tokenizer.

Reads one tensor at a time with the `gguf` library, so that the work can be reported as it goes. The
result is an ordinary model: what `from_pretrained(gguf_file=...)` returns refuses to be saved.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

Progress = Callable[[str, int, int], None]
"""Called with a stage's text, how much of it is done, and the total, in that stage's own unit."""

_CONTROL_TOKEN = 3  # tokenizer.ggml.token_type of special tokens
_TOP_LEVEL = {
    "token_embd.weight": "model.embed_tokens.weight",
    "output_norm.weight": "model.norm.weight",
    "output.weight": "lm_head.weight",
}
_IN_BLOCK = {
    "attn_norm": "input_layernorm",
    "ffn_norm": "post_attention_layernorm",
    "attn_q": "self_attn.q_proj",
    "attn_k": "self_attn.k_proj",
    "attn_v": "self_attn.v_proj",
    "attn_output": "self_attn.o_proj",
    "ffn_gate": "mlp.gate_proj",
    "ffn_up": "mlp.up_proj",
    "ffn_down": "mlp.down_proj",
}


def dequantise(gguf_file: Path, folder: Path, on_progress: Progress) -> None:
    """Write the weights, the configuration and the tokenizer's files into an existing folder.

    Raises ValueError for a file that is not of the llama family or whose tokenizer is not byte-level BPE, and
    KeyError for a missing field.
    """
    from gguf import GGUFReader

    reader = GGUFReader(gguf_file)
    fields = {key: field.contents() for key, field in reader.fields.items() if not key.startswith("GGUF.")}
    if fields["general.architecture"] != "llama" or fields["tokenizer.ggml.model"] != "gpt2":
        raise ValueError(
            f"{gguf_file.name} holds {fields['general.architecture']!r} with a "
            f"{fields['tokenizer.ggml.model']!r} tokenizer; only llama with gpt2 can be unpacked"
        )
    _write_weights(reader.tensors, fields, folder, on_progress)
    tied = all(tensor.name != "output.weight" for tensor in reader.tensors)
    _write_config(fields, tied, folder)
    _write_tokenizer(fields, folder)


def _write_weights(tensors: list[Any], fields: dict[str, Any], folder: Path, on_progress: Progress) -> None:
    from gguf import dequantize
    from safetensors.numpy import save_file

    heads = {
        "attn_q": fields["llama.attention.head_count"],
        "attn_k": fields["llama.attention.head_count_kv"],
    }
    weights: dict[str, NDArray[np.float32]] = {}
    for done, tensor in enumerate(tensors):
        on_progress("unpacking the model's weights", done, len(tensors))
        if tensor.name == "rope_freqs.weight":
            continue
        values = dequantize(tensor.data, tensor.tensor_type).astype(np.float32, copy=False)
        values = values.reshape(tuple(int(size) for size in reversed(tensor.shape)))
        part = tensor.name.split(".")[2] if tensor.name.startswith("blk.") else ""
        if part in heads:
            values = _unpermute(values, heads[part])
        weights[_hugging_face_name(tensor.name)] = np.ascontiguousarray(values)
    on_progress("writing the model's weights", 0, 1)
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
    on_progress("writing the model's weights", 1, 1)


def _hugging_face_name(name: str) -> str:
    if name in _TOP_LEVEL:
        return _TOP_LEVEL[name]
    _, layer, part, kind = name.split(".")
    return f"model.layers.{layer}.{_IN_BLOCK[part]}.{kind}"


def _unpermute(values: NDArray[np.float32], n_head: int) -> NDArray[np.float32]:
    """Rows [heads x head size, width] in llama.cpp's rotary order (neighbours) -> Hugging Face's (halves)."""
    pairs = values.reshape(n_head, values.shape[0] // n_head // 2, 2, *values.shape[1:])
    return pairs.swapaxes(1, 2).reshape(values.shape)


def _write_config(fields: dict[str, Any], tied: bool, folder: Path) -> None:
    from transformers import GenerationConfig, LlamaConfig

    special = {
        f"{kind}_token_id": fields[f"tokenizer.ggml.{long}_token_id"]
        for kind, long in (("bos", "bos"), ("eos", "eos"), ("pad", "padding"))
    }
    LlamaConfig(
        architectures=["LlamaForCausalLM"],
        dtype="float32",
        tie_word_embeddings=tied,
        vocab_size=len(fields["tokenizer.ggml.tokens"]),
        hidden_size=fields["llama.embedding_length"],
        intermediate_size=fields["llama.feed_forward_length"],
        num_hidden_layers=fields["llama.block_count"],
        num_attention_heads=fields["llama.attention.head_count"],
        num_key_value_heads=fields["llama.attention.head_count_kv"],
        head_dim=fields["llama.rope.dimension_count"],
        max_position_embeddings=fields["llama.context_length"],
        rms_norm_eps=float(str(np.float32(fields["llama.attention.layer_norm_rms_epsilon"]))),
        rope_parameters={"rope_type": "default", "rope_theta": float(fields["llama.rope.freq_base"])},
        **special,
    ).save_pretrained(folder)
    cast(Any, GenerationConfig)(**special).save_pretrained(folder)


def _write_tokenizer(fields: dict[str, Any], folder: Path) -> None:
    from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    tokens: list[str] = fields["tokenizer.ggml.tokens"]
    merges = [tuple(merge.split(" ", 1)) for merge in fields["tokenizer.ggml.merges"]]
    tokenizer = Tokenizer(models.BPE({token: i for i, token in enumerate(tokens)}, merges))
    steps: list[Any] = [pre_tokenizers.ByteLevel(add_prefix_space=False)]
    if fields.get("tokenizer.ggml.pre") == "smollm":
        steps.insert(0, pre_tokenizers.Digits(individual_digits=True))
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(steps)
    tokenizer.decoder = decoders.ByteLevel()
    kinds = fields["tokenizer.ggml.token_type"]
    tokenizer.add_special_tokens(
        [
            AddedToken(token, special=True, normalized=False)
            for token, kind in zip(tokens, kinds, strict=True)
            if kind == _CONTROL_TOKEN
        ]
    )
    fast = cast(Any, PreTrainedTokenizerFast)(
        tokenizer_object=tokenizer,
        bos_token=tokens[fields["tokenizer.ggml.bos_token_id"]],
        eos_token=tokens[fields["tokenizer.ggml.eos_token_id"]],
        unk_token=tokens[fields["tokenizer.ggml.unknown_token_id"]],
        pad_token=tokens[fields["tokenizer.ggml.padding_token_id"]],
        model_max_length=fields["llama.context_length"],
        clean_up_tokenization_spaces=False,
    )
    fast.chat_template = fields["tokenizer.chat_template"]
    fast.save_pretrained(folder)
