from __future__ import annotations

import time
from typing import Annotated

from pydantic import Field

from ...errors import KernelDied
from .running import describe_cell, not_run, revive
from .session import CellId, ToolResult, ToolSession

_LISTEN_S = 0.25
"""How long a message to the agent may go unheard while it waits for a cell."""
WaitS = Annotated[float, Field(ge=0, le=600)]


async def poll_cell(session: ToolSession, *, cell_id: CellId, wait_s: WaitS = 30) -> ToolResult:
    """How far a cell in the background has come, with its outputs so far; all of them once it has ended.

    Args:
        cell_id: The cell, as `start_cell` gave it.
        wait_s: Wait up to this many seconds for its end; a message to you ends the waiting early.
    """
    session.require_own_code(cell_id)
    try:
        await _wait(session, cell_id, wait_s)
    except KernelDied:
        return await not_run(session, cell_id)
    if session.notebook.background.running is None:
        await revive(session)
    return describe_cell(session, cell_id)


async def _wait(session: ToolSession, cell_id: str, wait_s: float) -> None:
    background, heard = session.notebook.background, session.state.messages_sent
    until = time.monotonic() + wait_s
    while background.running == cell_id and session.state.messages_sent == heard:
        left_s = until - time.monotonic()
        if left_s <= 0:
            return
        await background.wait(timeout_s=min(left_s, _LISTEN_S))
