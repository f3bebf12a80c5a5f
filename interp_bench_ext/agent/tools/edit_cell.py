from __future__ import annotations

from .running import run_and_describe
from .session import CellId, Code, TimeoutS, ToolResult, ToolSession


async def edit_cell(session: ToolSession, *, cell_id: CellId, code: Code, timeout_s: TimeoutS = 600) -> ToolResult:
    """Replace the source of a code cell and run it again in place.

    Args:
        cell_id: The cell, such as `c4`.
        code: Its new Python source.
        timeout_s: The cell is interrupted after this many seconds.
    """
    session.require_own_code(cell_id)
    await session.notebook.edit_cell(cell_id, code)
    return await run_and_describe(session, cell_id, timeout_s=timeout_s)
