"""A cell's outputs as the agent sees them: text clipped fairly, images as they are, nothing without bound."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

MAX_TEXT = 12_000
"""Characters of output in one result, and in one page of ``read_output``."""
MAX_IMAGES = 8
"""Images in one result."""
_ENDS = 12
"""Of very many outputs, how many at the beginning and at the end have a share of their own."""
_ANSI = re.compile(r"\x1b\[[0-9;?]*[ -/]*[@-~]")
_SIGNATURES = {
    "image/png": b"\x89PNG\r\n\x1a\n",
    "image/jpeg": b"\xff\xd8\xff",
    "image/gif": b"GIF8",
    "image/webp": b"RIFF",
}
_SIGNATURE_CHARACTERS = 24
_TEXTS = ("text/plain", "text/markdown", "text/latex")


@dataclass
class Images:
    """Collects the images of one result, as many as it may have."""

    blocks: list[dict[str, Any]] = field(default_factory=list)

    def take(self, cell_id: str, outputs: Sequence[Mapping[str, Any]]) -> str:
        """Take the outputs' images; returns a line that says which had no room, empty where all had."""
        found = [block for output in outputs if (block := _image(output)) is not None]
        kept = max(MAX_IMAGES - len(self.blocks), 0)
        self.blocks += found[:kept]
        if len(found) <= kept:
            return ""
        which = f"{kept + 1} to {len(found)}" if len(found) > kept + 1 else str(len(found))
        return f"[images {which} of {len(found)} of {cell_id} are left out: a result holds {MAX_IMAGES}; plot fewer]"


def describe_outputs(headline: str, cell_id: str, outputs: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """``headline`` and the outputs' text as one text block, each output clipped to its share; their images after it."""
    images = Images()
    left_out = images.take(cell_id, outputs)
    text = "\n".join(line for line in (headline, clipped(cell_id, outputs, MAX_TEXT), left_out) if line)
    return [{"type": "text", "text": text}, *images.blocks]


def clipped(cell_id: str, outputs: Sequence[Mapping[str, Any]], limit: int) -> str:
    """The outputs' text, ``limit`` characters and a line for each gap, which says how to read what is not there."""
    parts = [text for output in outputs if (text := output_text(output))]
    if len(parts) > 2 * _ENDS:
        parts = [*parts[:_ENDS], "\n".join(parts[_ENDS:-_ENDS]), *parts[-_ENDS:]]
    shown, offset = [], 0
    for part, share in zip(parts, fair_shares([len(part) for part in parts], limit), strict=True):
        shown.append(_ends(part, share, cell_id, offset))
        offset += len(part) + 1
    return "\n".join(shown)


def full_text(outputs: Sequence[Mapping[str, Any]]) -> str:
    """All text of the outputs, in which ``read_output`` counts its offsets."""
    return "\n".join(text for output in outputs if (text := output_text(output)))


def fair_shares(lengths: Sequence[int], limit: int) -> list[int]:
    """How much of each may be shown so that all is at most ``limit``: the short ones whole, the long ones alike."""
    shares = list(lengths)
    room = limit
    for done, index in enumerate(sorted(range(len(lengths)), key=lambda index: lengths[index])):
        shares[index] = min(lengths[index], room // (len(lengths) - done))
        room -= shares[index]
    return shares


def output_text(output: Mapping[str, Any]) -> str:
    """An output's text as a person would read it; empty where it has none."""
    if output["output_type"] == "stream":
        return _ANSI.sub("", _joined(output["text"])).rstrip("\n")
    if output["output_type"] == "error":
        return _ANSI.sub("", "\n".join(output["traceback"]) or f"{output['ename']}: {output['evalue']}")
    data = output["data"]
    texts = (_joined(data[kind]) for kind in _TEXTS if kind in data)
    return _ANSI.sub("", next(texts, "" if _image(output) else f"[{', '.join(data)}]" if data else ""))


def clip(text: str, limit: int) -> str:
    """Head and tail of ``text``, ``limit`` characters in all, and between them how many were left out."""
    if len(text) <= limit:
        return text
    head, tail = limit - limit // 2, limit // 2
    return f"{text[:head]}\n[… {len(text) - limit} characters left out …]\n{text[len(text) - tail :]}"


def _ends(part: str, share: int, cell_id: str, offset: int) -> str:
    """Head and tail of an output whose text begins at ``offset`` of the cell's."""
    if len(part) <= share:
        return part
    head, tail = share - share // 2, share // 2
    note = f'[… {len(part) - share} characters left out: read_output(cell_id="{cell_id}", offset={offset + head}) …]'
    return f"{part[:head]}\n{note}\n{part[len(part) - tail :]}"


def _image(output: Mapping[str, Any]) -> dict[str, Any] | None:
    """The output's image as a block; None for what is none, whatever the agent's code called it."""
    data = output.get("data", {})
    for kind, signature in _SIGNATURES.items():
        if kind in data:
            encoded = "".join(_joined(data[kind]).split())
            try:
                begins = base64.b64decode(encoded[:_SIGNATURE_CHARACTERS], validate=True)
                base64.b64decode(encoded, validate=True)
            except (binascii.Error, ValueError):
                continue
            if begins.startswith(signature):
                source = {"type": "base64", "media_type": kind, "data": encoded}
                return {"type": "image", "source": source}
    return None


def _joined(text: str | Sequence[str]) -> str:
    return text if isinstance(text, str) else "".join(text)
