"""One session of a program: from its start, with the run's tools, to the end of all its processes."""

from __future__ import annotations

import asyncio
import shutil
import time
from pathlib import Path

from ..errors import BudgetReached, InterpBenchError, ProviderError
from ..models.usage import Usage
from ..record.events import AgentDelta, Emit, ProgramReported
from ..results.kit.safe_text import clean, one_line
from ..sandbox.private_folder import private_folder
from .child import Child
from .endpoint import Call, Endpoint
from .environment import person_environment
from .installed import Found
from .program import Heard, Wanted

_SAID = 20_000
"""Characters of what it says between two calls that are kept."""
_QUOTED = 300
_LOGIN = ("log in", "login", "logged in", "api key", "api_key", "auth", "credential", "401", "unauthorized")


class Session:
    """A started program. :meth:`close` must be called."""

    def __init__(self, found: Found, emit: Emit) -> None:
        self.model = ""
        """Of its newest reply, as it says."""
        self.heard_at = time.monotonic()
        self.calls = 0
        self._found, self._emit = found, emit
        self._endpoint: Endpoint | None = None
        self._child: Child | None = None
        self._folder: Path | None = None
        self._reading: asyncio.Task[None] | None = None
        self._hearing = found.program.hearing()
        self._said: list[str] = []
        self._last_words = ""
        self._failed = ""
        self._out_of_money = False
        self._reported = self._report(Usage(), None)

    async def open(
        self, call: Call, *, told: str, model: str | None, limit_usd: float | None, own: dict[str, str]
    ) -> None:
        """Start the program on what it is ``told``.

        Args:
            call: Carries out a call of the run's tools.
            told: Its prompt.
            model: Which it is to ask; None: the person's own choice.
            limit_usd: What it may spend, where it can hold that.
            own: Credentials of the person's that are its own.

        Raises:
            ProviderError: It could not be started.
        """
        self._endpoint = Endpoint(call)
        await self._endpoint.open()
        wanted = Wanted(url=self._endpoint.url, token=self._endpoint.token, model=model, limit_usd=limit_usd)
        launch = self._found.program.launch(wanted)
        self._folder = private_folder()
        for name, content in launch.files.items():
            file = self._folder / name
            file.parent.mkdir(exist_ok=True)
            file.write_text(content, encoding="utf-8")
        self._emit(self._reported)
        try:
            self._child = await Child.start(
                [self._found.path, *launch.arguments],
                folder=self._folder,
                environment=person_environment({**own, **launch.variables}),
                told=told,
            )
        except OSError as error:
            raise ProviderError(f"{self._found.program.title} cannot be started ({error.strerror})") from None
        self._reading = asyncio.create_task(self._read(self._child))

    def take_said(self) -> str:
        """What it has said since this was asked last."""
        said = "".join(self._said)[:_SAID]
        self._said.clear()
        return said

    async def ended(self) -> InterpBenchError:
        """Return when it has ended by itself: why, as an error that ends the run."""
        assert self._child is not None
        assert self._reading is not None
        await asyncio.wait([self._reading])
        return self._why(await self._child.ended())

    async def close(self) -> None:
        """End it with all that it has started."""
        if self._reading is not None:
            self._reading.cancel()
        if self._child is not None:
            await self._child.end()
        if self._endpoint is not None:
            await self._endpoint.close()
        if self._folder is not None:
            shutil.rmtree(self._folder, ignore_errors=True)

    async def _read(self, child: Child) -> None:
        async for line in child.lines():
            self.heard_at = time.monotonic()
            self._take(self._hearing.take(line))

    def _take(self, heard: Heard) -> None:
        self.model = heard.model or self.model
        self._failed = heard.failed or self._failed
        self._out_of_money = self._out_of_money or heard.out_of_money
        said = clean(heard.said[:_SAID])
        if said:
            self._said.append(said)
            self._last_words = said
            self._emit(AgentDelta(kind="text", text=said))
        if heard.usage is not None or heard.cost_usd is not None:
            self._tell(self._report(heard.usage, heard.cost_usd))

    def _report(self, usage: Usage | None, cost_usd: float | None) -> ProgramReported:
        counts = self._reported if usage is None else usage
        return ProgramReported(
            program=self._found.program.title,
            version=self._found.version,
            model=self.model or None,
            input_tokens=counts.input_tokens,
            output_tokens=counts.output_tokens,
            cache_read_tokens=counts.cache_read_tokens,
            cache_write_tokens=counts.cache_write_tokens,
            cost_usd=cost_usd,
        )

    def _tell(self, report: ProgramReported) -> None:
        if report != self._reported:
            self._reported = report
            self._emit(report)

    def _why(self, code: int) -> InterpBenchError:
        program = self._found.program
        assert self._child is not None
        words = one_line(self._failed or self._child.tail.strip().rpartition("\n")[2], _QUOTED)
        if self._out_of_money:
            return BudgetReached(f"the budget of dollars is used up, as {program.title} counts it")
        if not (code or self._failed):
            said = f"; it said: {one_line(self._last_words, _QUOTED)}" if self._last_words else ""
            return ProviderError(f"{program.title} ended its session without submitting findings{said}")
        how = f"{program.title} failed" + (f" (exit status {code})" if code else "") + (f": {words}" if words else "")
        hint = f"; to log in, {program.login}" if not self.calls and _about_login(words) else ""
        return ProviderError(f"{how.rstrip('.')}{hint}")


def _about_login(words: str) -> bool:
    return any(mark in words.lower() for mark in _LOGIN)
