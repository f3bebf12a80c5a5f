"""The agent's tools in MCP's words: what they are, which arguments count, and what came of a call."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from typing import Any

import anyio
from mcp.server import ServerRequestContext
from mcp.types import CallToolResult, ContentBlock, ImageContent, TextContent, Tool, ToolAnnotations

from .tools import Tool as AgentTool
from .tools import ToolResult

Context = ServerRequestContext[Any, Any]
_NAME_SHOWN, _NAMES_SHOWN = 60, 5
_REPORT_EVERY_S = 0.5
STILL_THERE_S = 15.0
"""Clients give up on calls of which they hear nothing for long."""
READS = (
    *("list_configs", "run_status", "read_notebook", "read_output", "poll_cell"),
    *("list_techniques", "describe_technique"),
)


def described(entry: AgentTool) -> Tool:
    """The tool for a client's list."""
    return Tool(
        name=entry.spec.name,
        description=entry.spec.description,
        input_schema=entry.spec.input_schema,
        annotations=_annotations(entry.spec.name),
    )


def _annotations(name: str) -> ToolAnnotations:
    """What clients decide by whether to ask: every tool works in the run's own notebook, whose kernel is confined."""
    return ToolAnnotations(read_only_hint=name in READS, destructive_hint=False, open_world_hint=False)


def understood(tool: AgentTool, given: dict[str, Any]) -> tuple[dict[str, Any], str]:
    """The arguments without those that a client has added of its own, and a line that says so."""
    strange = tool.strange(given)
    kept = {name: value for name, value in given.items() if name not in strange}
    shown = ", ".join(name[:_NAME_SHOWN] for name in strange[:_NAMES_SHOWN])
    return kept, f"[{tool.spec.name} takes no {shown}: left out]" if strange else ""


async def report(context: Context, news: Callable[[float], Awaitable[str]]) -> None:
    """Send progress, where the client asked for it, until cancelled.

    Args:
        context: The call's.
        news: Returns what goes on as soon as that is worth telling, given since when (monotonic time) it does.
    """
    number, began = 0, time.monotonic()
    try:
        while True:
            message = await news(began)
            number += 1
            await context.session.report_progress(number, message=message)
            await anyio.sleep(_REPORT_EVERY_S)
    except (anyio.BrokenResourceError, anyio.ClosedResourceError):
        pass  # the client has gone


def call_result(result: ToolResult) -> CallToolResult:
    """Text and images in their order. A cell that has failed says so in its text; clients drop an error's images."""
    content = [_block(block) for block in result.content]
    shows = any(block.type == "image" for block in content)
    return CallToolResult(content=content, is_error=result.is_error and not shows)


def _block(block: dict[str, Any]) -> ContentBlock:
    if block["type"] == "image":
        from .images import sendable  # a server starts without it

        block = sendable(block)
    if block["type"] == "image":
        source = block["source"]
        return ImageContent(data=source["data"], mime_type=source["media_type"])
    return TextContent(text=block["text"])
