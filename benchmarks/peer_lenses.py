"""The logit lens as other packages make it at their best: the likeliest tokens of all layers and positions, no KL."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch


def by_layer(model: Any, ids: tuple[int, ...], top_k: int) -> Callable[[], Any]:
    """Hugging Face's hidden states, read a layer at a time."""
    given = torch.tensor([ids], device=model.device)

    @torch.no_grad()
    def work() -> Any:
        states = model(input_ids=given, use_cache=False, output_hidden_states=True, logits_to_keep=1).hidden_states
        # The last of them is normed already.
        normed = [*(model.model.norm(state[0]) for state in states[:-1]), states[-1][0]]
        read = (model.lm_head(state).float().softmax(-1).topk(top_k) for state in normed)
        return [(each.values.cpu(), each.indices.cpu()) for each in read]

    return work


def nnsight_lens(model: Any, ids: tuple[int, ...], top_k: int) -> Callable[[], Any]:
    """Nnsight: everything inside one trace, and what is saved is the likeliest tokens alone."""
    from nnsight import NNsight, save

    traced = NNsight(model)
    given = torch.tensor([ids], device=model.device)

    @torch.no_grad()
    def work() -> Any:
        with traced.trace(input_ids=given, use_cache=False):
            found = save([])
            for layer in traced.model.layers:
                out = layer.output
                stream = out[0] if isinstance(out, tuple) else out
                read = traced.lm_head(traced.model.norm(stream)).float().softmax(-1).topk(top_k)
                found.append((read.values.cpu(), read.indices.cpu()))
        return found

    return work


def bridge_lens(model: Any, folder: str, ids: tuple[int, ...], top_k: int) -> Callable[[], Any]:
    """TransformerLens' bridge over the same weights: the streams cached, and each read by its own unembedding."""
    from transformer_lens.model_bridge import TransformerBridge
    from transformers import AutoTokenizer

    from interp_bench_ext.host.base_model import base_beside

    bridge: Any = TransformerBridge.boot_transformers(
        folder, hf_model=base_beside(model, ()), tokenizer=AutoTokenizer.from_pretrained(folder), device="cpu"
    )
    given, layers = torch.tensor([ids]), range(model.config.num_hidden_layers)
    names = ["blocks.0.hook_resid_pre", *(f"blocks.{layer}.hook_resid_post" for layer in layers)]

    @torch.no_grad()
    def work() -> Any:
        _, cache = bridge.run_with_cache(given, names_filter=names)
        read = (bridge.unembed(bridge.ln_final(cache[name])).softmax(-1).topk(top_k) for name in names)
        return [(each.values, each.indices) for each in read]

    return work
