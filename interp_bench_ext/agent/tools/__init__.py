"""The agent's tools: one verb per file."""

from __future__ import annotations

from typing import Any

from ...errors import BadInput, NotebookConflict
from .add_markdown import add_markdown
from .describe_technique import describe_technique
from .edit_cell import edit_cell
from .list_techniques import list_techniques
from .note_hypothesis import note_hypothesis
from .read_notebook import read_notebook
from .run_cell import run_cell
from .schema import Tool, tool
from .session import ToolError, ToolResult, ToolSession
from .submit_findings import submit_findings

TOOLS: tuple[Tool, ...] = tuple(
    tool(function)
    for function in (
        run_cell,
        edit_cell,
        add_markdown,
        read_notebook,
        list_techniques,
        describe_technique,
        note_hypothesis,
        submit_findings,
    )
)
_BY_NAME = {entry.spec.name: entry for entry in TOOLS}

__all__ = ["TOOLS", "Tool", "ToolError", "ToolResult", "ToolSession", "call_tool"]


async def call_tool(session: ToolSession, *, name: str, arguments: dict[str, Any]) -> ToolResult:
    """Carry out one call of the agent; what the agent did wrong comes back to it as an error result."""
    try:
        if name not in _BY_NAME:
            raise ToolError(f"there is no tool {name!r}; there are {', '.join(_BY_NAME)}")
        entry = _BY_NAME[name]
        return await entry.function(session, **entry.validated(arguments))
    except (ToolError, BadInput, NotebookConflict) as error:
        return ToolResult.text(str(error), is_error=True)
