"""Numbers as a person reads them."""

from __future__ import annotations

import time


def count(n: int, noun: str) -> str:
    """``n`` and its noun: ``1 cell``, ``2 cells``."""
    return f"{n} {noun}" if n == 1 else f"{n} {noun}s"


def number(value: float) -> str:
    """At most two decimals, thousands set apart: ``12 400``, ``0.31``."""
    text = f"{value:,.2f}".rstrip("0").rstrip(".") if value % 1 else f"{value:,.0f}"
    return text.replace(",", "\u202f")


def duration(seconds: float) -> str:
    """For example ``0.4 s``, ``12 s``, ``3 min 05 s``, ``2 h 07 min``."""
    if seconds < 10:
        return f"{max(0.0, seconds):.1f} s"
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02d} s"
    return f"{whole // 3600} h {whole % 3600 // 60:02d} min"


def moment(at: float) -> str:
    """A unix time as date and time in UTC."""
    return time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime(at))


def cost(usd: float | None) -> str:
    """Dollars; small sums keep enough digits to be told from nothing."""
    if usd is None:
        return "not known"
    return f"${usd:.2f}" if usd >= 0.1 or usd == 0 else f"${usd:.4f}"


def effect(size: float | None) -> str:
    """A difference of shares in points, with its sign: ``+62 points``."""
    if size is None:
        return ""
    points = f"{100 * size:+.0f}".replace("-", "\u2212")
    return f"{points} {'point' if points[1:] == '1' else 'points'}"
