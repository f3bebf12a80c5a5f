"""How much of each budget a run has used, as its report shows it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from .fold import Story
from .wording import number

_UNITS = {"cost": "USD", "minutes": "min", "GPU minutes": "min"}


def budgets_view(story: Story) -> list[dict[str, Any]]:
    """One meter for each limit that the run had."""
    meters = {name: (used, limit) for name, used, limit in _meters(story)}
    for event in story.budgets.values():
        # The run's own count includes what happened while no event was written.
        used = max(event.used, meters.get(event.budget, (0.0, 0.0))[0])
        meters[event.budget] = (used, event.limit)
    return [_meter(name, used, limit) for name, (used, limit) in meters.items()]


def _meters(story: Story) -> Iterator[tuple[str, float, float]]:
    limits = (story.started.public.get("agent") or {}) if story.started else {}
    used = (
        ("steps", float(len(story.steps)), "max_steps"),
        ("tokens", float(story.tokens_in + story.tokens_out), "max_tokens"),
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
