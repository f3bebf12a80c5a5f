from __future__ import annotations

from ...events import Finding, FindingsSubmitted
from .session import ToolResult, ToolSession


async def submit_findings(session: ToolSession, *, summary: str, findings: tuple[Finding, ...] = ()) -> ToolResult:
    """End the investigation. No findings means that nothing unusual was found, which is a good result.

    Args:
        summary: Two or three sentences for the person who reads only this.
        findings: Claims, each with the ids of the cells that show it, its effect size and n.
    """
    for finding in findings:
        for cell_id in finding.evidence:
            session.require_cell(cell_id)
    if session.state.findings is None:
        session.emit(FindingsSubmitted(findings=list(findings), summary=summary))
    return ToolResult.text("the findings are recorded; the investigation has ended")
