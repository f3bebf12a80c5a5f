"""What the organism's service says, wherever it is spoken: techniques as JSON, and frames (kind, length, payload)."""

from __future__ import annotations

import functools
import json
import socket
from asyncio import BaseTransport
from collections.abc import Iterable, Iterator
from dataclasses import asdict
from typing import Any

from interp_bench_ext.contracts import TechniqueSpec
from interp_bench_ext.errors import InterpBenchError

HEAD_BYTES = 9
"""One byte of kind and eight of length (big-endian)."""
_SEND_BUFFER_BYTES = 1 << 22
"""What is asked of the system for a Unix socket. By itself it takes a fifth of a MB, and each time that it is full
costs a wait for whoever reads."""
_LEAST_PIECE_BYTES = 1 << 18
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
    view, each = memoryview(part), _piece_bytes()
    return (view[start : start + each] for start in range(0, len(view), each))


def widen(transport: BaseTransport) -> None:
    """Have a connection to a Unix socket take several pieces before they are read."""
    _widened(transport.get_extra_info("socket"))


@functools.cache
def _piece_bytes() -> int:
    """Half of what the system lets a socket take, which it says twice over."""
    with socket.socket(socket.AF_UNIX) as tried:
        return max(_LEAST_PIECE_BYTES, _widened(tried) // 4)


def _widened(connection: Any) -> int:
    if connection.family == socket.AF_UNIX:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _SEND_BUFFER_BYTES)
    size: int = connection.getsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF)
    return size


def described(specs: Iterable[TechniqueSpec]) -> list[dict[str, Any]]:
    """The reply to ``GET /techniques``."""
    return [{**asdict(spec), "signature": spec.signature} for spec in specs]
