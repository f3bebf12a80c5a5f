"""What a reply costs: US dollars per million tokens, by model.

The table beside this file follows Anthropic's published prices. A user's own ``prices.json`` in the
application's configuration folder adds models to it or replaces them.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field

from ..user_tables import load_table
from .usage import Usage

DEFAULT_MODEL = "claude-opus-5-5"
"""Who investigates where neither config nor person names a model."""
_DATE = re.compile(r"-\d{8}$")


class Rates(BaseModel):
    """Dollars per million tokens of each kind."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    input: float = Field(ge=0)
    output: float = Field(ge=0)
    cache_read: float = Field(ge=0)
    cache_write: float = Field(ge=0)

    def of(self, usage: Usage) -> float:
        """Dollars for ``usage``."""
        millionths = (
            usage.input_tokens * self.input
            + usage.output_tokens * self.output
            + usage.cache_read_tokens * self.cache_read
            + usage.cache_write_tokens * self.cache_write
        )
        return millionths / 1_000_000


class LongPromptRates(Rates):
    """Rates of a request whose prompt, cached parts included, is longer than ``above_tokens``."""

    above_tokens: int = Field(ge=0)


class Price(Rates):
    """What one model costs."""

    long_prompt: LongPromptRates | None = None

    def of(self, usage: Usage) -> float:
        """Dollars for ``usage``, at the rates that its prompt's length asks for."""
        if self.long_prompt is not None and usage.prompt_tokens > self.long_prompt.above_tokens:
            return self.long_prompt.of(usage)
        return super().of(usage)

    def at_most(self, prompt_tokens: int) -> tuple[float, float]:
        """Dollars for a prompt of that many tokens if none of it is read from the cache, and for each token replied."""
        long_prompt = self.long_prompt is not None and prompt_tokens > self.long_prompt.above_tokens
        rates: Rates = self.long_prompt if long_prompt and self.long_prompt is not None else self
        return prompt_tokens * max(rates.input, rates.cache_write) / 1_000_000, rates.output / 1_000_000


def load_prices(user_file: Path | None = None) -> dict[str, Price]:
    """The shipped table with the user's own entries over it.

    Args:
        user_file: A JSON file of the same shape; the one in the configuration folder by default.

    Raises:
        BadInput: The user's file is not a table of prices.
    """
    return load_table(
        Price,
        package=__package__,
        file="prices.json",
        what="prices",
        form='each model is given as {"input": 4, "output": 20, "cache_read": 0.2, "cache_write": 5},'
        " in dollars per million tokens",
        user_file=user_file,
    )


def price_of(prices: Mapping[str, Price], model: str) -> Price | None:
    """What ``model`` costs, None where that is not known; a dated name costs what its undated name costs."""
    return prices.get(model) or prices.get(_DATE.sub("", model))
