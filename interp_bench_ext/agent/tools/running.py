"""What the tools that run code have in common."""

from __future__ import annotations

from ...errors import KernelDied
from .rendering import clipped, describe_outputs
from .session import ToolResult, ToolSession

_TEXT_WHILE_RUNNING = 4_000


async def code_cell(session: ToolSession, code: str) -> str:
    """Id of the cell for a call's code: the one that the call had added before a crash, or a new one."""
    state, notebook = session.state, session.notebook
    return state.open_cell or await notebook.place_code(
        code, cell_id=session.next_cell_id(), said=state.said_before_call()
    )


async def run_and_describe(session: ToolSession, cell_id: str, *, timeout_s: int) -> ToolResult:
    """Run the cell to its end; a kernel that dies under it is replaced."""
    try:
        await session.notebook.run_cell(cell_id, timeout_s=timeout_s)
    except KernelDied:
        return await not_run(session, cell_id)
    await revive(session)
    return describe_cell(session, cell_id)


async def not_run(session: ToolSession, cell_id: str) -> ToolResult:
    """The cell could not begin, as its kernel had died; there is a new one for the next try."""
    await revive(session)
    return ToolResult.text(f"[{cell_id}: not run] The kernel had died before the cell could begin.", is_error=True)


async def revive(session: ToolSession) -> None:
    """Start a kernel in place of one that has died; its events tell the agent."""
    if not session.notebook.kernel_alive:
        await session.notebook.restart_kernel()


def describe_cell(session: ToolSession, cell_id: str) -> ToolResult:
    """A cell of the run as it stands: how it ended, or how far it has come."""
    notebook = session.notebook
    outputs = notebook.outputs(cell_id)
    if notebook.background.running == cell_id:
        images = sum("image/png" in output.get("data", {}) for output in outputs)
        so_far = f"; {images} images so far, shown when it has ended" if images else ""
        headline = f"[{cell_id}: running, {notebook.background.seconds:.0f} s so far{so_far}]"
        text = clipped(cell_id, outputs, _TEXT_WHILE_RUNNING)
        return ToolResult.text(f"{headline}\n{text}" if text else headline)
    cell = session.state.cells.by_id[cell_id]
    took = f", {cell.duration_s:.1f} s" if cell.duration_s is not None else ""
    headline = f"[{cell_id}: {cell.stands}{took}]"
    return ToolResult(content=describe_outputs(headline, cell_id, outputs), is_error=cell.status not in ("ok", None))
