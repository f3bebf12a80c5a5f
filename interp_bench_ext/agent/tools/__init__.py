"""The agent's tools: one verb per file."""

from __future__ import annotations

from typing import Any

from ...errors import BadInput, NotebookConflict, NotebookGone
from .add_markdown import add_markdown
from .describe_technique import describe_technique
from .edit_cell import edit_cell
from .interrupt import interrupt
from .list_techniques import list_techniques
from .note_hypothesis import note_hypothesis
from .poll_cell import poll_cell
from .read_notebook import read_notebook
from .read_output import read_output
from .restart_kernel import restart_kernel
from .run_cell import run_cell
from .schema import Tool, tool
from .session import ToolError, ToolResult, ToolSession
from .start_cell import start_cell
from .submit_findings import submit_findings
from .write_inputs import write_inputs

TOOLS: tuple[Tool, ...] = tuple(
    tool(function)
    for function in (
        run_cell,
        edit_cell,
        start_cell,
        poll_cell,
        interrupt,
        restart_kernel,
        add_markdown,
        read_notebook,
        read_output,
        list_techniques,
        describe_technique,
        write_inputs,
        note_hypothesis,
        submit_findings,
    )
)
RUN_CODE = ("run_cell", "edit_cell", "start_cell")
"""The tools that run what the agent writes, as their argument ``code``."""
RUN_TO_THE_END = ("run_cell", "edit_cell")
"""Those of them that return when the cell has ended."""
_BY_NAME = {entry.spec.name: entry for entry in TOOLS}
_NAME_SHOWN = 60

__all__ = [
    "RUN_CODE",
    "RUN_TO_THE_END",
    "TOOLS",
    "Tool",
    "ToolError",
    "ToolResult",
    "ToolSession",
    "call_tool",
    "objection",
]


async def call_tool(session: ToolSession, *, name: str, arguments: dict[str, Any]) -> ToolResult:
    """Carry out one call of the agent; what the agent did wrong comes back to it as an error result."""
    try:
        entry, checked = _checked(session, name, arguments)
        return await entry.function(session, **checked)
    except NotebookGone:
        # It ends the run: a result that says so would be there again when the run is resumed.
        raise
    except (ToolError, BadInput, NotebookConflict) as error:
        return ToolResult.text(str(error), is_error=True)


def objection(session: ToolSession, *, name: str, arguments: dict[str, Any]) -> ToolResult | None:
    """What is wrong with a call before anybody is asked about it; None where nothing is."""
    try:
        _checked(session, name, arguments)
    except ToolError as error:
        return ToolResult.text(str(error), is_error=True)
    return None


def _checked(session: ToolSession, name: str, arguments: dict[str, Any]) -> tuple[Tool, dict[str, Any]]:
    if name not in _BY_NAME:
        raise ToolError(f"there is no tool {name[:_NAME_SHOWN]!r}; there are {', '.join(_BY_NAME)}")
    if session.state.findings is not None and name != submit_findings.__name__:
        raise ToolError("the findings are recorded; the investigation has ended")
    entry = _BY_NAME[name]
    checked = entry.validated(arguments)
    if name in RUN_CODE:
        session.require_free_kernel()
    return entry, checked
