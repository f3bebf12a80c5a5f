from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

from pydantic import Field

from ...notebook.backend import CellView
from ...record.event import JsonDict
from .rendering import MAX_TEXT, Images, clip, clipped, fair_shares
from .session import CellId, ToolResult, ToolSession

_MAX_SOURCES = 40_000
"""Characters of source in one result."""
_LEAST = 200
CellIds = Annotated[tuple[CellId, ...], Field(max_length=50)]


async def read_notebook(session: ToolSession, *, cell_ids: CellIds = ()) -> ToolResult:
    """Read cells with their outputs as they are at this moment, a person's edits included.

    Args:
        cell_ids: Which cells; none means all, sources only.
    """
    await session.notebook.refresh()
    for cell_id in cell_ids:
        session.require_cell(cell_id)
    cells = [cell for cell in session.notebook.cells() if not cell_ids or cell.cell_id in cell_ids]
    if not cells:
        return ToolResult.text("the notebook is empty")
    images = Images()
    shares = fair_shares([len(cell.source) for cell in cells], _MAX_SOURCES)
    each = max(MAX_TEXT // len(cells), _LEAST)
    texts = []
    for cell, share in zip(cells, shares, strict=True):
        texts.append(f"[{cell.cell_id}: {cell.kind}]\n{clip(cell.source, share)}")
        if cell_ids and cell.kind == "code":
            texts.append(_outputs(cell, _recorded(session, cell), each, images))
    return ToolResult(content=[*({"type": "text", "text": text} for text in texts), *images.blocks])


def _recorded(session: ToolSession, cell: CellView) -> Sequence[JsonDict]:
    """The outputs of the run's own cells as they were recorded: what is in the document, a browser may have written.

    Of other people's cells there is the document alone. A browser that draws a chart there puts a picture beside it,
    drawn with its person's rights.
    """
    if session.state.cells.code(cell.cell_id):
        return session.notebook.outputs(cell.cell_id)
    return [_undrawn(output) for output in cell.outputs]


def _undrawn(output: JsonDict) -> JsonDict:
    data = output.get("data", {})
    if not any(mime.startswith("application/") for mime in data):
        return output
    return {**output, "data": {mime: form for mime, form in data.items() if not mime.startswith("image/")}}


def _outputs(cell: CellView, outputs: Sequence[JsonDict], limit: int, images: Images) -> str:
    left_out = images.take(cell.cell_id, outputs)
    state = cell.status or ("not run" if cell.own else "somebody else's")
    lines = [f"[{cell.cell_id}: {state}]", clipped(cell.cell_id, outputs, limit), left_out]
    return "\n".join(line for line in lines if line)
