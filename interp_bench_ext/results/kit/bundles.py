"""The forms of a chart that a notebook's output carries."""

from __future__ import annotations

import base64
import json
import struct
import sys
import zlib
from typing import Any

CHART = "application/vnd.interp-bench.chart+json"
"""Vega-Lite of our own making in an envelope: the only charts that an investigation's notebook draws by itself."""
_VERSION = 1
_NOT_DRAWN = ("$schema", "usermeta")

Bundle = dict[str, Any]


def chart_bundle(spec: dict[str, Any]) -> Bundle:
    """A chart's forms: its data for our JupyterLab extension, its picture for all else, and its description."""
    bundle: Bundle = {"text/plain": f"<chart: {spec.get('description', '')}>"}
    return bundle if only_text() else {**bundle, **drawn(spec)}


def drawn(spec: dict[str, Any]) -> Bundle:
    kept = {name: value for name, value in spec.items() if name not in _NOT_DRAWN}
    payload = {"version": _VERSION, "spec": kept, "text": str(spec.get("description", ""))}
    return {CHART: payload, "image/png": png(spec)}


def png(spec: dict[str, Any]) -> str:
    """A Vega-Lite spec as a PNG in base64: dark on white, for it cannot follow a page's theme."""
    import vl_convert

    picture = vl_convert.vegalite_to_png(json.dumps({**spec, "background": "white"}), vl_version="v5.20", scale=1)
    return base64.b64encode(_recompressed(picture)).decode("ascii")


def only_text() -> bool:
    """Whether this runs in a shell that shows nothing but text."""
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython is not None else None
    return shell is not None and list(shell.display_formatter.active_types) == ["text/plain"]


def _recompressed(picture: bytes) -> bytes:
    """The same PNG a third in size: vl-convert's encoder prefers speed."""
    kept, pixels, place = [picture[:8]], [], 8
    while place < len(picture):
        length, kind = struct.unpack_from(">I4s", picture, place)
        content = picture[place + 8 : place + 8 + length]
        if kind == b"IDAT":
            pixels.append(content)
        elif kind == b"IEND":
            kept += [
                _chunk(b"IDAT", zlib.compress(zlib.decompress(b"".join(pixels)), 9)),
                _chunk(kind, content),
            ]
        else:
            kept.append(_chunk(kind, content))
        place += length + 12
    return b"".join(kept)


def _chunk(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))
