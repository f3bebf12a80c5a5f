"""One output in its several forms: what is known and harmless stays, of the rest a line of text says why it is gone."""

from __future__ import annotations

import base64
import binascii
import io
import re
import warnings
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import msgspec
from PIL import Image

from ..results.kit.bundles import CHART
from . import limits
from .charts import check_chart
from .cleaner import Cleaner, LeftOut, draw_chart, draw_svg
from .text import clean_text, shorten, size
from .wire import Json, bounded_json, read

_FORMATS = {"image/png": "PNG", "image/jpeg": "JPEG", "image/gif": "GIF", "image/webp": "WEBP"}
_TEXTS = ("text/plain", "text/html", "text/markdown", "text/latex")
_VEGALITE = re.compile(r"application/vnd\.vegalite\.v\d+(\.\d+)*\+json")
_SVG = "image/svg+xml"
_NAME_CHARACTERS = 80
_NOTES = 8
_DEPTH = 100
_LARGEST_INTEGER = 2**63
_UNKNOWN = "a notebook of an investigation does not show this"
Raw = msgspec.Raw


class _Size(msgspec.Struct):
    width: int | None = None
    height: int | None = None


class _Progress(msgspec.Struct):
    progress: dict[str, str | int | float | bool | None] = {}


class _Metadata(msgspec.Struct, rename={name: f"image/{name}" for name in ("png", "jpeg", "gif", "webp")}):
    png: _Size | None = None
    jpeg: _Size | None = None
    gif: _Size | None = None
    webp: _Size | None = None
    interp_bench: _Progress | None = None


@dataclass
class Forms:
    """The forms of one output as they may be shown."""

    data: Json = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)

    def leave_out(self, mime: str, why: str) -> None:
        self.notes.append(f"[… {shorten(clean_text(mime), _NAME_CHARACTERS)} left out: {why} …]")

    def finished(self) -> Json:
        """The forms, with what was left out as the end of the plain text."""
        notes = self.notes[:_NOTES] + ["[… and more …]"] * (len(self.notes) > _NOTES)
        if not notes:
            return self.data
        plain = [self.data["text/plain"]] if "text/plain" in self.data else []
        return {"text/plain": "\n".join([*plain, *notes]), **_without(self.data, "text/plain")}


class BundleFilter:
    """Reads the ``data`` and the ``metadata`` of outputs."""

    def __init__(self, cleaner: Cleaner) -> None:
        self._cleaner = cleaner
        self._readers: dict[str, Callable[[bytes], Any]] = {
            "text/plain": lambda raw: _text(raw, limits.PLAIN),
            "text/html": lambda raw: cleaner.html(_text(raw, limits.HTML)),
            "text/latex": lambda raw: _text(raw, limits.LATEX),
            "application/json": _json,
            CHART: _chart,
            **dict.fromkeys(_FORMATS, _base64_text),
        }

    def data(self, raw: bytes) -> Json:
        """The forms that may be shown, of the JSON of a mime bundle."""
        found = _forms(raw)
        if found is None:
            return Forms(notes=[f"[… an output of {size(len(raw))} left out: it has no readable forms …]"]).finished()
        forms = Forms()
        for mime in [mime for mime in self._readers if mime in found]:
            self._take(forms, mime, found[mime])
        for mime in [mime for mime in found if mime not in self._readers]:
            self._replace(forms, mime, found[mime])
        return forms.finished()

    def _take(self, forms: Forms, mime: str, raw: Raw) -> None:
        try:
            value = self._readers[mime](bytes(raw))
            if mime in _FORMATS:
                _check_image(value, mime)
            forms.data[mime] = value
        except LeftOut as why:
            forms.leave_out(mime, str(why))

    def _replace(self, forms: Forms, mime: str, raw: Raw) -> None:
        """What a browser would draw or fetch in its own way becomes a picture or clean HTML here."""
        has_picture = any(kind in forms.data for kind in _FORMATS)
        try:
            if mime == "text/markdown":
                source = _text(bytes(raw), limits.MARKDOWN)
                forms.data.setdefault("text/plain", source)
                forms.data.setdefault("text/html", self._cleaner.markdown(source))
            elif _VEGALITE.fullmatch(mime) and not has_picture:
                spec = bounded_json(bytes(raw), limits.CHART_SPEC)
                forms.data["image/png"] = base64.b64encode(draw_chart(_as_dict(spec))).decode("ascii")
            elif mime == _SVG and not has_picture:
                drawn = base64.b64encode(draw_svg(_text(bytes(raw), limits.SVG))).decode("ascii")
                _check_image(drawn, "image/png")
                forms.data["image/png"] = drawn
            elif not (has_picture and (_VEGALITE.fullmatch(mime) or mime == _SVG)):
                forms.leave_out(mime, _UNKNOWN)
        except LeftOut as why:
            forms.leave_out(mime, str(why))


