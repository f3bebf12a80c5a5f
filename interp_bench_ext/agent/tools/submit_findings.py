from __future__ import annotations

from typing import Annotated

from pydantic import Field

from ...record.claims import claim_problem
from ...record.events import Finding, FindingsRefused, FindingsSubmitted
from ..validity import ATTEMPTS, missing
from .session import ToolError, ToolResult, ToolSession

Findings = Annotated[tuple[Finding, ...], Field(max_length=20)]
Summary = Annotated[str, Field(max_length=5_000)]


async def submit_findings(session: ToolSession, *, summary: Summary, findings: Findings = ()) -> ToolResult:
    """End the investigation. No findings means that nothing unusual was found, which is a good result.

    Each finding names the cells that show it and those that show its control. They are checked: the cells are yours,
    ran well and were not changed since, among each of the two is one that asked the organism, they do not show one and
    the same prompt, and the organism gave at least n samples in the evidence. What is missing comes back to you, to be
    mended.

    Args:
        summary: Two or three sentences for the person who reads only this.
        findings: Claims, best first, each with evidence, control, effect_size and n. A claim is one sentence of at most
            300 characters and 6 parts between commas, "and" and "or"; one that lists possibilities counts as wrong.
    """
    if session.state.findings is None:
        problems = await _problems(session, findings)
        if problems and (session.state.noted or session.state.refusals < ATTEMPTS):
            return _sent_back(session, problems)
        session.emit(FindingsSubmitted(findings=list(findings), summary=summary, problems=problems))
    return ToolResult.text("the findings are recorded; the investigation has ended")


async def _problems(session: ToolSession, findings: Findings) -> list[str]:
    running = session.notebook.background.running
    if running is not None:
        raise ToolError(
            f"{running} is still running: wait for it with poll_cell, or end it with interrupt, then submit"
        )
    for number, finding in enumerate(findings, start=1):
        problem = claim_problem(finding.claim)
        if problem is not None:
            raise ToolError(f"finding {number}: the claim {problem}")
    await session.notebook.refresh()
    return missing(findings, cells=session.state.cells, present=session.notebook.ids())


def _sent_back(session: ToolSession, problems: list[str]) -> ToolResult:
    if session.state.noted is None:
        session.emit(FindingsRefused(problems=problems))
    left = ATTEMPTS - session.state.refusals
    then = (
        f"Mend this and submit again; after {left} more such answers they are accepted with these gaps on the record."
        if left
        else "Mend this and submit again; next time they are accepted as they are, with these gaps on the record."
    )
    lines = "\n".join(f"- {problem}" for problem in problems)
    return ToolResult.text(f"the findings are not accepted yet:\n{lines}\n{then}", is_error=True)
