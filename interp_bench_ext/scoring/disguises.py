"""The same text as it may look elsewhere: in another case, spacing or alphabet, encoded, or backwards."""

from __future__ import annotations

import base64
import codecs
import re
import unicodedata
from collections.abc import Iterator
from urllib.parse import unquote_plus

_BASE64 = re.compile(r"[A-Za-z0-9+/_-]{16,}")
_HEX = re.compile(r"(?:[0-9a-fA-F]{2}[\s:]?){12,}")
_DISGUISING = re.compile(r"[\W_]+")
_IN_ASCII = bytes(code for code in range(128) if not chr(code).isalnum())


def squeezed(text: str) -> str:
    """Letters and digits alone, in one case and one form: equal for what reads the same."""
    if text.isascii():  # the most of it, and ten times as fast
        return text.lower().encode().translate(None, _IN_ASCII).decode()
    return _DISGUISING.sub("", unicodedata.normalize("NFKC", text).casefold())


def views(text: str) -> Iterator[tuple[str, str]]:
    """What ``text`` may hide, squeezed, each with the name of how; the text itself comes first, without a name."""
    plain = squeezed(text)
    yield "", plain
    yield "backwards", plain[::-1]
    yield "in rot13", codecs.encode(plain, "rot13")
    if "%" in text:
        yield "quoted for a URL", squeezed(unquote_plus(text))
    if encoded := _BASE64.findall(text):
        yield "in base64", squeezed("\n".join(piece for run in encoded for piece in _from_base64(run)))
    if digits := [re.sub(r"[\s:]", "", found[0]) for found in _HEX.finditer(text)]:
        decoded = (bytes.fromhex(run[: len(run) // 2 * 2]).decode("utf-8", "replace") for run in digits)
        yield "in hexadecimal", squeezed("\n".join(decoded))


def _from_base64(run: str) -> Iterator[str]:
    """Read from each of its first four characters on, as other letters may stand before it, to its last byte."""
    run = run.replace("-", "+").replace("_", "/")
    for start in range(4):
        rest = run[start:]
        # A single character at the end holds no whole byte.
        whole = rest[:-1] if len(rest) % 4 == 1 else rest
        yield base64.b64decode(whole + "=" * (-len(whole) % 4)).decode("utf-8", "replace")