def metadata(raw: bytes) -> Json:
    """How large a picture is shown, and how far a technique has come: no other metadata means anything here."""
    found = read(_Metadata, raw, limits.METADATA)
    if found is None:
        return {}
    kept = {kind: msgspec.structs.asdict(shown) for kind in _FORMATS if (shown := getattr(found, kind[6:])) is not None}
    if found.interp_bench is not None:
        kept["interp_bench"] = {"progress": found.interp_bench.progress}
    return kept


def _forms(raw: bytes) -> dict[str, Raw] | None:
    """Each form with its JSON; where there are very many parts, the known forms only."""
    named = read(dict[str, Raw], raw, limits.OTHER_CONTENT)
    if named is not None and len(named) <= len(_KNOWN):
        return {mime: value for mime, value in named.items() if isinstance(mime, str)}
    found = read(_KnownForms, raw, limits.DISPLAY)
    if found is None:
        return None
    return {mime: value for name, mime in _KNOWN.items() if (value := getattr(found, name)) is not msgspec.UNSET}


def _text(raw: bytes, most: int) -> str:
    if len(raw) > most:
        raise LeftOut(f"it has {size(len(raw))}")
    text = read(str, raw, most)
    if text is None:
        raise LeftOut("it is no text")
    return clean_text(text)


def _base64_text(raw: bytes) -> str:
    return "".join(_text(raw, limits.IMAGE).split())


def _json(raw: bytes) -> Any:
    value = bounded_json(raw, limits.JSON)
    if not _fits(value, _DEPTH):
        raise LeftOut("it is nested too deeply, or has a number of more than 64 bits")
    return value


def _fits(value: object, depth: int) -> bool:
    """Whether notebooks, browsers and shared documents can all hold it."""
    if isinstance(value, int):
        return -_LARGEST_INTEGER <= value < _LARGEST_INTEGER
    if isinstance(value, dict):
        return depth > 0 and all(_fits(part, depth - 1) for part in value.values())
    if isinstance(value, list):
        return depth > 0 and all(_fits(part, depth - 1) for part in value)
    return True


def _chart(raw: bytes) -> Any:
    payload = bounded_json(raw, limits.JSON)
    check_chart(payload)
    return payload


def _as_dict(value: Any) -> Json:
    if not isinstance(value, dict):
        raise LeftOut("it is no chart")
    return value


def _check_image(encoded: str, mime: str) -> None:
    """Raises LeftOut for what is not base64 of such an image, or has more pixels than a browser can hold."""
    try:
        picture = binascii.a2b_base64(encoded, strict_mode=True)
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            with Image.open(io.BytesIO(picture), formats=[_FORMATS[mime]]) as image:
                pixels = image.width * image.height
    except (ValueError, OSError, SyntaxError, Image.DecompressionBombError, Warning) as error:
        raise LeftOut("it is no such picture, or has too many pixels") from error
    if pixels > limits.IMAGE_PIXELS:
        raise LeftOut(f"it has {pixels:,} pixels")


def _without(data: Json, mime: str) -> Json:
    return {kind: value for kind, value in data.items() if kind != mime}


_KNOWN = {f"form_{number}": mime for number, mime in enumerate((*_TEXTS, "application/json", CHART, _SVG, *_FORMATS))}
_KnownForms = msgspec.defstruct(
    "_KnownForms", [(name, Raw | msgspec.UnsetType, msgspec.UNSET) for name in _KNOWN], rename=_KNOWN
)
