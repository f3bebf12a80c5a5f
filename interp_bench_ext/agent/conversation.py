"""How a conversation is shortened, and how long it can be at most. Nothing that goes in is changed.

What comes out is a conversation that the Messages API takes: it begins with the user, every tool call that is left has
its result, and the agent's own turns are left whole, thinking included, or out.
"""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Iterable, Sequence
from typing import Any

from .images import image_tokens, images_of

Message = dict[str, Any]
Block = dict[str, Any]

CLEARED = "[this output was cleared to save space"
_SHORT = 400
"""Characters of a tool result that is not worth clearing."""
_PER_BLOCK = 24
"""Tokens that a block costs beside its content, at most."""
_PER_REQUEST = 1_000
"""The same for a request with tools: the API adds a prompt of its own to it."""
_BYTES_PER_TOKEN = 3
_NOTHING_SEEN = "(no visible text)"
_BLANK_LETTERS = frozenset("\u034f\u115f\u1160\u17b4\u17b5\u2800\u3164\uffa0") | {chr(c) for c in range(0xFE00, 0xFE10)}
"""Characters that show nothing although Unicode calls them letters, marks or symbols."""
_CELL = re.compile(r"^\[([\w.-]+): ", re.MULTILINE)


def visible(content: Sequence[Block]) -> list[Block]:
    """The blocks without the texts that have no visible character: the Messages API refuses those.

    A tool result in which nothing is left says so.
    """
    return [_seen(block) for block in content if not (block["type"] == "text" and is_blank(block["text"]))]


def is_blank(text: str) -> bool:
    """Whether ``text`` has no visible character: spaces of any kind, controls, zero-width and filling characters."""
    return all(unicodedata.category(letter)[0] in "CZ" or letter in _BLANK_LETTERS for letter in text)


def cleared(messages: Sequence[Message], before: int) -> list[Message]:
    """The conversation with one line in the place of each tool result in its first ``before`` turns."""
    return [_cleared(message) if index < before else message for index, message in enumerate(messages)]


def compacted(messages: Sequence[Message], before: int, summary: str) -> list[Message]:
    """The conversation with ``summary`` in the place of its first ``before`` turns.

    A cut between a call and its result moves back to before the call.
    """
    cut = min(before, len(messages))
    while 0 < cut < len(messages) and messages[cut]["role"] != "assistant":
        cut -= 1
    if cut == 0:
        return list(messages)
    return [{"role": "user", "content": [{"type": "text", "text": summary}]}, *messages[cut:]]


def cut_keeping(messages: Sequence[Message], share: float) -> int:
    """Where to cut so that what stays is about ``share`` of the conversation, in whole steps.

    That is the number of all turns when already the last step is larger.
    """
    sizes = [size_of(message) for message in messages]
    room = share * sum(sizes)
    cut = len(messages)
    for index in range(len(messages) - 1, 0, -1):
        room -= sizes[index]
        if room < 0:
            break
        if messages[index]["role"] == "assistant":
            cut = index
    return cut


def before_last_results(messages: Sequence[Message], kept: int) -> int:
    """Number of turns before the last ``kept`` ones that hold tool results."""
    holding = [index for index, message in enumerate(messages) if _results(message)]
    return holding[-kept] if len(holding) > kept else 0


def size_of(message: Message) -> int:
    """Bytes of a turn as it is sent, with an image for what it costs in tokens."""
    return sum(_bytes(block) for block in message["content"])


def at_most_tokens(blocks: Sequence[Block]) -> int:
    """An upper bound for the tokens of ``blocks``: no token is shorter than a byte."""
    return sum(_PER_BLOCK + _bytes(block) for block in blocks)


def prompt_at_most_tokens(system: str, tools: Sequence[Any], messages: Sequence[Message]) -> int:
    """The same for a whole request; ``tools`` are anything that JSON can hold."""
    written = len(system.encode()) + len(json.dumps(list(tools)).encode())
    return _PER_REQUEST + written + sum(at_most_tokens(message["content"]) for message in messages)


def about_tokens(blocks: Sequence[Block]) -> int:
    """An estimate of the tokens of ``blocks``, rather too high: text and code have three to five bytes to a token."""
    images = sum(map(image_tokens, images_of([{"content": list(blocks)}])))
    return images + (at_most_tokens(blocks) - images) // _BYTES_PER_TOKEN


def prompt_about_tokens(system: str, tools: Sequence[Any], messages: Sequence[Message]) -> int:
    """The same for a whole request."""
    written = len(system.encode()) + len(json.dumps(list(tools)).encode()) if tools else len(system.encode())
    return written // _BYTES_PER_TOKEN + sum(about_tokens(blocks_of(message["content"])) for message in messages)


def blocks_of(content: str | Iterable[Block]) -> list[Block]:
    """A turn's content as blocks."""
    return [{"type": "text", "text": content}] if isinstance(content, str) else list(content)


def _bytes(block: Block) -> int:
    match block["type"]:
        case "text":
            return len(block["text"].encode())
        case "image":
            return image_tokens(block)
        case "tool_result":
            content = block["content"]
            inside = content if isinstance(content, list) else [{"type": "text", "text": content}]
            return len(block["tool_use_id"]) + at_most_tokens(inside)
    return len(json.dumps(block, ensure_ascii=False).encode())


def _seen(block: Block) -> Block:
    if block["type"] != "tool_result":
        return block
    content = block["content"]
    if isinstance(content, str):
        content = [{"type": "text", "text": content}]
    return {**block, "content": visible(content) or [{"type": "text", "text": _NOTHING_SEEN}]}


def _results(message: Message) -> list[Block]:
    return [block for block in message["content"] if block["type"] == "tool_result"]


def _cleared(message: Message) -> Message:
    if message["role"] != "user" or not any(_is_long(result) for result in _results(message)):
        return message
    return {**message, "content": [_short(block) if _is_long(block) else block for block in message["content"]]}


def _is_long(block: Block) -> bool:
    if block["type"] != "tool_result" or not isinstance(block["content"], list):
        return False
    parts = block["content"]
    return any(part["type"] == "image" for part in parts) or sum(len(_text(part)) for part in parts) > _SHORT


def _short(result: Block) -> Block:
    first = next((_text(part) for part in result["content"] if part["type"] == "text"), "")
    cells = list(dict.fromkeys(_CELL.findall("\n".join(map(_text, result["content"])))))
    how = f"; read_notebook(cell_ids={json.dumps(cells)}) shows it again" if cells else ""
    head = first.partition("\n")[0][:120]
    return {**result, "content": [{"type": "text", "text": f"{head}\n{CLEARED}{how}]"}]}


def _text(part: Block) -> str:
    return part["text"] if part["type"] == "text" else ""
