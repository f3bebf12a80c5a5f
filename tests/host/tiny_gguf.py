"""A llama of a few thousand weights in a GGUF file, in an importable package, for tests of the unpacking."""

from __future__ import annotations

import hashlib
from pathlib import Path

import gguf
import numpy as np

from interp_bench_ext.host.bundled import GgufPackage

WIDTH, HEADS, KV_HEADS, HEAD_SIZE, INNER, LAYERS = 64, 4, 2, 16, 96, 2
_SPECIAL = ["<|endoftext|>", "<|im_start|>", "<|im_end|>"]
_TEMPLATE = "{% for message in messages %}{{ message['content'] }}<|im_end|>{% endfor %}"
_CONTROL, _NORMAL = 3, 1


def write_gguf(path: Path) -> None:
    """Random weights, the matrices in Q8_0; a byte-level vocabulary of 260 tokens and one merge."""
    writer = gguf.GGUFWriter(path, "llama")
    writer.add_block_count(LAYERS)
    writer.add_context_length(128)
    writer.add_embedding_length(WIDTH)
    writer.add_feed_forward_length(INNER)
    writer.add_head_count(HEADS)
    writer.add_head_count_kv(KV_HEADS)
    writer.add_rope_dimension_count(HEAD_SIZE)
    writer.add_rope_freq_base(10_000.0)
    writer.add_layer_norm_rms_eps(1e-5)
    tokens = [*_SPECIAL, *_bytes_as_letters(), "ab"]
    writer.add_vocab_size(len(tokens))
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("smollm")
    writer.add_token_list(tokens)
    writer.add_token_types([_CONTROL if token in _SPECIAL else _NORMAL for token in tokens])
    writer.add_token_merges(["a b"])
    writer.add_bos_token_id(1)
    writer.add_eos_token_id(2)
    writer.add_unk_token_id(0)
    writer.add_pad_token_id(2)
    writer.add_chat_template(_TEMPLATE)
    rng = np.random.default_rng(0)
    for name, shape in _shapes(len(tokens)).items():
        values = rng.standard_normal(shape).astype(np.float32)
        if len(shape) == 1 or name == "token_embd.weight":
            writer.add_tensor(name, values)
        else:
            kind = gguf.GGMLQuantizationType.Q8_0
            writer.add_tensor(name, gguf.quants.quantize(values, kind), raw_dtype=kind)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def write_package(folder: Path, module: str = "tiny_weights") -> GgufPackage:
    """A package under `folder`, which the caller puts on the import path; its requirement is on no index."""
    package = folder / module
    package.mkdir(parents=True)
    (package / "__init__.py").write_text("", encoding="utf-8")
    write_gguf(package / "tiny.gguf")
    data = (package / "tiny.gguf").read_bytes()
    return GgufPackage(
        f"{module.replace('_', '-')}==0.0.1", module, "tiny.gguf", hashlib.sha256(data).hexdigest(), len(data)
    )


def _shapes(vocabulary: int) -> dict[str, tuple[int, ...]]:
    shapes: dict[str, tuple[int, ...]] = {
        "token_embd.weight": (vocabulary, WIDTH),
        "output_norm.weight": (WIDTH,),
    }
    for layer in range(LAYERS):
        block = f"blk.{layer}"
        shapes |= {
            f"{block}.attn_norm.weight": (WIDTH,),
            f"{block}.ffn_norm.weight": (WIDTH,),
            f"{block}.attn_q.weight": (HEADS * HEAD_SIZE, WIDTH),
            f"{block}.attn_k.weight": (KV_HEADS * HEAD_SIZE, WIDTH),
            f"{block}.attn_v.weight": (KV_HEADS * HEAD_SIZE, WIDTH),
            f"{block}.attn_output.weight": (WIDTH, HEADS * HEAD_SIZE),
            f"{block}.ffn_gate.weight": (INNER, WIDTH),
            f"{block}.ffn_up.weight": (INNER, WIDTH),
            f"{block}.ffn_down.weight": (WIDTH, INNER),
        }
    return shapes


def _bytes_as_letters() -> list[str]:
    """The 256 printable letters by which byte-level tokenizers write bytes."""
    plain = [*range(33, 127), *range(161, 173), *range(174, 256)]
    others = [byte for byte in range(256) if byte not in plain]
    letters = {byte: chr(byte) for byte in plain} | {byte: chr(256 + i) for i, byte in enumerate(others)}
    return [letters[byte] for byte in range(256)]
