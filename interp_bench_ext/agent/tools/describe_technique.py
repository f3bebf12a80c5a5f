from __future__ import annotations

import difflib

from .session import ToolError, ToolResult, ToolSession


async def describe_technique(session: ToolSession, *, name: str) -> ToolResult:
    """The whole documentation of one technique.

    Args:
        name: The technique, such as `prefill_attack`.
    """
    spec = session.techniques.get(name)
    if spec is None:
        near = difflib.get_close_matches(name, session.techniques, n=1)
        hint = f"did you mean {near[0]}?" if near else f"there are {', '.join(session.techniques)}"
        raise ToolError(f"there is no technique {name!r}; {hint}")
    return ToolResult.text(f"organism.{spec.signature} [{spec.access}]\n\n{spec.doc}")
