"""Frames of the organism's service, for those who carry them."""

from __future__ import annotations

import json
from typing import Any

import hyperframe.frame

from interp_bench_ext.errors import InterpBenchError

HEAD_BYTES = 9
"""One byte of kind and eight of length (big-endian)."""


def error_frame(error: InterpBenchError) -> bytes:
    """An ``E`` frame as the service itself writes it."""
    payload = json.dumps({"code": error.code, "message": error.message}).encode()
    return b"E" + len(payload).to_bytes(8, "big") + payload


def spare_frame_texts() -> None:
    """Keep h2, under Modal's client, from writing every byte that it receives as hex digits.

    It does so for a log that nobody keeps, and that is a quarter of the time that a large array takes here.
    """
    data_frame: Any = hyperframe.frame.DataFrame
    data_frame._body_repr = _nothing


def _nothing(_frame: hyperframe.frame.Frame) -> str:
    return ""
