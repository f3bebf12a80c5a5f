"""The hidden system prompt: where a chat template puts it, and how it becomes a cache that nobody can read back.

A template is rendered with a sentinel in the prompt's place and split there. What comes before the sentinel, and the
prompt, are tokenized apart and run once (`seal`); what comes after is the visible part that every call renders anew.
"""

from __future__ import annotations

import contextlib
import copy
from collections.abc import Sequence
from typing import Any, Literal

import torch

from interp_bench_ext.contracts import Message
from interp_bench_ext.errors import BadInput
from interp_bench_ext.host.engine import Engine
from interp_bench_ext.host.spec import OrganismSpec
from interp_bench_ext.host.tokens import Tokens

_HIDDEN, _OPEN = "QZHIDDENQZ", "QZOPENQZ"
"""Sentinels: plain letters, so that no template escapes or trims them."""


class ChatFormat:
    """Renders conversations as visible text; ``sealed`` says that a hidden prompt comes first (not in base rows)."""

    def __init__(self, tokenizer: Any) -> None:
        self._tokenizer = tokenizer
        self.available = bool(tokenizer.chat_template)
        self.sealed = False
        self._takes_system = self.available and self._try_system()

    def _try_system(self) -> bool:
        """Whether the template renders a system turn; Gemma 2's raises, others drop it silently."""
        try:
            text = self._apply([{"role": "system", "content": _HIDDEN}, {"role": "user", "content": "a"}], reply=True)
        except BadInput:
            return False
        return text.count(_HIDDEN) == 1

    def _apply(self, turns: Sequence[Message], *, reply: bool) -> str:
        from jinja2 import TemplateError

        try:
            plain = [dict(turn) for turn in turns]
            text = self._tokenizer.apply_chat_template(plain, tokenize=False, add_generation_prompt=reply)
        except (TemplateError, ValueError, TypeError, IndexError) as error:
            raise BadInput(f"The chat template does not take this conversation: {error}") from None
        return str(text)

    def render(
        self, turns: Sequence[Message], *, prefill: str | None, next_role: Literal["assistant", "user"], base: bool
    ) -> str:
        """The visible text, its last turn left open after ``prefill``."""
        opened: list[Message] = list(turns)
        if next_role == "user":
            opened.append({"role": "user", "content": _OPEN})
        hidden = self.sealed and not base
        text = self._apply(self._place(opened, _HIDDEN if hidden else ""), reply=next_role == "assistant")
        if next_role == "user":
            text = text[: text.rindex(_OPEN)]
        return (self._after(text) if hidden else text) + (prefill or "")

    def render_nothing(self) -> str:
        """What the template puts between the hidden prompt and the first turn."""
        if self._takes_system:
            with contextlib.suppress(BadInput):
                return self._after(self._apply([{"role": "system", "content": _HIDDEN}], reply=False))
        tail = self._after(self._apply(self._place([{"role": "user", "content": _OPEN}], _HIDDEN), reply=False))
        return tail[: tail.index(_OPEN)]

    def split(self, prompt: str) -> str:
        """The text up to and with the hidden ``prompt``. Raises BadInput if the template alters the prompt."""
        probe: list[Message] = [{"role": "user", "content": "a"}]
        with_mark = self._apply(self._place(probe, _HIDDEN), reply=True)
        with_text = self._apply(self._place(probe, prompt), reply=True)
        head = with_mark[: with_mark.index(_HIDDEN)] + prompt
        if with_text != head + self._after(with_mark):
            raise BadInput(
                "model.hidden_system_prompt: this model's chat template changes the prompt's text or repeats it."
            )
        return head

    @staticmethod
    def _after(text: str) -> str:
        if text.count(_HIDDEN) != 1:
            raise BadInput(
                "model.hidden_system_prompt: this model's chat template has no single place for a system prompt."
            )
        return text[text.index(_HIDDEN) + len(_HIDDEN) :]

    def _place(self, turns: Sequence[Message], hidden: str) -> list[Message]:
        """The turns with the hidden prompt first: in the system turn, or in the first user turn where there is none."""
        own = [turn["content"] for turn in turns if turn["role"] == "system"]
        rest = [turn for turn in turns if turn["role"] != "system"]
        system = "\n\n".join([part for part in (hidden, *own) if part])
        if not system:
            return list(rest)
        if self._takes_system:
            return [{"role": "system", "content": system}, *rest]
        if not rest or rest[0]["role"] != "user":
            raise BadInput(
                "This model's chat template has no system turn, so the conversation must begin with a user turn."
            )
        folded: Message = {"role": "user", "content": f"{system}\n\n{rest[0]['content']}"}
        return [folded, *rest[1:]]


def end_of_turn_ids(tokenizer: Any, chat: ChatFormat) -> frozenset[int]:
    """Special tokens that end a sequence or, by the template, an assistant's turn."""
    found = {tokenizer.eos_token_id}
    if chat.available:
        turns: list[Message] = [{"role": "user", "content": "a"}, {"role": "assistant", "content": _OPEN}]
        text = chat.render(turns, prefill=None, next_role="user", base=True)
        after = tokenizer(text[text.index(_OPEN) + len(_OPEN) :].lstrip(), add_special_tokens=False).input_ids
        found |= {token for token in after[:1] if token in tokenizer.all_special_ids}
    return frozenset(int(token) for token in found if token is not None)


def seal(spec: OrganismSpec, engine: Engine, chat: ChatFormat, tokenizer: Any) -> list[int]:
    """Turn the spec's hidden prompt into the engine's prefix, forget it, and return the visible ids that open raw text.

    A copy of the tokenizer does the work, so that not even its cache of words stays.
    """
    prompt = (spec.hidden_system_prompt or "").strip()
    spec.hidden_system_prompt = None
    if not prompt:
        return []
    tokens = Tokens(copy.deepcopy(tokenizer))
    ids = torch.tensor([tokens.rendered(chat.split(prompt)) if chat.available else tokens.whole(prompt + "\n\n")])
    if ids.shape[1] >= engine.room:
        raise BadInput("model.hidden_system_prompt is longer than the model's context.")
    engine.seal_prefix(ids)
    ids.zero_()
    chat.sealed = True
    return tokens.rendered(chat.render_nothing()) if chat.available else []


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
