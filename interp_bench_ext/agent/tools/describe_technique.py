from __future__ import annotations

import difflib
from typing import Annotated

from pydantic import Field

from .session import ToolError, ToolResult, ToolSession

Name = Annotated[str, Field(max_length=100)]


async def describe_technique(session: ToolSession, *, name: Name) -> ToolResult:
    """The whole documentation of one technique.

    Args:
        name: The technique, such as `prefill_attack`.
    """
    spec = session.techniques.get(name)
    if spec is None:
        near = difflib.get_close_matches(name, session.techniques, n=1)
        hint = f"did you mean {near[0]}?" if near else f"there are {', '.join(session.techniques) or 'none'}"
        raise ToolError(f"there is no technique {name!r}; {hint}")
    return ToolResult.text(f"organism.{spec.signature} [{spec.access}]\n\n{spec.doc}")
