from __future__ import annotations

from typing import Literal

from ...events import HypothesisNoted
from .session import ToolResult, ToolSession


async def note_hypothesis(
    session: ToolSession,
    *,
    claim: str,
    status: Literal["open", "supported", "refuted"],
    evidence: tuple[str, ...] = (),
    effect_size: float | None = None,
    n: int | None = None,
) -> ToolResult:
    """Put a hypothesis on the record, or change its status; refuted ones count too.

    Args:
        claim: One sentence, the same each time it is noted.
        status: open, supported or refuted.
        evidence: Ids of the cells that bear on it.
        effect_size: Share of replies with the behaviour, organism minus control.
        n: Replies behind the effect size.
    """
    for cell_id in evidence:
        session.require_cell(cell_id)
    session.emit(HypothesisNoted(claim=claim, status=status, evidence=list(evidence), effect_size=effect_size, n=n))
    return ToolResult.text("noted")
