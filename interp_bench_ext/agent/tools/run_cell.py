from __future__ import annotations

from ...errors import KernelDied
from .session import ToolResult, ToolSession, describe_outputs, describe_run


async def run_cell(session: ToolSession, *, code: str, timeout_s: int = 600) -> ToolResult:
    """Add a code cell at the end of the notebook and run it.

    Args:
        code: Python source. The last expression's value is shown; `organism` is connected.
        timeout_s: The cell is interrupted after this many seconds.
    """
    cell_id = session.state.open_cell
    if cell_id is None:
        cell_id = await session.notebook.add_code(code, cell_id=session.next_cell_id())
    else:
        finished = next(cell for cell in session.notebook.cells() if cell.cell_id == cell_id)
        if finished.status == "ok":
            return ToolResult(content=describe_outputs(f"[{cell_id}: ok]", finished.outputs))
    return await run_and_describe(session, cell_id, timeout_s=timeout_s)


async def run_and_describe(session: ToolSession, cell_id: str, *, timeout_s: int) -> ToolResult:
    """Run the cell; a kernel that dies under it is replaced, and the agent is told that its variables are gone."""
    try:
        run = await session.notebook.run_cell(cell_id, timeout_s=timeout_s)
    except KernelDied as error:
        await session.notebook.restart_kernel()
        return ToolResult.text(f"[{cell_id}: not run] {error} {_FRESH}", is_error=True)
    result = describe_run(run)
    if run.status != "kernel_died":
        return result
    await session.notebook.restart_kernel()
    return ToolResult(content=[*result.content, {"type": "text", "text": _FRESH}], is_error=True)


_FRESH = (
    "A new kernel is running and its variables are gone: run `organism = interp_bench_ext.connect()`"
    " and what you need again."
)
