"""What a reply took: tokens, by what they cost."""

from __future__ import annotations

from dataclasses import dataclass


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
