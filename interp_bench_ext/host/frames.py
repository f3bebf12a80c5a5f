"""What the organism's service says, wherever it is spoken: techniques as JSON, and frames (kind, length, payload)."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import asdict
from typing import Any

from interp_bench_ext.contracts import TechniqueSpec
from interp_bench_ext.errors import InterpBenchError

HEAD_BYTES = 9
"""One byte of kind and eight of length (big-endian)."""
_PIECE_BYTES = 1 << 18
_SMALL_BYTES = 1 << 14


def frame_head(kind: bytes, length: int) -> bytes:
    """What stands before a payload of ``length`` bytes."""
    return kind + length.to_bytes(8, "big")


def json_frame(kind: bytes, content: dict[str, Any]) -> bytes:
    """A whole frame with ``content`` as its payload."""
    payload = json.dumps(content).encode()
    return frame_head(kind, len(payload)) + payload


def error_frame(error: InterpBenchError) -> bytes:
    """An ``E`` frame."""
    return json_frame(b"E", {"code": error.code, "message": error.message})


def joined(parts: Iterable[bytes | memoryview]) -> Iterator[bytes | memoryview]:
    """The parts one after another, small ones put together."""
    small = bytearray()
    for part in parts:
        if len(part) > _SMALL_BYTES:
            if small:
                yield bytes(small)
                small.clear()
            yield part
        else:
            small += part
    if small:
        yield bytes(small)


def pieces(part: bytes | memoryview) -> Iterator[memoryview]:
    """``part`` as a socket takes it: of what it has no room for, asyncio makes two copies."""
    view = memoryview(part)
    return (view[start : start + _PIECE_BYTES] for start in range(0, len(view), _PIECE_BYTES))


def described(specs: Iterable[TechniqueSpec]) -> list[dict[str, Any]]:
    """The reply to ``GET /techniques``."""
    return [{**asdict(spec), "signature": spec.signature} for spec in specs]
