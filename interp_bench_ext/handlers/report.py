"""What a run came to: its report, its score, and what that stands beside."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from tornado import web

from .base import ServicesHandler, allowed_to

if TYPE_CHECKING:
    from ..api import RunSummary
    from .services import Services


class ReportHandler(ServicesHandler):
    """The page holds what an agent wrote: it runs nothing, loads nothing, and is nobody's origin."""

    @property
    def content_security_policy(self) -> str:
        return (
            "sandbox; default-src 'none'; img-src data:; style-src 'unsafe-inline'; base-uri 'none';"
            " form-action 'none'; frame-ancestors 'self'"
        )

    @web.authenticated
    @allowed_to("read")
    async def get(self, run: str) -> None:
        from .concluding import report_page

        services = await self.services()
        record = services.runs.record(run)
        page = await asyncio.to_thread(report_page, services.runs.journal.path, record)
        self.finish(page, set_content_type="text/html; charset=UTF-8")


class ComparisonHandler(ServicesHandler):
    @web.authenticated
    @allowed_to("read")
    async def get(self, run: str) -> None:
        from ..api import RunComparison
        from .concluding import comparison

        services = await self.services()
        found = await asyncio.to_thread(comparison, services.runs.journal.path, services.runs.record(run).id)
        self.reply(RunComparison(lines=list(found.lines())))


class ScoreHandler(ServicesHandler):
    @web.authenticated
    @allowed_to("execute")
    async def post(self, run: str) -> None:
        from ..api import Command

        self.reply(await self.once(self.body(Command), lambda services: _score(services, run)))


async def _score(services: Services, run: str) -> RunSummary:
    from .concluding import score_run

    record = services.runs.record(run)
    await asyncio.to_thread(score_run, services.runs.journal.path, record, services.key)
    services.runs.feed.tell(run)
    return services.runs.summary(run)
