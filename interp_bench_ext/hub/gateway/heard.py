"""What a reply says of its own cost while it passes through, byte by byte untouched."""

from __future__ import annotations

import json
from typing import Any

from ...models.usage import ReportedUsage, Usage

_LONGEST_LINE = 16 << 20


class Heard:
    """The usage of one reply, streamed or whole."""

    def __init__(self, *, streamed: bool) -> None:
        self._streamed, self._reported = streamed, ReportedUsage()
        self._rest = bytearray()
        self.complete = False
        """Whether the reply's end was heard, with what it took."""
        self.shown_bytes = 0
        """Of the reply's own text so far: it has at most as many tokens."""

    @property
    def usage(self) -> Usage:
        """What the server has said so far."""
        return self._reported.usage

    @property
    def begun(self) -> bool:
        """Whether the prompt has been counted."""
        return self.usage.prompt_tokens > 0

    def take(self, data: bytes) -> None:
        """Some more of the body."""
        self._rest += data
        if not self._streamed:
            return
        *lines, rest = bytes(self._rest).split(b"\n")
        self._rest = bytearray(rest if len(rest) < _LONGEST_LINE else b"")
        for line in lines:
            if line.startswith(b"data:"):
                self._event(_parsed(line[5:]))

    def end(self) -> None:
        """The body has come to its end."""
        if not self._streamed:
            self._message(_parsed(bytes(self._rest)))

    def _message(self, message: dict[str, Any]) -> None:
        self._reported.add(message.get("usage"))
        self.complete = self.usage.output_tokens > 0 and message.get("stop_reason") is not None

    def _event(self, event: dict[str, Any]) -> None:
        match event.get("type"):
            case "message_start":
                message = event.get("message")
                self._reported.add(message.get("usage") if isinstance(message, dict) else None)
            case "content_block_delta":
                delta = event.get("delta")
                parts = delta.values() if isinstance(delta, dict) else ()
                self.shown_bytes += sum(len(part.encode(errors="replace")) for part in parts if isinstance(part, str))
            case "message_delta":
                self._reported.add(event.get("usage"))
                self.complete = True


def said_count(body: bytes) -> int | None:
    """Tokens that a server has counted; None where it says none."""
    count = _parsed(body).get("input_tokens")
    return count if isinstance(count, int) and count > 0 else None


def _parsed(text: bytes) -> dict[str, Any]:
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}
