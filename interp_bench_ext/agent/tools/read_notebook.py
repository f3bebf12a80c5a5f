from __future__ import annotations

from typing import Any

from .session import ToolResult, ToolSession, describe_outputs


async def read_notebook(session: ToolSession, *, cell_ids: tuple[str, ...] = ()) -> ToolResult:
    """Read cells with their outputs as they are now, a person's edits included.

    Args:
        cell_ids: Which cells; none means all, sources only.
    """
    for cell_id in cell_ids:
        session.require_cell(cell_id)
    content: list[dict[str, Any]] = []
    for cell in session.notebook.cells():
        if cell_ids and cell.cell_id not in cell_ids:
            continue
        content.append({"type": "text", "text": f"[{cell.cell_id}: {cell.kind}]\n{cell.source}"})
        if cell_ids and cell.kind == "code":
            content.extend(describe_outputs(f"[{cell.cell_id}: {cell.status or 'not run'}]", cell.outputs))
    return ToolResult(content=content or [{"type": "text", "text": "the notebook is empty"}])
