from __future__ import annotations

from typing import Annotated

from pydantic import Field

from .rendering import MAX_TEXT, full_text
from .session import CellId, ToolError, ToolResult, ToolSession


async def read_output(session: ToolSession, *, cell_id: CellId, offset: Annotated[int, Field(ge=0)] = 0) -> ToolResult:
    """Read on where a result says that characters of a cell's output were left out.

    Args:
        cell_id: The cell.
        offset: First character to read, as the result says it.
    """
    session.require_cell(cell_id)
    if session.state.cells.code(cell_id):
        outputs = session.notebook.outputs(cell_id)
    else:
        outputs = next(cell.outputs for cell in session.notebook.cells() if cell.cell_id == cell_id)
    text = full_text(outputs)
    if offset > 0 and offset >= len(text):
        raise ToolError(f"the output of {cell_id} has {len(text)} characters; give an offset below that")
    end = min(offset + MAX_TEXT, len(text))
    more = f"; go on with offset={end}" if end < len(text) else ""
    return ToolResult.text(f"[{cell_id}: characters {offset} to {end} of {len(text)}{more}]\n{text[offset:end]}")
