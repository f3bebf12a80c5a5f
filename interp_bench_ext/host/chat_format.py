"""Conversations as a chat template writes them; with a hidden prompt, the visible part that follows it.

A template is somebody's program: it may raise anything, drop what it does not know, or write the turns in another
order. So everything about it is found out by rendering, and what it cannot render is refused in one sentence.
"""

from __future__ import annotations

import contextlib
import datetime
import re
import secrets
import string
from collections.abc import Sequence
from typing import Any, Literal

from interp_bench_ext.conversations import Message, Thinking
from interp_bench_ext.errors import BadInput
from interp_bench_ext.host.thinking import ThinkingFormat, probe


def _sentinel() -> str:
    """Plain letters, so that no template escapes or trims them, and new ones in each process: no caller knows them."""
    return "Q" + "".join(secrets.choice(string.ascii_uppercase) for _ in range(24)) + "Z"


_HIDDEN, _OPEN = _sentinel(), _sentinel()
_ASKED: list[Message] = [{"role": "user", "content": "a"}]
_REPLIED: list[Message] = [*_ASKED, {"role": "assistant", "content": _OPEN}]


_CLOCK = re.compile(r"""strftime_now\((["'])(.*?)\1\)""")


def _dated(template: str) -> str:
    """The template with today's date in it: after midnight it must not write another one than was sealed."""
    now = datetime.datetime.now()
    return _CLOCK.sub(lambda call: repr(now.strftime(call[2])), template)


