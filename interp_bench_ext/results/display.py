"""A result's notebook output: text for agents and terminals, HTML for people, a chart and its picture."""

from __future__ import annotations

import base64
import json
import struct
import sys
import zlib
from typing import Any

from . import markup, text
from .types import LensGrid, Result, TokenDiff, TokenProbs, WordScores

VEGALITE = "application/vnd.vegalite.v5+json"
_CHARTED: dict[type[Result], str] = {
    TokenProbs: "prompts",
    LensGrid: "tokens",
    TokenDiff: "tokens",
    WordScores: "words",
}
"""Results that a picture helps, each with the field that is empty when there is nothing to draw."""


def mimebundle(result: Result) -> dict[str, Any]:
    """Every form of ``result`` that the front end may choose from; a terminal gets only text."""
    bundle: dict[str, Any] = {"text/plain": text.text(result)}
    if _terminal():
        return bundle
    bundle["text/html"] = markup.markup(result)
    needed = _CHARTED.get(type(result))
    if needed and getattr(result, needed):
        from . import plots

        spec: dict[str, Any] = plots.plot(result, plots.SMALL).to_dict()
        bundle[VEGALITE] = spec
        bundle["image/png"] = png(spec)
    return bundle


def png(spec: dict[str, Any]) -> str:
    """A Vega-Lite spec as a PNG in base64."""
    import vl_convert

    picture = vl_convert.vegalite_to_png(json.dumps(spec), vl_version="v5.20", scale=1)
    return base64.b64encode(_recompressed(picture)).decode("ascii")


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


def _terminal() -> bool:
    """Whether this runs in a shell that shows nothing but text."""
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython is not None else None
    return shell is not None and list(shell.display_formatter.active_types) == ["text/plain"]
