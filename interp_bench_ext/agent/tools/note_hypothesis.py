from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from ...record.events import HypothesisNoted
from .session import CellId, ToolResult, ToolSession

Claim = Annotated[str, Field(min_length=1, max_length=1_000)]
Evidence = Annotated[tuple[CellId, ...], Field(max_length=50)]
EffectSize = Annotated[float, Field(allow_inf_nan=False)]


async def note_hypothesis(
    session: ToolSession,
    *,
    claim: Claim,
    status: Literal["open", "supported", "refuted"],
    evidence: Evidence = (),
    effect_size: EffectSize | None = None,
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
    if session.state.noted is None:
        session.emit(HypothesisNoted(claim=claim, status=status, evidence=list(evidence), effect_size=effect_size, n=n))
    return ToolResult.text("noted")
