"""Runs: listed, started, deleted, and told what to do."""

from __future__ import annotations

from collections.abc import Coroutine
from typing import TYPE_CHECKING, Any

from tornado import web

from .base import ServicesHandler, allowed_to

if TYPE_CHECKING:
    from ..api import ResumeRun, RunSummary, StartRun
    from .desk import Desk


class RunsHandler(ServicesHandler):
    @web.authenticated
    @allowed_to("read")
    async def get(self) -> None:
        desk = await self.desk()
        self.reply(await desk.runs.summaries())

    @web.authenticated
    @allowed_to("execute")
    async def post(self) -> None:
        from ..api import StartRun

        asked = self.body(StartRun)
        self.reply(await self.once(asked, lambda desk: _started(desk, asked)), status=201)


async def _started(desk: Desk, asked: StartRun) -> RunSummary:
    from .by_hand import begun

    return await begun(desk, asked) if asked.provider == "person" else await desk.runs.start(asked)


async def _resumed(desk: Desk, run: str, asked: ResumeRun) -> RunSummary:
    from .by_hand import gone_on

    by_hand = desk.runs.summary(run).agent == "person"
    return await gone_on(desk, run, asked) if by_hand else await desk.runs.resume(run, asked)


class RunHandler(ServicesHandler):
    @web.authenticated
    @allowed_to("read")
    async def get(self, run: str) -> None:
        desk = await self.desk()
        self.reply(desk.runs.summary(run))

    @web.authenticated
    @allowed_to("write")
    async def delete(self, run: str) -> None:
        desk = await self.desk()
        await desk.runs.delete(run)
        self.set_status(204)


class CommandHandler(ServicesHandler):
    """What a run is told to do without a further word."""

    @web.authenticated
    @allowed_to("execute")
    async def post(self, run: str, command: str) -> None:
        from ..api import Command

        def told(desk: Desk) -> Coroutine[Any, Any, RunSummary]:
            runs = desk.runs
            return {"pause": runs.pause, "unpause": runs.unpause, "stop": runs.stop}[command](run)

        self.reply(await self.once(self.body(Command), told))


class ResumeHandler(ServicesHandler):
    @web.authenticated
    @allowed_to("execute")
    async def post(self, run: str) -> None:
        from ..api import ResumeRun

        asked = self.body(ResumeRun)
        self.reply(await self.once(asked, lambda desk: _resumed(desk, run, asked)))


class ForkHandler(ServicesHandler):
    @web.authenticated
    @allowed_to("execute")
    async def post(self, run: str) -> None:
        from ..api import ForkRun

        asked = self.body(ForkRun)
        self.reply(await self.once(asked, lambda desk: desk.runs.fork(run, asked)), status=201)


class MessagesHandler(ServicesHandler):
    @web.authenticated
    @allowed_to("execute")
    async def post(self, run: str) -> None:
        from ..api import SendMessage

        asked = self.body(SendMessage)
        self.reply(await self.once(asked, lambda desk: desk.runs.tell(run, asked.text)))


class ApprovalsHandler(ServicesHandler):
    @web.authenticated
    @allowed_to("execute")
    async def post(self, run: str) -> None:
        from ..api import AnswerApproval

        asked = self.body(AnswerApproval)
        self.reply(await self.once(asked, lambda desk: desk.runs.answer(run, asked)))


class AgentHandler(ServicesHandler):
    @web.authenticated
    @allowed_to("execute")
    async def post(self, run: str) -> None:
        from ..api import ChangeAgent

        asked = self.body(ChangeAgent)
        self.reply(await self.once(asked, lambda desk: desk.runs.choose(run, asked)))
