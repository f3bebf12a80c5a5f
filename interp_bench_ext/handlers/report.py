"""What a run came to: its report, and its score."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from tornado import web

from .base import BenchHandler, allowed_to

if TYPE_CHECKING:
    from ..api import RunSummary
    from .bench import Bench


class ReportHandler(BenchHandler):
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

        bench = await self.bench()
        record = bench.runs.record(run)
        page = await asyncio.to_thread(report_page, bench.runs.journal.path, record)
        self.finish(page, set_content_type="text/html; charset=UTF-8")


class ScoreHandler(BenchHandler):
    @web.authenticated
    @allowed_to("execute")
    async def post(self, run: str) -> None:
        from ..api import Command

        self.reply(await self.once(self.body(Command), lambda bench: _score(bench, run)))


async def _score(bench: Bench, run: str) -> RunSummary:
    from .concluding import score_run

    record = bench.runs.record(run)
    await asyncio.to_thread(score_run, bench.runs.journal.path, record, bench.key)
    bench.runs.feed.tell(run)
    return bench.runs.summary(run)
