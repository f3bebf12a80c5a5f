from __future__ import annotations

from .running import describe_cell, revive
from .session import ToolError, ToolResult, ToolSession

_AGAIN_S = 1.0


async def interrupt(session: ToolSession) -> ToolResult:
    """Interrupt the cell that runs in the background; the kernel and its variables stay."""
    background = session.notebook.background
    cell_id = background.running
    if cell_id is None:
        raise ToolError("no cell is running")
    while background.running == cell_id:
        await session.notebook.interrupt()
        await background.wait(timeout_s=_AGAIN_S)
    await revive(session)
    return ToolResult(content=describe_cell(session, cell_id).content)
