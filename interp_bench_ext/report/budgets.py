"""How much of each budget a run has used, as its report shows it."""

from __future__ import annotations

from typing import Any

from ..record.figures import Figures, Meter, amount


def budgets_view(figures: Figures) -> list[dict[str, Any]]:
    """One meter for each budget, those without a limit too."""
    return [_meter(meter) for meter in figures.meters()]


def tokens_by_kind(figures: Figures) -> str:
    """The agent's tokens in words, with the share that its provider's cache saved."""
    kind = "tokens, estimated" if figures.estimated else "tokens"
    words = f"{kind}: {amount(figures.input_tokens)} in, {amount(figures.output_tokens)} out"
    if not figures.cache_read_tokens and not figures.cache_write_tokens:
        return words
    share = f"{100 * figures.cache_read_tokens / figures.input_tokens:.0f} %" if figures.input_tokens else "none"
    written = amount(figures.cache_write_tokens)
    return f"{words}; {share} of the input read from the cache, {written} tokens written to it"


def _meter(meter: Meter) -> dict[str, Any]:
    name = meter.budget.name
    share = meter.share
    return {
        "name": name[:1].upper() + name[1:],
        "text": meter.text,
        "percent": None if share is None else round(100 * min(1.0, share), 1),
        "tone": "warn" if share is not None and share >= 0.8 else "",
    }
