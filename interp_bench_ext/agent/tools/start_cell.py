from __future__ import annotations

from ...errors import KernelDied
from .running import code_cell, describe_cell, not_run
from .session import Code, TimeoutS, ToolResult, ToolSession


async def start_cell(session: ToolSession, *, code: Code, timeout_s: TimeoutS = 3600) -> ToolResult:
    """Add a code cell at the end of the notebook and leave it running in the background, for work of many minutes.

    Returns at once with the cell's id for `poll_cell`. The kernel runs one cell at a time: meanwhile other code must
    wait, but you can read, write text cells, note hypotheses, or end it with `interrupt`.

    Args:
        code: Python source. Print progress now and then, so that polling shows how far it is.
        timeout_s: The cell is interrupted after this many seconds.
    """
    cell_id = await code_cell(session, code)
    if session.state.cells.by_id[cell_id].status == "ok":
        return describe_cell(session, cell_id)
    try:
        await session.notebook.start_cell(cell_id, timeout_s=timeout_s)
    except KernelDied:
        return await not_run(session, cell_id)
    return ToolResult.text(f'[{cell_id}: running] poll_cell(cell_id="{cell_id}") shows its outputs so far, or its end.')
