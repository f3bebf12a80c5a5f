"""A kernel's message from its bytes: every part is measured before it is parsed, and only known fields are read.

A part that is skipped costs a glance at its bytes, however deeply it is nested: msgspec builds what a type names.
"""

from __future__ import annotations

import hmac
import json
import re
from collections.abc import Iterable, Sequence
from typing import Any

import msgspec
from jupyter_client.session import DELIM, Session

from . import limits
from .cleaner import LeftOut
from .text import left_out, size

Json = dict[str, Any]
_STREAM_START = re.compile(rb'\s*\{\s*"name"\s*:\s*"(stdout|stderr)"\s*,\s*"text"\s*:\s*"')
_ESCAPE_LENGTH = 12
_NAME_CHARACTERS = 256
_IDENTITIES = 8
_BROKEN = (msgspec.MsgspecError, RecursionError, UnicodeDecodeError)


class Header(msgspec.Struct):
    """Of a message, or of the request that caused it (which may be empty)."""

    msg_id: str = ""
    msg_type: str = ""
    username: str = ""
    session: str = ""
    date: str | None = None
    version: str = ""

    def plain(self) -> Json:
        """As jupyter_client sends it; empty where nothing caused the message."""
        fields = {name: value for name, value in msgspec.structs.asdict(self).items() if value}
        return {name: value[:_NAME_CHARACTERS] for name, value in fields.items()}


class Parts:
    """The parts of one message, unparsed but for its headers."""

    def __init__(
        self, header: Header, parent: Header, metadata: bytes, content: bytes, tail: bytes, length: int
    ) -> None:
        self.header = header
        self.parent = parent
        self.metadata = metadata
        self.content = content
        """Of a content that is too large to be read whole, its beginning, which is no JSON."""
        self.tail = tail
        """Its end; empty for a content that is whole."""
        self.length = length

    @property
    def kind(self) -> str:
        return self.header.msg_type


def split(frames: Sequence[Any], session: Session) -> Parts | None:
    """The message in ``frames`` (zmq frames); None for what is none, or is not signed with the kernel's key.

    The signature of a message so large that its content is not read is not looked at.
    """
    ends = [index for index, frame in enumerate(frames[:_IDENTITIES]) if len(frame) == len(DELIM)]
    at = next((index for index in ends if frames[index].bytes == DELIM), len(frames))
    if len(frames) < at + 6:
        return None
    signature, header, parent, metadata, content = frames[at + 1 : at + 6]
    if len(signature) > _NAME_CHARACTERS or max(len(header), len(parent)) > limits.HEADER:
        return None
    length = sum(len(frame) for frame in frames)
    if length <= limits.DISPLAY and len(metadata) <= limits.METADATA:
        signed = session.sign([frame.bytes for frame in (header, parent, metadata, content)])
        if not hmac.compare_digest(signed, signature.bytes):
            return None
    parts = _headers(header.bytes, parent.bytes)
    if parts is None:
        return None
    small = metadata.bytes if len(metadata) <= limits.METADATA else b"{}"
    if len(content) <= limits.DISPLAY:
        return Parts(*parts, small, content.bytes, b"", length)
    head, tail = content.buffer[: limits.STREAM_KEPT], content.buffer[-limits.STREAM_KEPT :]
    return Parts(*parts, small, bytes(head), bytes(tail), length)


def read(kind: type[Any], content: bytes, most: int = limits.OTHER_CONTENT) -> Any:
    """``content`` as an instance of the Struct ``kind``; None where it is too large or is something else."""
    if len(content) > most:
        return None
    try:
        return msgspec.json.decode(content, type=kind)
    except _BROKEN:
        pass
    try:
        return msgspec.json.decode(_mended(content), type=kind)
    except (*_BROKEN, ValueError):
        return None


def _mended(content: bytes) -> bytes:
    """Without lone surrogates and NaN, which Python writes into JSON though it does not have them."""
    value = json.loads(content.decode("utf-8", "replace"), parse_constant=lambda _: None) if _few(content) else None
    return json.dumps(value, ensure_ascii=False).encode("utf-8", "replace")


def _few(raw: bytes) -> bool:
    return sum(raw.count(mark) for mark in (b",", b"[", b"{")) <= limits.JSON_NODES


def bounded_json(raw: bytes, most: int) -> Any:
    """The value of some JSON with few enough parts. Raises LeftOut."""
    if len(raw) > most or not _few(raw):
        raise LeftOut(f"{size(len(raw))}, or too many parts")
    try:
        return msgspec.json.decode(raw)
    except _BROKEN as error:
        raise LeftOut("no valid JSON, or nested too deeply") from error


def _headers(header: bytes, parent: bytes) -> tuple[Header, Header] | None:
    try:
        return msgspec.json.decode(header, type=Header), msgspec.json.decode(parent, type=Header)
    except _BROKEN:
        return None


class _Stream(msgspec.Struct):
    name: str = "stdout"
    text: str = ""


def stream_text(parts: Parts) -> tuple[str, str] | None:
    """Name and text of a stream message; of a very long one, beginning and end with a note between them."""
    if not parts.tail:
        found = read(_Stream, parts.content, limits.DISPLAY)
        return None if found is None else (found.name, found.text)
    start, stop = _STREAM_START.match(parts.content), parts.tail.rfind(b'"')
    if start is None:
        return None
    head = parts.content[start.end() :].decode("utf-8", "ignore")
    tail = parts.tail[:stop].decode("utf-8", "ignore")
    # A cut may have gone through an escape.
    heads = (head[: len(head) - cut] for cut in range(_ESCAPE_LENGTH))
    tails = (tail[cut:] for cut in range(_ESCAPE_LENGTH))
    gap = left_out(parts.length - len(parts.content) - len(parts.tail))
    return start.group(1).decode(), _first_string(heads) + gap + _first_string(tails)


def _first_string(candidates: Iterable[str]) -> str:
    """The first candidate that is the inside of a JSON string."""
    for candidate in candidates:
        try:
            return str(json.loads(f'"{candidate}"'))
        except ValueError:
            continue
    return ""
