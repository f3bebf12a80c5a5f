"""How much of each budget a run has used, as its report shows it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from .fold import Story
from .formats import number

_UNITS = {"cost": "USD", "minutes": "min", "GPU minutes": "min"}


def budgets_view(story: Story) -> list[dict[str, Any]]:
    """One meter for each limit that the run had."""
    meters = {name: (used, limit) for name, used, limit in _meters(story)}
    for event in story.budgets.values():
        # The run's own count includes what happened while no event was written.
        used = max(event.used, meters.get(event.budget, (0.0, 0.0))[0])
        meters[event.budget] = (used, event.limit)
    return [_meter(name, used, limit) for name, (used, limit) in meters.items()]


def tokens_by_kind(story: Story) -> str:
    """The agent's tokens in words, with the share that its provider's cache saved."""
    words = f"tokens: {number(story.tokens_in)} in, {number(story.tokens_out)} out"
    if not story.cache_read and not story.cache_written:
        return words
    share = f"{100 * story.cache_read / story.tokens_in:.0f} %" if story.tokens_in else "none"
    return f"{words}; {share} of the input read from the cache, {number(story.cache_written)} tokens written to it"


def _meters(story: Story) -> Iterator[tuple[str, float, float]]:
    limits = (story.started.public.get("agent") or {}) if story.started else {}
    used = (
        ("steps", float(len(story.steps)), "max_steps"),
        ("tokens", float(story.tokens_in + story.tokens_out), "max_tokens"),
        ("input tokens", float(story.tokens_in - story.cache_read), "max_input_tokens"),
        ("cached tokens", float(story.cache_read), "max_cached_tokens"),
        ("output tokens", float(story.tokens_out), "max_output_tokens"),
        ("cost", story.cost_usd, "max_cost_usd"),
        ("minutes", story.active_s / 60, "max_minutes"),
        ("GPU minutes", story.organism_s / 60, "max_gpu_minutes"),
    )
    for name, amount, key in used:
        limit = limits.get(key)
        if isinstance(limit, int | float) and amount is not None:
            yield name, amount, float(limit)


def _meter(name: str, used: float, limit: float) -> dict[str, Any]:
    share = used / limit if limit else 1.0
    return {
        "name": name[:1].upper() + name[1:],
        "used": number(used),
        "limit": f"{number(limit)} {_UNITS.get(name, '')}".strip(),
        "percent": round(100 * min(1.0, max(0.0, share)), 1),
        "tone": "warn" if share >= 0.8 else "",
    }
