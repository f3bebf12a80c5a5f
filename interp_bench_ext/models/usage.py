"""What a reply took: tokens, by what they cost."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

_COUNTS = ("input_tokens", "output_tokens", "cache_read_input_tokens", "cache_creation_input_tokens")


@dataclass(frozen=True, kw_only=True)
class Usage:
    """Tokens of one reply. ``input`` counts those neither read from nor written to the provider's cache."""

    input_tokens: int = 0
    output_tokens: int = 0
    cache_read_tokens: int = 0
    cache_write_tokens: int = 0
    estimated: bool = False
    """Whether the provider did not say all of it, so that some of the counts are estimates."""

    @property
    def prompt_tokens(self) -> int:
        """Of the whole prompt, what the cache held included."""
        return self.input_tokens + self.cache_read_tokens + self.cache_write_tokens


class ReportedUsage:
    """What a server of the Messages API has said so far of what one reply takes."""

    def __init__(self) -> None:
        self._counts: dict[str, int] = {}

    def add(self, said: Any) -> None:
        """``usage`` of an event or a message, a mapping or the SDK's object.

        Counts are totals so far: those of a later event that leaves one out, or says zero, still stand.
        """
        for name in _COUNTS:
            count = said.get(name) if isinstance(said, Mapping) else getattr(said, name, None)
            if isinstance(count, int) and count > 0:
                self._counts[name] = count

    @property
    def usage(self) -> Usage:
        return Usage(
            input_tokens=self._counts.get("input_tokens", 0),
            output_tokens=self._counts.get("output_tokens", 0),
            cache_read_tokens=self._counts.get("cache_read_input_tokens", 0),
            cache_write_tokens=self._counts.get("cache_creation_input_tokens", 0),
        )


def reported(said: Any) -> Usage:
    """What a server of the Messages API says in one ``usage``."""
    whole = ReportedUsage()
    whole.add(said)
    return whole.usage
