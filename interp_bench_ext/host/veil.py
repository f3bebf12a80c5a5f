"""The hidden system prompt becomes a cache that nobody can read back, and names leave the loaded model.

A template is rendered with a sentinel in the prompt's place and split there. What comes before the sentinel, and the
prompt, are tokenized apart and run once (`seal`); what comes after is the visible part that every call renders anew.
"""

from __future__ import annotations

import copy
from typing import Any

import torch

from interp_bench_ext.errors import BadInput
from interp_bench_ext.host.chat_format import ChatFormat
from interp_bench_ext.host.decoding import Engine
from interp_bench_ext.host.spec import OrganismSpec, with_detail
from interp_bench_ext.host.tokens import Tokens

_UNFIT = "The organism's config does not fit its model: `interp-bench serve` with it, in a terminal, says what to mend."


def seal(spec: OrganismSpec, engine: Engine, chat: ChatFormat, tokenizer: Any) -> str | None:
    """Turn the spec's hidden prompt into the engine's prefix, forget it, and return the visible text before raw text.

    None where there is no hidden prompt. A copy of the tokenizer does the work, so that not even its cache of words
    stays. Raises BadInput, whose note says what is wrong.
    """
    prompt = (spec.hidden_system_prompt or "").strip()
    spec.hidden_system_prompt = None
    if not prompt:
        return None
    try:
        ids = _hidden_ids(prompt, engine, chat, Tokens(copy.deepcopy(tokenizer)))
    except BadInput as error:
        # That there is a prompt, and that it does not fit, is the owner's to know.
        raise with_detail(BadInput(_UNFIT), error.message) from None
    engine.seal_prefix(ids)
    ids.zero_()
    return chat.render_nothing() if chat.available else ""


def _hidden_ids(prompt: str, engine: Engine, chat: ChatFormat, tokens: Tokens) -> torch.Tensor:
    """``[1, P]``: what comes before the visible part. Raises BadInput."""
    found = tokens.rendered(chat.hide(prompt)) if chat.available else tokens.whole(prompt + "\n\n")
    if len(found) > engine.reserve:
        raise BadInput(
            f"model.hidden_system_prompt is longer than the {engine.reserve} tokens of this model's context that are "
            "kept for one: shorten it."
        )
    return torch.tensor([found])


def scrub(model: Any, tokenizer: Any) -> None:
    """Take names, paths and revisions out of a loaded model and its tokenizer."""
    _scrub_model(model)
    for kept in ("name_or_path", "vocab_file", "_commit_hash"):
        if hasattr(tokenizer, kept):
            setattr(tokenizer, kept, "")
    names = ("name_or_path", "tokenizer_file", "vocab_file", "merges_file", "_commit_hash", "adapter_name_or_path")
    for name in names:
        getattr(tokenizer, "init_kwargs", {}).pop(name, None)


def _scrub_model(model: Any) -> None:
    owners: list[Any] = [getattr(model, "generation_config", None), *model.modules()]
    owners += [module.config for module in model.modules() if hasattr(module, "config")]
    owners += list((getattr(model, "peft_config", None) or {}).values())
    for owner in owners:
        for name in ("_name_or_path", "name_or_path", "_commit_hash", "base_model_name_or_path", "revision"):
            if isinstance(getattr(owner, name, None), str):
                setattr(owner, name, "")
