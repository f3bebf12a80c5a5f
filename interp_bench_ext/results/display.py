"""How a notebook shows a result: what Lab draws first, its table one click away, text for agents and terminals.

JupyterLab shows one form of an output, and prefers HTML to a chart. So a result that a picture says more about (grids,
probabilities, contrasts) makes two outputs: the chart, which JupyterLab draws by itself, untrusted and offline too,
with its PNG for agents, reports and other front ends; and below it the table as folded HTML. Texts and facts are one
output of HTML.
"""

from __future__ import annotations

import base64
import json
import struct
import sys
import zlib
from typing import Any

from . import markup, text
from .types import AttentionGrid, EffectGrid, LensGrid, Result, TokenDiff, TokenProbs, WordScores

VEGALITE = "application/vnd.vegalite.v5+json"
_SCHEMA = "https://vega.github.io/schema/vega-lite/v5.json"
"""Altair names the exact version that it was made for, and JupyterLab, which has another, warns about that."""
_CHARTED: dict[type[Result], str] = {
    TokenProbs: "prompts",
    LensGrid: "tokens",
    EffectGrid: "tokens",
    AttentionGrid: "tokens",
    TokenDiff: "tokens",
    WordScores: "words",
}
"""Results that a picture says more about, each with the field that is empty when there is nothing to draw."""

Bundle = dict[str, Any]


def show(result: Result) -> None:
    """Publish ``result``'s outputs; IPython asks for its plain text instead where that is all a shell shows."""
    if _terminal():
        raise NotImplementedError
    from IPython.display import display

    for bundle in outputs(result):
        display(bundle, raw=True)  # type: ignore[no-untyped-call]


def outputs(result: Result) -> list[Bundle]:
    """The outputs that a notebook shows, each in the forms that a front end may choose from."""
    plain, page = text.text(result), markup.markup(result)
    chart = _chart(result)
    if chart is None:
        return [{"text/plain": plain, "text/html": page}]
    return [{"text/plain": plain, **chart}, {"text/html": markup.folded(result, page)}]


def mimebundle(result: Result) -> Bundle:
    """Every form of ``result`` in one bundle; a terminal gets only text."""
    bundle: Bundle = {"text/plain": text.text(result)}
    if _terminal():
        return bundle
    return {**bundle, "text/html": markup.markup(result), **(_chart(result) or {})}


def chart_bundle(spec: dict[str, Any]) -> Bundle:
    """A chart's forms: Vega-Lite for JupyterLab, its picture for everything else, and its description."""
    bundle: Bundle = {"text/plain": f"<chart: {spec.get('description', '')}>"}
    return bundle if _terminal() else {**bundle, **_drawn(spec)}


def png(spec: dict[str, Any]) -> str:
    """A Vega-Lite spec as a PNG in base64: dark on white, for it cannot follow a page's theme."""
    import vl_convert

    picture = vl_convert.vegalite_to_png(json.dumps({**spec, "background": "white"}), vl_version="v5.20", scale=1)
    return base64.b64encode(_recompressed(picture)).decode("ascii")


def _chart(result: Result) -> Bundle | None:
    needed = _CHARTED.get(type(result))
    if not needed or not getattr(result, needed):
        return None
    from . import plots

    return _drawn(plots.plot(result, plots.SMALL).to_dict())


def _drawn(spec: dict[str, Any]) -> Bundle:
    return {VEGALITE: {**spec, "$schema": _SCHEMA}, "image/png": png(spec)}


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
