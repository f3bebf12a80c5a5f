"""Tokens and the prompt cache as the Messages API counts them, for the loopback server.

A token is four bytes of UTF-8, begun ones counted whole; an image costs what its size says.
"""

from __future__ import annotations

import base64
import hashlib
import io
import json
import math
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from PIL import Image

Block = dict[str, Any]
LOOKBACK = 20
LIFETIME_S = 300
MINIMUM = 512
"""Tokens of the shortest prefix that is cached."""
_TOOL_PROMPT = 290
"""Tokens of the prompt that the API adds where there are tools."""


def tokens_of(block: Block) -> int:
    match block["type"]:
        case "text":
            return _tokens(block["text"])
        case "thinking":
            return _tokens(block["thinking"])
        case "image":
            with Image.open(io.BytesIO(base64.b64decode(block["source"]["data"]))) as image:
                return math.ceil(image.width / 28) * math.ceil(image.height / 28)
        case "tool_use":
            return 12 + _tokens(block["name"]) + _tokens(_json(block["input"]))
        case "tool_result":
            content = block["content"]
            return 10 + (_tokens(content) if isinstance(content, str) else sum(map(tokens_of, content)))
    return _tokens(_json(block))


def prompt_tokens(body: dict[str, Any]) -> int:
    return sum(tokens for _, tokens in _parts(body))


def prefixes(body: dict[str, Any]) -> Iterator[tuple[str, int, bool]]:
    """Hash and tokens of each prefix of the prompt, and whether its last block is marked."""
    digest, total = hashlib.sha256(body["model"].encode()), 0
    for block, tokens in _parts(body):
        marked = "cache_control" in block
        digest.update(_json({name: value for name, value in block.items() if name != "cache_control"}).encode())
        total += tokens
        yield digest.hexdigest(), total, marked


@dataclass
class PromptCache:
    """What marked prefixes of earlier requests are still there."""

    clock: Callable[[], float] = time.time
    _entries: dict[str, float] = field(default_factory=dict)

    def account(self, body: dict[str, Any]) -> dict[str, int]:
        """Usage of a request: the longest earlier prefix near a mark is read, the rest up to the last mark written."""
        now, parts = self.clock(), list(prefixes(body))
        marks = [index for index, (_, _, marked) in enumerate(parts) if marked]
        read = max((self._found(parts, mark, now) for mark in marks), default=0)
        written = parts[marks[-1]][1] if marks else 0
        for mark in marks:
            digest, tokens, _ = parts[mark]
            if tokens >= MINIMUM:
                self._entries[digest] = now + LIFETIME_S
        cached = max(read, written if written >= MINIMUM else 0)
        total = parts[-1][1] if parts else 0
        return {
            "input_tokens": total - cached,
            "cache_read_input_tokens": read,
            "cache_creation_input_tokens": cached - read,
        }

    def _found(self, parts: list[tuple[str, int, bool]], mark: int, now: float) -> int:
        for index in range(mark, max(-1, mark - LOOKBACK), -1):
            digest, tokens, _ = parts[index]
            if self._entries.get(digest, 0) > now:
                self._entries[digest] = now + LIFETIME_S
                return tokens
        return 0


def _parts(body: dict[str, Any]) -> Iterator[tuple[Block, int]]:
    tools = body.get("tools", [])
    for index, tool in enumerate(tools):
        yield tool, _tokens(_json({**tool, "cache_control": None})) + (_TOOL_PROMPT if index == 0 else 0)
    for block in body.get("system", []):
        yield block, tokens_of(block)
    for message in body["messages"]:
        for block in message["content"]:
            yield {"role": message["role"], **block}, tokens_of(block)


def _tokens(text: str) -> int:
    return math.ceil(len(text.encode()) / 4)


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, sort_keys=True)
