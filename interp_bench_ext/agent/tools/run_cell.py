from __future__ import annotations

from .running import code_cell, describe_cell, run_and_describe
from .session import Code, TimeoutS, ToolResult, ToolSession


async def run_cell(session: ToolSession, *, code: Code, timeout_s: TimeoutS = 600) -> ToolResult:
    """Add a code cell at the end of the notebook and run it.

    Args:
        code: Python source. The last expression's value is shown; `organism` is connected.
        timeout_s: The cell is interrupted after this many seconds. For longer work there is `start_cell`.
    """
    cell_id = await code_cell(session, code)
    if session.state.cells.by_id[cell_id].status == "ok":
        return describe_cell(session, cell_id)
    return await run_and_describe(session, cell_id, timeout_s=timeout_s)
