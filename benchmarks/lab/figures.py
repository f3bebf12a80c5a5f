"""A figure with its limit, and what a sorted list of times says."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Figure:
    """``seen`` in ``unit``, which must not be over ``limit``; one without a limit is there to be compared."""

    name: str
    seen: float
    unit: str
    limit: float | None = None
    detail: str = ""

    @property
    def missed(self) -> bool:
        return self.limit is not None and not self.seen <= self.limit

    def row(self) -> list[str]:
        """Cells of a table: name, limit, seen, detail."""
        limit = "" if self.limit is None else f"{self.limit:g} {self.unit}"
        return [self.name, limit, f"{self.seen:.{0 if self.seen >= 10 else 1}f} {self.unit}", self.detail]


def percentile(times: Collection[float], share: float) -> float:
    """The time that ``share`` of all times do not exceed; infinite where there are none."""
    ordered = sorted(times)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))] if ordered else float("inf")


def described(times: Collection[float]) -> str:
    """Number and worst of times in milliseconds."""
    return f"n = {len(times)}, worst {max(times, default=float('inf')):.0f} ms"
