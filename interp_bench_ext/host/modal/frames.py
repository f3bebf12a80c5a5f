"""Frames of the organism's service, for those who carry them."""

from __future__ import annotations

import json

from interp_bench_ext.errors import InterpBenchError

HEAD_BYTES = 9
"""One byte of kind and eight of length (big-endian)."""


def error_frame(error: InterpBenchError) -> bytes:
    """An ``E`` frame as the service itself writes it."""
    payload = json.dumps({"code": error.code, "message": error.message}).encode()
    return b"E" + len(payload).to_bytes(8, "big") + payload
