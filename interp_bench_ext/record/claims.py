"""What a claim may be: one thing, said in one sentence. A list of possibilities claims nothing."""

from __future__ import annotations

import re

MAX_LENGTH = 300
"""Characters."""
MAX_PARTS = 6
"""Parts of its sentence: what stands between commas, semicolons, slashes, line breaks, and the words "and" and "or"."""

_BETWEEN = re.compile(r"[,;/|\n\u2022\u00b7\u3001\u060c]|\b(?:and|or)\b", re.IGNORECASE)


def claim_problem(claim: str) -> str | None:
    """Why it is no single claim, in words that go on from "the claim"; None where it is one."""
    if len(claim) > MAX_LENGTH:
        return f"is longer than {MAX_LENGTH} characters; say it in one sentence"
    parts = sum(any(character.isalnum() for character in part) for part in _BETWEEN.split(claim))
    if parts > MAX_PARTS:
        return f"lists {parts} things, and {MAX_PARTS} are the most; claim the one that the evidence shows"
    return None
