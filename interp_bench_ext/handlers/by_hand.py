"""Runs that a person leads by hand: begun, gone on with, and called one tool after the other."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from ..errors import NotNow
from .base import ServicesHandler, allowed_to

if TYPE_CHECKING:
    from ..api import CallTool, Command, ResumeRun, RunSummary, StartRun, ToolAnswer
    from ..mcp.clients import Client, Lead
    from .desk import Desk


class CallsHandler(ServicesHandler):
    """A call of somebody who goes away meanwhile is cut off, and with it the cell that it runs."""

    _calling: asyncio.Task[ToolAnswer] | None = None

    @allowed_to("execute")
    async def post(self, run: str) -> None:
        from ..api import CallTool

        desk = await self.desk()
        self._calling = asyncio.create_task(called(desk, run, self.body(CallTool)))
        try:
            self.reply(await self._calling)
        except asyncio.CancelledError:
            if not self._gone:
                raise

    _gone = False

    def on_connection_close(self) -> None:
        self._gone = True
        if self._calling is not None:
            self._calling.cancel()


async def begun(desk: Desk, asked: StartRun) -> RunSummary:
    """A new run, once it is ready for its first call. Raises NotNow where it ended before."""
    return await _opened(desk, await desk.by_hand.start(_leader(asked), asked))


async def gone_on(desk: Desk, run: str, asked: ResumeRun) -> RunSummary:
    """A run of before, once it is ready for its next call. Raises NotNow where it ended again."""
    return await _opened(desk, await desk.by_hand.resume(_leader(asked), run, asked))


async def called(desk: Desk, run: str, asked: CallTool) -> ToolAnswer:
    """What came of a call. Raises NotFound, and NotNow where nobody leads the run by hand here."""
    lead = desk.by_hand.lead_of(desk.runs.record(run).id)
    if lead is None:
        raise NotNow(f"run {run} is not led by hand here: `%interp investigate --resume {run}` goes on with it")
    if lead.provider.over:
        raise NotNow(f"run {run} has ended: `%interp investigate` begins another one")
    return await desk.by_hand.answer(lead.client, asked.name, asked.arguments)


def _leader(asked: Command) -> Client:
    """Each run is a client of its own: a person may lead several at once, each from another notebook."""
    from ..mcp.clients import Client

    return Client(key=asked.request_id, name="", leader="person")


async def _opened(desk: Desk, lead: Lead) -> RunSummary:
    await lead.provider.opened()
    if lead.provider.over and lead.provider.last is not None:
        raise NotNow(" ".join(block["text"] for block in lead.provider.last.content if block["type"] == "text"))
    return desk.runs.summary(lead.run)
