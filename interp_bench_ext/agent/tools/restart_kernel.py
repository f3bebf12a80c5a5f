from __future__ import annotations

from .session import ToolResult, ToolSession


async def restart_kernel(session: ToolSession) -> ToolResult:
    """Put a new kernel in the place of the old one: a running cell is interrupted, all variables are gone."""
    await session.notebook.restart_kernel()
    return ToolResult.text("[the kernel was restarted]")
