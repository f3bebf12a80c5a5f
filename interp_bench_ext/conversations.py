"""What a model is asked: user turns and conversations, as chat templates take them.

Nothing here imports torch or a server, so that a kernel can import it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

from typing_extensions import TypedDict  # typing's own is not enough for pydantic before Python 3.12


class Message(TypedDict):
    """One turn of a conversation, as chat templates take it."""

    role: Literal["system", "user", "assistant"]
    content: str


Conversation = Sequence[Message]
Thinking = Literal["keep", "close", "off"]
"""Of a reasoning model's reply: begun as the template begins it, after ended thinking, or with thinking switched off.

``off`` uses the template's own switch. All three are the same where a template knows nothing of thinking.
"""
Prompts = str | Conversation | Sequence[str] | Sequence[Conversation]
"""A user turn, a conversation, or a list of either; :func:`as_conversations` makes it uniform."""


def as_conversations(prompts: Prompts) -> list[list[Message]]:
    """Conversations for ``prompts``: a string is one user turn, a list of messages one conversation.

    Raises ``TypeError`` in one sentence when an entry is neither.
    """
    if isinstance(prompts, str):
        return [[{"role": "user", "content": prompts}]]
    entries = list(prompts)
    if entries and all(isinstance(entry, dict) for entry in entries):
        return [_checked(entries)]
    return [_conversation(entry) for entry in entries]


def _conversation(entry: object) -> list[Message]:
    if isinstance(entry, str):
        return [{"role": "user", "content": entry}]
    if isinstance(entry, Sequence) and entry and all(isinstance(turn, dict) for turn in entry):
        return _checked(entry)
    raise TypeError(f"a prompt is a string or a list of {{role, content}} messages, not {type(entry).__name__}")


def _checked(turns: Sequence[Any]) -> list[Message]:
    for turn in turns:
        if set(turn) != {"role", "content"} or turn["role"] not in ("system", "user", "assistant"):
            raise TypeError("a message has exactly the keys role (system, user or assistant) and content")
    return [{"role": turn["role"], "content": str(turn["content"])} for turn in turns]