class ChatFormat:
    """Renders conversations as visible text, behind the hidden prompt once :meth:`hide` was called."""

    def __init__(self, tokenizer: Any) -> None:
        self._tokenizer = tokenizer
        self._template = ""
        self._in_parts = False
        self._before: str | None = None
        self.problem = self._try_text()
        self._takes_system = self.available and self._try_system()
        self._thinking = self._read_thinking() if self.available else ThinkingFormat()

    @property
    def available(self) -> bool:
        return not self.problem

    @property
    def sealed(self) -> bool:
        """Whether a hidden prompt comes first, in rows that are not the base's."""
        return self._before is not None

    def _try_text(self) -> str:
        """Why no conversation can be written, or nothing; finds out whether a turn is a text or a list of parts."""
        if not self._tokenizer.chat_template:
            return "has no chat template"
        with contextlib.suppress(ValueError):  # of several templates, none is the one for chats
            self._template = _dated(self._tokenizer.get_chat_template())
        for self._in_parts in (False, True):
            with contextlib.suppress(BadInput):
                if _HIDDEN in self._apply([{"role": "user", "content": _HIDDEN}], reply=True):
                    return ""
        return "has a chat template that does not write a user's words"

    def _try_system(self) -> bool:
        """Whether the template renders a system turn; Gemma 2's raises, others drop it silently."""
        with contextlib.suppress(BadInput):
            return self._apply([{"role": "system", "content": _HIDDEN}, *_ASKED], reply=True).count(_HIDDEN) == 1
        return False

    def _read_thinking(self) -> ThinkingFormat:
        before_reply = ""
        with contextlib.suppress(BadInput):
            before_reply = self._apply(_REPLIED, reply=False).partition(_OPEN)[0]
        with contextlib.suppress(BadInput):
            found = probe(lambda opened, off: self._apply(_ASKED, reply=opened, off=off), before_reply)
            return ThinkingFormat.of(self._template, found)
        return ThinkingFormat()

    def _apply(self, turns: Sequence[Message], *, reply: bool, off: bool = False) -> str:
        """The template's text; ``off`` turns the switches that reasoning templates have for their thinking."""
        given = [{**turn, "content": self._content(turn["content"])} for turn in turns]
        switches = {"enable_thinking": False, "thinking": False} if off else {}
        try:
            text = self._tokenizer.apply_chat_template(
                given, chat_template=self._template, tokenize=False, add_generation_prompt=reply, **switches
            )
        except Exception as error:  # noqa: BLE001 - a template is a foreign program and may raise anything
            reason = next(iter(str(error).splitlines()), type(error).__name__)
            raise BadInput(f"The chat template does not take this conversation: {reason}") from None
        return str(text)

    def _content(self, text: str) -> Any:
        return [{"type": "text", "text": text}] if self._in_parts else text

    def render(
        self,
        turns: Sequence[Message],
        *,
        prefill: str | None,
        next_role: Literal["assistant", "user"],
        base: bool,
        thinking: Thinking = "keep",
    ) -> str:
        """The visible text, its last turn left open after ``prefill``. Raises BadInput."""
        hidden = self.sealed and not base
        text = self._opened(turns, _HIDDEN if hidden else "", next_role, thinking)
        for turn in turns:
            if turn["role"] == "system" and turn["content"].strip() not in text:
                raise BadInput("The chat template leaves out a system turn of this conversation: make it a user turn.")
        return (self._after(text, thinking) if hidden else text) + (prefill or "")

    def _opened(
        self, turns: Sequence[Message], hidden: str, next_role: Literal["assistant", "user"], thinking: Thinking
    ) -> str:
        if next_role == "user":
            text = self._apply(self._place([*turns, {"role": "user", "content": _OPEN}], hidden), reply=False)
            return text[: text.rindex(_OPEN)]
        ending = self._thinking.after_opening(thinking)
        return self._apply(self._place(turns, hidden), reply=True, off=thinking == "off") + ending

    def split_thinking(self, text: str, *, prefill: str, thinking: Thinking) -> tuple[str, str]:
        """What a reply that continues ``prefill`` thought, and what it said."""
        return self._thinking.split(text, thinking, prefill)

    def after_reply(self) -> list[str]:
        """What the template writes after an assistant's words: at the end of a conversation, and before a user turn."""
        found = []
        for turns in (_REPLIED, [*_REPLIED, *_ASKED]):
            with contextlib.suppress(BadInput):
                found.append(self._apply(turns, reply=False).partition(_OPEN)[2].lstrip())
        return found

    def render_nothing(self) -> str:
        """What the template puts between the hidden prompt and the first turn."""
        if self._takes_system:
            with contextlib.suppress(BadInput):
                return self._after(self._apply([{"role": "system", "content": _HIDDEN}], reply=False))
        tail = self._after(self._apply(self._place([{"role": "user", "content": _OPEN}], _HIDDEN), reply=False))
        return tail[: tail.index(_OPEN)]

    def hide(self, prompt: str) -> str:
        """Render behind the hidden ``prompt`` from now on; the text up to and with it.

        Raises BadInput if the template alters the prompt or has no place for it.
        """
        key = "model.hidden_system_prompt: this model's chat template"
        with_mark = self._apply(self._place(_ASKED, _HIDDEN), reply=True)
        if with_mark.count(_HIDDEN) != 1:
            raise BadInput(f"{key} has no single place for a system prompt.")
        before, after = with_mark.split(_HIDDEN)
        try:
            with_text = self._apply(self._place(_ASKED, prompt), reply=True)
        except BadInput:
            raise BadInput(f"{key} does not take the prompt's text.") from None
        if with_text != before + prompt + after:
            raise BadInput(f"{key} changes the prompt's text or repeats it.")
        self._before = before
        return before + prompt

    def _after(self, text: str, thinking: Thinking = "keep") -> str:
        """What follows the hidden prompt. Raises BadInput unless exactly what was sealed stands before it."""
        before, _, after = text.partition(_HIDDEN)
        if before == self._before and text.count(_HIDDEN) == 1:
            return after
        if thinking == "off":
            raise BadInput(
                "With thinking='off' this chat template writes a conversation that this organism does not take: "
                "use thinking='close'."
            )
        raise BadInput(
            "The chat template writes this conversation's turns in an order that this organism does not take: give one "
            "user turn without history."
        )

    def _place(self, turns: Sequence[Message], hidden: str) -> Sequence[Message]:
        """The turns with the hidden prompt first: in the system turn, or in the first user turn where there is none."""
        leads = bool(turns) and turns[0]["role"] == "system"
        if not hidden and self._takes_system:
            return turns
        own, rest = (turns[0]["content"], turns[1:]) if leads else ("", turns)
        system = "\n\n".join(part for part in (hidden, own) if part)
        if self._takes_system:
            return [{"role": "system", "content": system}, *rest]
        if not rest or rest[0]["role"] != "user":
            raise BadInput(
                "This model's chat template has no system turn, so the conversation must begin with a user turn."
            )
        folded: Message = {
            "role": "user",
            "content": f"{system}\n\n{rest[0]['content']}" if system else rest[0]["content"],
        }
        return [folded, *rest[1:]]


def end_of_turn_ids(tokenizer: Any, chat: ChatFormat) -> frozenset[int]:
    """The tokens that end a sequence or, by the template, an assistant's turn, whatever list they stand in.

    What ends a conversation counts before what stands between two turns: some templates end those differently, in the
    middle of what a model writes.
    """
    found = {tokenizer.eos_token_id}
    marks = {*tokenizer.added_tokens_decoder, *tokenizer.all_special_ids}
    for text in chat.after_reply() if chat.available else ():
        first = tokenizer(text, add_special_tokens=False).input_ids[:1]
        if marks.intersection(first):
            found.update(first)
            break
    return frozenset(int(token) for token in found if token is not None)
