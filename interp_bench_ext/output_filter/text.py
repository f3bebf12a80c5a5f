"""Text as it can be saved and sent, and what is said where some of it was left out."""

from __future__ import annotations


def clean_text(text: str) -> str:
    """``text`` without lone surrogates, which can be neither saved nor sent."""
    return text if text.isascii() else text.encode("utf-8", "replace").decode("utf-8")


def shorten(text: str, limit: int) -> str:
    """Beginning and end of ``text`` with a one-line note between when it is longer than ``limit``."""
    if len(text) <= limit:
        return text
    half = limit // 2
    return text[:half] + left_out(len(text) - 2 * half) + text[-half:]


def left_out(characters: int) -> str:
    """The note that stands where text was left out."""
    return f"\n[… {size(characters)} of output left out here …]\n"


def size(count: int) -> str:
    """A count of characters or bytes for people."""
    for unit, scale in (("MB", 10**6), ("kB", 10**3)):
        if count >= scale:
            return f"{count / scale:.1f} {unit}"
    return f"{count} bytes"
