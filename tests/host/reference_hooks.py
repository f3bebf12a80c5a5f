"""Where each architecture keeps its sites, written down by hand: an independent way to read and to edit them."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Literal

import torch

Shaped = Callable[[torch.Tensor, Any], torch.Tensor]


def _heads(tensor: torch.Tensor, config: Any) -> torch.Tensor:
    return tensor.unflatten(-1, (config.num_attention_heads, -1))


def _kv(tensor: torch.Tensor, config: Any) -> torch.Tensor:
    return tensor.unflatten(-1, (config.num_key_value_heads, -1))


def _third(number: int) -> Shaped:
    return lambda tensor, config: _heads(tensor.chunk(3, -1)[number], config)


def _interleaved(number: int) -> Shaped:
    return lambda tensor, config: tensor.unflatten(-1, (config.num_attention_heads, 3, -1))[..., number, :]


def _phi(part: str) -> Shaped:
    def shaped(tensor: torch.Tensor, config: Any) -> torch.Tensor:
        width = (
            config.head_dim if getattr(config, "head_dim", None) else config.hidden_size // config.num_attention_heads
        )
        q, k = config.num_attention_heads * width, config.num_key_value_heads * width
        split = dict(zip("qkv", tensor.split([q, k, k], -1), strict=True))
        return split[part].unflatten(-1, (-1, width))

    return shaped


@dataclass(frozen=True)
class Place:
    module: str
    """Within a block."""
    side: Literal["in", "out"] = "out"
    shaped: Shaped = lambda tensor, _config: tensor


def _modern(attention_norm: str = "", mlp_norm: str = "", middle: str = "post_attention_layernorm") -> dict[str, Place]:
    return {
        "resid_pre": Place("", "in"),
        "resid_mid": Place(middle, "in"),
        "resid_post": Place(""),
        "attn_out": Place(attention_norm or "self_attn"),
        "mlp_out": Place(mlp_norm or "mlp"),
        "head": Place("self_attn.o_proj", "in", _heads),
        "q": Place("self_attn.q_proj", "out", _heads),
        "k": Place("self_attn.k_proj", "out", _kv),
        "v": Place("self_attn.v_proj", "out", _kv),
    }


_GEMMA = _modern("post_attention_layernorm", "post_feedforward_layernorm", "pre_feedforward_layernorm")
PLACES: dict[str, dict[str, Place]] = {
    **dict.fromkeys(
        ("llama", "qwen2", "qwen2_moe", "qwen3", "qwen3_moe", "mistral", "mixtral", "smollm3", "granite", "gpt_oss"),
        _modern(),
    ),
    "gemma2": _GEMMA,
    "gemma3_text": _GEMMA,
    "gemma4_text": _GEMMA,
    "olmo2": _modern("post_attention_layernorm", "post_feedforward_layernorm", "mlp"),
    "glm4": _modern("post_self_attn_layernorm", "post_mlp_layernorm"),
    "phi3": {**_modern(), **{part: Place("self_attn.qkv_proj", "out", _phi(part)) for part in "qkv"}},
    "gpt2": {
        "resid_pre": Place("", "in"),
        "resid_mid": Place("ln_2", "in"),
        "resid_post": Place(""),
        "attn_out": Place("attn"),
        "mlp_out": Place("mlp"),
        "head": Place("attn.c_proj", "in", _heads),
        **{part: Place("attn.c_attn", "out", _third(number)) for number, part in enumerate("qkv")},
    },
    "gpt_neox": {
        "resid_pre": Place("", "in"),
        "resid_post": Place(""),
        "attn_out": Place("attention"),
        "mlp_out": Place("mlp"),
        "head": Place("attention.dense", "in", _heads),
        **{part: Place("attention.query_key_value", "out", _interleaved(number)) for number, part in enumerate("qkv")},
    },
}


def blocks_of(model: Any) -> Any:
    decoder = model.get_decoder()
    return getattr(decoder, "layers", None) or decoder.h


def read(model: Any, kind: str, ids: torch.Tensor, layer: int) -> dict[str, torch.Tensor]:
    """The value of each part ``[T, ...]`` in a plain pass over ``[1, T]`` ids."""
    found: dict[str, torch.Tensor] = {}
    with contextlib.ExitStack() as stack:
        for part, place in PLACES[kind].items():
            if not has(model, place, layer):
                continue

            def keep(tensor: torch.Tensor, part: str = part, place: Place = place) -> torch.Tensor:
                found[part] = place.shaped(tensor, model.config)[0].detach().clone()
                return tensor

            stack.enter_context(hooked(model, place, layer, keep))
        model(input_ids=ids, use_cache=False)
    return found


def has(model: Any, place: Place, layer: int) -> bool:
    """Some layers take their keys and values from others."""
    return place.module in dict(blocks_of(model)[layer].named_modules())


@contextlib.contextmanager
def hooked(model: Any, place: Place, layer: int, change: Callable[[torch.Tensor], torch.Tensor]) -> Iterator[None]:
    """``change`` goes over what the module is given or gives."""
    module = blocks_of(model)[layer].get_submodule(place.module)
    if place.side == "in":
        handle = module.register_forward_pre_hook(
            lambda _m, args, kwargs: (
                ((change(args[0]), *args[1:]), kwargs)
                if args
                else (args, {**kwargs, "hidden_states": change(kwargs["hidden_states"])})
            ),
            with_kwargs=True,
        )
    else:
        handle = module.register_forward_hook(
            lambda _m, _args, out: (change(out[0]), *out[1:]) if isinstance(out, tuple) else change(out)
        )
    try:
        yield
    finally:
        handle.remove()
