"""Runs: listed, started, deleted, and told what to do."""

from __future__ import annotations

from tornado import web

from .base import BenchHandler, allowed_to


class RunsHandler(BenchHandler):
    @web.authenticated
    @allowed_to("read")
    async def get(self) -> None:
        bench = await self.bench()
        self.reply(await bench.runs.summaries())

    @web.authenticated
    @allowed_to("execute")
    async def post(self) -> None:
        from ..api import StartRun

        asked = self.body(StartRun)
        self.reply(await self.once(asked, lambda bench: bench.runs.start(asked)), status=201)


class RunHandler(BenchHandler):
    @web.authenticated
    @allowed_to("read")
    async def get(self, run: str) -> None:
        bench = await self.bench()
        self.reply(bench.runs.summary(run))

    @web.authenticated
    @allowed_to("write")
    async def delete(self, run: str) -> None:
        bench = await self.bench()
        await bench.runs.delete(run)
        self.set_status(204)


class PauseHandler(BenchHandler):
    @web.authenticated
    @allowed_to("execute")
    async def post(self, run: str) -> None:
        from ..api import Command

        self.reply(await self.once(self.body(Command), lambda bench: bench.runs.pause(run)))


class UnpauseHandler(BenchHandler):
    @web.authenticated
    @allowed_to("execute")
    async def post(self, run: str) -> None:
        from ..api import Command

        self.reply(await self.once(self.body(Command), lambda bench: bench.runs.unpause(run)))


class StopHandler(BenchHandler):
    @web.authenticated
    @allowed_to("execute")
    async def post(self, run: str) -> None:
        from ..api import Command

        self.reply(await self.once(self.body(Command), lambda bench: bench.runs.stop(run)))


class ResumeHandler(BenchHandler):
    @web.authenticated
    @allowed_to("execute")
    async def post(self, run: str) -> None:
        from ..api import ResumeRun

        asked = self.body(ResumeRun)
        self.reply(await self.once(asked, lambda bench: bench.runs.resume(run, asked)))


class ForkHandler(BenchHandler):
    @web.authenticated
    @allowed_to("execute")
    async def post(self, run: str) -> None:
        from ..api import ForkRun

        asked = self.body(ForkRun)
        self.reply(await self.once(asked, lambda bench: bench.runs.fork(run, asked)), status=201)


class MessagesHandler(BenchHandler):
    @web.authenticated
    @allowed_to("execute")
    async def post(self, run: str) -> None:
        from ..api import SendMessage

        asked = self.body(SendMessage)
        self.reply(await self.once(asked, lambda bench: bench.runs.tell(run, asked.text)))


class ApprovalsHandler(BenchHandler):
    @web.authenticated
    @allowed_to("execute")
    async def post(self, run: str) -> None:
        from ..api import AnswerApproval

        asked = self.body(AnswerApproval)
        self.reply(await self.once(asked, lambda bench: bench.runs.answer(run, asked)))
