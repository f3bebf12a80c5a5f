"""What a run came to: its report, its score, and what that stands beside."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from ..errors import NotNow
from .base import ServicesHandler, allowed_to

if TYPE_CHECKING:
    from ..api import RunSummary
    from ..record.journal import RunRecord
    from .desk import Desk


class ReportHandler(ServicesHandler):
    """The page holds what an agent wrote: it runs nothing, loads nothing, and is nobody's origin."""

    @property
    def content_security_policy(self) -> str:
        return (
            "sandbox; default-src 'none'; img-src data:; style-src 'unsafe-inline'; base-uri 'none';"
            " form-action 'none'; frame-ancestors 'self'"
        )

    @allowed_to("read")
    async def get(self, run: str) -> None:
        from .concluding import report_page

        desk = await self.desk()
        record = desk.runs.record(run)
        at = "report/revealed" if desk.reveals else ""
        page = await asyncio.to_thread(report_page, desk.runs.journal.path, record, revealed_at=at)
        self.finish(page, set_content_type="text/html; charset=UTF-8")


class RevealedReportHandler(ReportHandler):
    """The same page with the ground truth, for a person who has asked for it."""

    @allowed_to("execute")
    async def get(self, run: str) -> None:
        from .concluding import revealed_page

        desk = await self.desk()
        page = await asyncio.to_thread(revealed_page, desk.runs.journal.path, _open_to_persons(desk, run))
        self.finish(page, set_content_type="text/html; charset=UTF-8")


class RevealHandler(ServicesHandler):
    @allowed_to("execute")
    async def get(self, run: str) -> None:
        from .concluding import reveal

        desk = await self.desk()
        self.reply(await asyncio.to_thread(reveal, desk.runs.journal.path, _open_to_persons(desk, run)))


class ComparisonHandler(ServicesHandler):
    @allowed_to("read")
    async def get(self, run: str) -> None:
        from ..api import RunComparison
        from .concluding import comparison

        desk = await self.desk()
        found = await asyncio.to_thread(comparison, desk.runs.journal.path, desk.runs.record(run).id)
        self.reply(RunComparison(lines=list(found.lines())))


class ScoreHandler(ServicesHandler):
    @allowed_to("execute")
    async def post(self, run: str) -> None:
        from ..api import Command

        await self.command(Command, lambda desk, _asked: _score(desk, run))


def _open_to_persons(desk: Desk, run: str) -> RunRecord:
    """The run. Raises NotNow where the administrator lets nobody see what a run looked for."""
    if not desk.reveals:
        raise NotNow("the administrator keeps the ground truth of all runs sealed")
    return desk.runs.record(run)


async def _score(desk: Desk, run: str) -> RunSummary:
    from .concluding import score_run

    await desk.runs.closed(run)
    record = desk.runs.record(run)
    await asyncio.to_thread(score_run, desk.runs.journal.path, record, desk.runs.services.key)
    desk.runs.feed.tell(run)
    return desk.runs.summary(run)
