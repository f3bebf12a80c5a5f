"""Frames of the organism's service, as it writes them: kind, length, payload."""

from __future__ import annotations

import json
from typing import Any

from interp_bench_ext.errors import InterpBenchError

HEAD_BYTES = 9
"""One byte of kind and eight of length (big-endian)."""


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
