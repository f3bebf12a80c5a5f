"""Images as the Messages API takes them: scaled down when a request is made, so that the journal keeps the original.

The same image always becomes the same bytes, or the prompt cache would miss everything behind it.
"""

from __future__ import annotations

import base64
import binascii
import io
import math
import warnings
from collections.abc import Sequence
from functools import lru_cache
from typing import Any

from PIL import Image

LONGEST_EDGE = 1568
"""Pixels; a larger image costs more tokens and time, and shows older models nothing more."""
LARGEST = 1_000_000
"""Bytes of an image as it is sent; the API takes five times as much, but only 32 MB in one request."""
_FORMATS = {"PNG": "image/png", "JPEG": "image/jpeg", "GIF": "image/gif", "WEBP": "image/webp"}
_PATCH = 28
"""Pixels along one edge of what the models count as a token."""
_UNREADABLE = "[an image that cannot be read]"


def sendable(block: dict[str, Any]) -> dict[str, Any]:
    """``block`` with every image in it fitted; one that is broken becomes a line of text."""
    kind = block["type"]
    if kind == "tool_result" and isinstance(block["content"], list):
        # Nearly all are text, and a long run makes its request of thousands at every step.
        if all(part["type"] == "text" for part in block["content"]):
            return block
        return {**block, "content": [sendable(part) for part in block["content"]]}
    if kind != "image":
        return block
    source = block.get("source", {})
    if source.get("type") != "base64":
        return block
    fitted = _fitted(source["data"])
    if fitted is None:
        return {"type": "text", "text": _UNREADABLE}
    media_type, data, _ = fitted
    return {**block, "source": {"type": "base64", "media_type": media_type, "data": data}}


def image_tokens(block: dict[str, Any]) -> int:
    """Tokens that an image block, or the line in its place, costs at most."""
    source = block.get("source", {})
    fitted = _fitted(source["data"]) if source.get("type") == "base64" else None
    return fitted[2] if fitted else len(_UNREADABLE)


def images_of(messages: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """The image blocks of a conversation, those in tool results included."""
    found = []
    for message in messages:
        for block in message["content"]:
            for part in _parts(block):
                if part["type"] == "image":
                    found.append(part)
    return found


def _parts(block: Any) -> Sequence[dict[str, Any]]:
    """The blocks inside of a tool result; any other block is its own only part. Bare text has none."""
    if not isinstance(block, dict):
        return ()
    inside = block["content"] if block["type"] == "tool_result" else (block,)
    return inside if isinstance(inside, (list, tuple)) else ()


@lru_cache(maxsize=128)
def _fitted(data: str) -> tuple[str, str, int] | None:
    """Media type, base64 data and tokens of the image in ``data`` as it is sent; None when it cannot be read."""
    try:
        raw = base64.b64decode(data, validate=True)
        with warnings.catch_warnings():
            # A picture so large that it may be made to fill the memory is not opened.
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            with Image.open(io.BytesIO(raw), formats=tuple(_FORMATS)) as image:
                media_type, sent, size = _scaled(image, raw)
    except (OSError, ValueError, SyntaxError, binascii.Error, Image.DecompressionBombError, Warning):
        return None
    patches = math.ceil(size[0] / _PATCH) * math.ceil(size[1] / _PATCH)
    return media_type, data if sent is raw else base64.b64encode(sent).decode("ascii"), patches + 16


def _scaled(image: Image.Image, raw: bytes) -> tuple[str, bytes, tuple[int, int]]:
    if max(image.size) <= LONGEST_EDGE and len(raw) <= LARGEST:
        # Reading it whole finds out whether it is broken further on.
        image.load()
        return _FORMATS[str(image.format)], raw, image.size
    plain = image.convert("RGBA")
    plain.thumbnail((LONGEST_EDGE, LONGEST_EDGE), Image.Resampling.LANCZOS)
    sent = _encoded(plain, "PNG")
    if len(sent) <= LARGEST:
        return "image/png", sent, plain.size
    opaque = Image.new("RGB", plain.size, "white")
    opaque.paste(plain, mask=plain.getchannel("A"))
    while len(sent := _encoded(opaque, "JPEG")) > LARGEST:
        opaque = opaque.resize((max(1, opaque.width // 2), max(1, opaque.height // 2)))
    return "image/jpeg", sent, opaque.size


def _encoded(image: Image.Image, kind: str) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind, optimize=kind == "PNG", quality=85)
    return buffer.getvalue()
