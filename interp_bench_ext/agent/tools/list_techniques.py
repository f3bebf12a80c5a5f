from __future__ import annotations

from .session import ToolResult, ToolSession


async def list_techniques(session: ToolSession) -> ToolResult:
    """List the organism's techniques: signature, access level, summary."""
    lines = [f"{spec.signature} [{spec.access}]: {spec.summary}" for spec in session.techniques.values()]
    return ToolResult.text("\n".join(lines) or "there are none")
