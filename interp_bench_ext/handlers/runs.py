"""Runs: listed, started, deleted, and told what to do."""

from __future__ import annotations

from collections.abc import Coroutine
from typing import TYPE_CHECKING, Any

from .base import ServicesHandler, allowed_to

if TYPE_CHECKING:
    from ..api import ResumeRun, RunSummary, StartRun
    from .desk import Desk


class RunsHandler(ServicesHandler):
    @allowed_to("read")
    async def get(self) -> None:
        desk = await self.desk()
        self.reply(await desk.runs.summaries())

    @allowed_to("execute")
    async def post(self) -> None:
        from ..api import StartRun

        await self.command(StartRun, lambda desk, asked: _started(desk, asked), status=201)


async def _started(desk: Desk, asked: StartRun) -> RunSummary:
    from .by_hand import begun

    return await begun(desk, asked) if asked.provider == "person" else await desk.runs.start(asked)


async def _resumed(desk: Desk, run: str, asked: ResumeRun) -> RunSummary:
    from .by_hand import gone_on

    by_hand = desk.runs.summary(run).agent == "person"
    return await gone_on(desk, run, asked) if by_hand else await desk.runs.resume(run, asked)


class RunHandler(ServicesHandler):
    @allowed_to("read")
    async def get(self, run: str) -> None:
        desk = await self.desk()
        self.reply(desk.runs.summary(run))

    @allowed_to("write")
    async def delete(self, run: str) -> None:
        desk = await self.desk()
        await desk.runs.delete(run)
        self.set_status(204)


class CommandHandler(ServicesHandler):
    """What a run is told to do without a further word."""

    @allowed_to("execute")
    async def post(self, run: str, command: str) -> None:
        from ..api import Command

        def told(desk: Desk, _asked: Command) -> Coroutine[Any, Any, RunSummary]:
            runs = desk.runs
            return {"pause": runs.pause, "unpause": runs.unpause, "stop": runs.stop}[command](run)

        await self.command(Command, told)


class ResumeHandler(ServicesHandler):
    @allowed_to("execute")
    async def post(self, run: str) -> None:
        from ..api import ResumeRun

        await self.command(ResumeRun, lambda desk, asked: _resumed(desk, run, asked))


class ForkHandler(ServicesHandler):
    @allowed_to("execute")
    async def post(self, run: str) -> None:
        from ..api import ForkRun

        await self.command(ForkRun, lambda desk, asked: desk.runs.fork(run, asked), status=201)


class MessagesHandler(ServicesHandler):
    @allowed_to("execute")
    async def post(self, run: str) -> None:
        from ..api import SendMessage

        await self.command(SendMessage, lambda desk, asked: desk.runs.tell(run, asked.text))


class ApprovalsHandler(ServicesHandler):
    @allowed_to("execute")
    async def post(self, run: str) -> None:
        from ..api import AnswerApproval

        await self.command(AnswerApproval, lambda desk, asked: desk.runs.answer(run, asked))


class AgentHandler(ServicesHandler):
    @allowed_to("execute")
    async def post(self, run: str) -> None:
        from ..api import ChangeAgent

        await self.command(ChangeAgent, lambda desk, asked: desk.runs.choose(run, asked))
