"""Content blocks of the Messages API as MCP has them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from mcp.types import CallToolResult, ContentBlock, ImageContent, TextContent

from ..agent.tools import ToolResult


def call_result(result: ToolResult) -> CallToolResult:
    return CallToolResult(content=content_of(result.content), is_error=result.is_error)


def content_of(blocks: Sequence[dict[str, Any]]) -> list[ContentBlock]:
    """The blocks, text and images, in their order."""
    return [_one(block) for block in blocks]


def _one(block: dict[str, Any]) -> ContentBlock:
    if block["type"] == "image":
        source = block["source"]
        return ImageContent(data=source["data"], mime_type=source["media_type"])
    return TextContent(text=block["text"])
