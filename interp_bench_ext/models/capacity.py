"""How much a model takes in and gives out, and what that costs."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import resources

from pydantic import BaseModel, ConfigDict, PositiveInt, TypeAdapter

from ..errors import BadInput
from .prices import Price, price_of

WORKING_WINDOW = 200_000
"""Tokens that a conversation may have without being asked for more: each step reads all of them again, and pays."""
UNKNOWN_WINDOW = 200_000
UNKNOWN_OUTPUT = 8_000
THINKING_BINDING_BETA = "thinking-binding-controls-2026-08-01"
"""The value of ``anthropic-beta`` that lets a request say what becomes of thinking whose past has changed."""
_DECORATION = re.compile(r"^(?:[a-z]{2,6}\.)?anthropic\.|-\d{8}\b.*$|-v\d+(?::\d+)?$|@.*$")


class ModelLimits(BaseModel):
    """Tokens that fit into a model's context window, and into one reply of it."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    window: PositiveInt
    max_output: PositiveInt


_TABLE: TypeAdapter[dict[str, ModelLimits]] = TypeAdapter(dict[str, ModelLimits])


@dataclass(frozen=True, kw_only=True)
class Capacity:
    """One model, as a run may use it."""

    model: str
    window: int
    """Tokens of the longest conversation, the reply to come included."""
    max_output: int
    """Tokens of the longest reply."""
    price: Price | None = None
    """None: what it costs is not known."""


def plain_name(model: str) -> str:
    """The model's name at Anthropic: without a date, and without what Bedrock and Vertex add to it."""
    previous = ""
    while model != previous:
        previous, model = model, _DECORATION.sub("", model)
    return model


def capacity_of(model: str, *, prices: Mapping[str, Price], context_window: int | None = None) -> Capacity:
    """What is known of ``model``; one that is not in the table gets a cautious window.

    Args:
        model: Its name, as it is sent.
        prices: The table of prices.
        context_window: Tokens that the conversation may have, instead of :data:`WORKING_WINDOW`.

    Raises:
        BadInput: The model is known to have a smaller window than ``context_window``.
    """
    text = resources.files(__package__).joinpath("models.json").read_text(encoding="utf-8")
    known = _TABLE.validate_json(text).get(plain_name(model))
    if known and context_window and context_window > known.window:
        raise BadInput(f"agent.context_window: {model} takes {known.window:,} tokens; give that or less")
    limits = known or ModelLimits(window=context_window or UNKNOWN_WINDOW, max_output=UNKNOWN_OUTPUT)
    return Capacity(
        model=model,
        window=context_window or min(limits.window, WORKING_WINDOW),
        max_output=limits.max_output,
        price=price_of(prices, model) or price_of(prices, plain_name(model)),
    )
