"""On what terms a ticket is given."""

from __future__ import annotations

from dataclasses import dataclass

from interp_bench_ext.contracts import Access


@dataclass(frozen=True, kw_only=True)
class Terms:
    """What a ticket is good for, and for whom."""

    caller: str
    """The id of a run, or what else it was given for."""
    user: str = ""
    """Whose it is, where several people share an organism."""
    weight: float = 1.0
    """Their share, against those of others."""
    access: Access = Access.BASE
    """How far its calls may look into the organism."""
    deadline: float | None = None
    """Unix time in seconds from which it opens nothing."""
    quota_s: float | None = None
    """Seconds of the model's work that it is good for."""
