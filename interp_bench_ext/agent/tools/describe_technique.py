from __future__ import annotations

from typing import Annotated

from pydantic import Field

from ...wrong_input import nearest
from .session import ToolError, ToolResult, ToolSession

Name = Annotated[str, Field(max_length=100)]


async def describe_technique(session: ToolSession, *, name: Name) -> ToolResult:
    """The whole documentation of one technique.

    Args:
        name: The technique, such as `prefill_attack`.
    """
    spec = session.techniques.get(name)
    if spec is None:
        raise ToolError(f"there is no technique {name!r}{nearest(name, session.techniques)}")
    return ToolResult.text(f"organism.{spec.signature} [{spec.access}]\n\n{spec.doc}")
