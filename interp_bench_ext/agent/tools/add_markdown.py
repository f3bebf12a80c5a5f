from __future__ import annotations

from .session import Code, ToolResult, ToolSession


async def add_markdown(session: ToolSession, *, text: Code) -> ToolResult:
    """Add a Markdown cell at the end of the notebook: what you are about to test and why, or what you learned.

    Args:
        text: Markdown.
    """
    cell_id = session.state.open_cell
    if cell_id is None:
        cell_id = await session.notebook.add_markdown(text, cell_id=session.next_cell_id())
    return ToolResult.text(f"[{cell_id}: added]")
