"""Which MCP client leads which run of this process."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ..agent.mcp_provider import OutsideProvider
from ..agent.tools import ToolResult
from ..api import ForkRun, ResumeRun, RunSummary, StartRun
from ..errors import BadInput, NotNow
from ..runs.catalog import Catalog
from ..runs.manager import RunManager
from .following import Follower

_NO_RUN = "this client leads no run: start_run begins one, and resume_run goes on with one that was cut off"


@dataclass(frozen=True, kw_only=True)
class Seat:
    """A client, told from others as well as its transport allows.

    A connection over stdio and an HTTP session are one each; requests without a session are told apart by their
    user and the client's name.
    """

    key: str
    client: str
    """What it calls itself."""
    gone: asyncio.Event = field(default_factory=asyncio.Event, compare=False)
    """Set when the connection is lost on which its present call came."""


@dataclass(kw_only=True)
class Led:
    """A run that a client leads, or has led to its end."""

    run: str
    provider: OutsideProvider
    follower: Follower
    following: asyncio.Task[None]
    seat: Seat
    """Of its client's newest call."""


def led_by_client(summary: RunSummary) -> bool:
    """Whether an MCP client leads the run, or has led it."""
    return summary.agent.split(" ")[0] == "mcp"


class Desk:
    """Starts, resumes and remembers the runs that clients lead, each client one at a time.

    Args:
        runs: Drives them.
        catalog: The configs.
        attended: Whether a person can be asked for approvals.
        locked: What an administrator has fixed, by the names of StartRun's fields.
    """

    def __init__(
        self, *, runs: RunManager, catalog: Catalog, attended: bool, locked: Mapping[str, Any] | None = None
    ) -> None:
        self.runs, self.catalog = runs, catalog
        self._attended = attended
        self._locked = locked or {}
        self._led: dict[str, Led] = {}
        self._latest: dict[str, str] = {}
        """The run that each client led last, by the key of its seat."""

    def of(self, seat: Seat) -> Led:
        """The run that the client leads, or has led to its end. Raises NotNow where there is none."""
        run = self._latest.get(seat.key)
        if run is None:
            raise NotNow(_NO_RUN)
        led = self._led[run]
        if led.seat.key != seat.key:
            raise NotNow(f"another client ({led.seat.client}) leads run {run} now; resume_run takes it back")
        return led

    def leads(self, seat: Seat) -> bool:
        """Whether the client has led any run."""
        return seat.key in self._latest

    def led(self, run: str) -> Led | None:
        """The run with this id, where a client of this process leads it or has led it."""
        return self._led.get(run)

    async def start(self, seat: Seat, asked: StartRun) -> Led:
        """Start a run for the client; returns before its organism is loaded. Raises BadInput and NotNow."""
        self._check_free(seat)
        provider = self._provider(seat)
        summary = await self.runs.start(asked, outside=provider)
        return self._lead(seat, summary, provider)

    async def resume(self, seat: Seat, run: str, asked: ResumeRun) -> Led:
        """Let the client go on with a run: one that ended early, or one that a lost connection has led.

        Raises:
            NotFound: There is no such run.
            NotNow: Another client's call is under way in it, or it cannot be resumed.
        """
        held = self._led.get(run)
        if held is not None and not held.provider.over:
            return self._take_over(seat, held)
        self._check_free(seat)
        found = self.runs.summary(run)
        if not led_by_client(found):
            raise NotNow(f"run {run} is led by {found.agent}, not by an MCP client; fork_run begins a copy of your own")
        if found.notebook is None:
            raise NotNow(f"run {run} works in a notebook outside this server's folder; serve the folder that it is in")
        provider = self._provider(seat)
        summary = await self.runs.resume(run, asked, outside=provider)
        return self._lead(seat, summary, provider)

    async def fork(self, seat: Seat, run: str, asked: ForkRun) -> Led:
        """Start a run for the client that begins as a copy of another, whoever leads that. Raises as :meth:`start`."""
        self._check_free(seat)
        provider = self._provider(seat)
        summary = await self.runs.fork(run, asked, outside=provider)
        return self._lead(seat, summary, provider)

    async def call(self, seat: Seat, name: str, arguments: dict[str, Any]) -> ToolResult:
        """Carry out a tool call in the run that the client leads."""
        led = self.of(seat)
        led.seat = seat
        answer = None if led.provider.over else await led.provider.call(name, arguments)
        if answer is None:
            # The end was told with the call before.
            raise NotNow(f"run {led.run} has ended; start_run begins another, and resume_run goes on with one")
        return ToolResult(content=answer.content, is_error=answer.is_error)

    async def close(self) -> None:
        """Return when nothing follows a run any more; the runs themselves have ended before."""
        await asyncio.gather(*(led.following for led in self._led.values()), return_exceptions=True)

    def _provider(self, seat: Seat) -> OutsideProvider:
        fixed = self._locked.get("provider")
        if fixed is not None:
            raise BadInput(f"the administrator has fixed the agent to {fixed}; an MCP client cannot lead runs here")
        return OutsideProvider(seat.client, attended=self._attended)

    def _check_free(self, seat: Seat) -> None:
        run = self._latest.get(seat.key)
        led = self._led.get(run) if run is not None else None
        if led is not None and led.seat.key == seat.key and not led.provider.over:
            raise NotNow(
                f"this client leads run {led.run} already; carry it through to submit_findings, or end it with stop_run"
            )

    def _take_over(self, seat: Seat, led: Led) -> Led:
        if led.seat.key != seat.key:
            self._check_free(seat)
            if led.provider.busy and not led.seat.gone.is_set():
                raise NotNow(
                    f"another client ({led.seat.client}) leads run {led.run}, and waits for a call in it; try again"
                    " when that is done, or stop the run in JupyterLab's sidebar"
                )
        led.seat = seat
        self._latest[seat.key] = led.run
        return led

    def _lead(self, seat: Seat, summary: RunSummary, provider: OutsideProvider) -> Led:
        follower = Follower(self.runs, summary.id, provider)
        following = asyncio.create_task(follower.follow())
        led = Led(run=summary.id, provider=provider, follower=follower, following=following, seat=seat)
        for run in [run for run, other in self._led.items() if other.seat.key == seat.key]:
            del self._led[run]
        self._led[summary.id] = led
        self._latest[seat.key] = summary.id
        return led
