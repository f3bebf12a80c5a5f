"""Who leads which run of this process from outside: MCP clients, and people by hand."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ..agent.mcp_provider import IDLE_S, OutsideProvider
from ..agent.tools import RUN_TO_THE_END, ToolResult
from ..api import ForkRun, ResumeRun, RunSummary, StartRun, ToolAnswer
from ..contracts import OutsideAgent
from ..errors import BadInput, NotNow
from ..runs.manager import RunManager
from .following import Follower
from .own_runs import OwnRuns

_NO_RUN = "this client leads no run: start_run begins one, and resume_run goes on with one that was cut off"


@dataclass(frozen=True, kw_only=True)
class Client:
    """A client, told from others as well as its transport allows.

    A connection over stdio and an HTTP session are one each; requests without a session are told apart by their
    user and the client's name.
    """

    key: str
    name: str
    """What it calls itself."""
    leader: OutsideAgent = "mcp"
    gone: asyncio.Event = field(default_factory=asyncio.Event, compare=False)
    """Set when the connection is lost on which its present call came."""


@dataclass(kw_only=True)
class Lead:
    """A run that a client leads, or has led to its end."""

    run: str
    provider: OutsideProvider
    follower: Follower
    following: asyncio.Task[None]
    client: Client
    """Of its client's newest call."""
    instructed: bool = False
    """Whether the client has been given the run's instructions."""


def led_by_client(summary: RunSummary) -> bool:
    """Whether an MCP client leads the run, or has led it."""
    return summary.agent.split(" ")[0] == "mcp"


class Clients:
    """Starts, resumes and remembers the runs that clients lead, each client one at a time.

    Args:
        runs: Drives them.
        attended: Whether a person can be asked for approvals.
        locked: What an administrator has fixed, by the names of StartRun's fields.
        all_runs: Whether clients may read, go on with and fork runs that they have not begun.
        idle_s: A run whose client makes no call for so long ends, and can be resumed.
    """

    def __init__(
        self,
        *,
        runs: RunManager,
        attended: bool,
        locked: Mapping[str, Any] | None = None,
        all_runs: bool = False,
        idle_s: float = IDLE_S,
    ) -> None:
        self.runs = runs
        self.own = OwnRuns(runs, all_runs=all_runs)
        self._attended, self._idle_s = attended, idle_s
        self._locked = locked or {}
        self._leads: dict[str, Lead] = {}
        self._latest: dict[str, str] = {}
        """The run that each client led last, by its key."""

    def of(self, client: Client) -> Lead:
        """The run that the client leads, or has led to its end. Raises NotNow where there is none."""
        run = self._latest.get(client.key)
        if run is None:
            raise NotNow(_NO_RUN)
        lead = self._leads[run]
        if lead.client.key != client.key:
            raise NotNow(f"another client ({lead.client.name}) leads run {run} now; resume_run takes it back")
        return lead

    def lead_now(self, client: Client) -> Lead | None:
        """The run that the client leads, while it is under way."""
        lead = self._leads.get(self._latest.get(client.key, ""))
        return lead if lead is not None and lead.client.key == client.key and not lead.provider.over else None

    def leads(self, client: Client) -> bool:
        """Whether the client has led any run."""
        return client.key in self._latest

    def lead_of(self, run: str) -> Lead | None:
        """The run with this id, where a client of this process leads it or has led it."""
        return self._leads.get(run)

    async def start(self, client: Client, asked: StartRun) -> Lead:
        """Start a run for the client; returns before its organism is loaded. Raises BadInput and NotNow."""
        self._check_free(client)
        if asked.notebook is not None:
            self.own.check_notebook(client, asked.notebook)
        provider = self._provider(client)
        summary = await self.runs.start(asked, outside=provider)
        return self._lead(client, summary, provider)

    async def resume(self, client: Client, run: str, asked: ResumeRun) -> Lead:
        """Let the client go on with a run: one that ended early, or one that a lost connection has led.

        Raises:
            NotFound: There is no such run that is the client's.
            NotNow: Another client's call is under way in it, or it cannot be resumed.
        """
        self.own.check(client, run)
        held = self._leads.get(run)
        if held is not None and not held.provider.over:
            return self._take_over(client, held)
        self._check_free(client)
        found = self.runs.summary(run)
        if found.agent.split(" ")[0] != client.leader:
            who = "a person" if client.leader == "person" else "an MCP client"
            raise NotNow(f"run {run} is led by {found.agent}, not by {who}; fork_run begins a copy of your own")
        if found.notebook is None:
            raise NotNow(f"run {run} works in a notebook outside this server's folder; serve the folder that it is in")
        provider = self._provider(client)
        summary = await self.runs.resume(run, asked, outside=provider)
        return self._lead(client, summary, provider)

    async def fork(self, client: Client, run: str, asked: ForkRun) -> Lead:
        """Start a run for the client that begins as a copy of another of its own. Raises as :meth:`resume` does."""
        self._check_free(client)
        self.own.check(client, run)
        if asked.notebook is not None:
            self.own.check_notebook(client, asked.notebook)
        provider = self._provider(client)
        summary = await self.runs.fork(run, asked, outside=provider)
        return self._lead(client, summary, provider)

    async def call(self, client: Client, name: str, arguments: dict[str, Any]) -> ToolResult:
        """Carry out a tool call in the run that the client leads."""
        lead = self.of(client)
        lead.client = client
        answer = None if lead.provider.over else await lead.provider.call(name, arguments)
        if answer is None:
            # The end was told with the call before.
            raise NotNow(f"run {lead.run} has ended; start_run begins another, and resume_run goes on with one")
        return ToolResult(content=answer.content, is_error=answer.is_error)

    async def answer(self, client: Client, name: str, arguments: dict[str, Any]) -> ToolAnswer:
        """What came of a call, as a person sees it: with all that the cell shows that it has run."""
        result = await self.call(client, name, arguments)
        lead = self.of(client)
        ran = self.runs.newest_cell(lead.run) if name in RUN_TO_THE_END else None
        return ToolAnswer(
            text="\n".join(block["text"] for block in result.content if block["type"] == "text"),
            is_error=result.is_error,
            cell=ran.cell_id if ran is not None else None,
            outputs=ran.outputs if ran is not None else [],
            over=lead.provider.over,
        )

    async def close(self) -> None:
        """Return when nothing follows a run any more; the runs themselves have ended before."""
        await asyncio.gather(*(lead.following for lead in self._leads.values()), return_exceptions=True)

    def _provider(self, client: Client) -> OutsideProvider:
        fixed = self._locked.get("provider")
        if fixed is not None and fixed != client.leader:
            who = "nobody can lead runs by hand" if client.leader == "person" else "an MCP client cannot lead runs"
            raise BadInput(f"the administrator has fixed the agent to {fixed}; {who} here")
        return OutsideProvider(client.name, attended=self._attended, idle_s=self._idle_s, leader=client.leader)

    def _check_free(self, client: Client) -> None:
        lead = self.lead_now(client)
        if lead is not None:
            raise NotNow(
                f"this client leads run {lead.run} already; carry it through to submit_findings, or end it with"
                " stop_run"
            )

    def _take_over(self, client: Client, lead: Lead) -> Lead:
        if lead.client.key != client.key:
            self._check_free(client)
            if lead.provider.busy and not lead.client.gone.is_set():
                raise NotNow(
                    f"another client ({lead.client.name}) leads run {lead.run}, and waits for a call in it; try again"
                    " when that is done, or stop the run in JupyterLab's sidebar"
                )
        # The call that goes on with it tells the instructions; where that is cut off, the next one does.
        lead.client, lead.instructed = client, False
        self._latest[client.key] = lead.run
        self.own.note(client, lead.run)
        return lead

    def _lead(self, client: Client, summary: RunSummary, provider: OutsideProvider) -> Lead:
        follower = Follower(self.runs, summary.id, provider)
        following = asyncio.create_task(follower.follow())
        lead = Lead(run=summary.id, provider=provider, follower=follower, following=following, client=client)
        for run in [run for run, other in self._leads.items() if other.client.key == client.key]:
            del self._leads[run]
        self._leads[summary.id] = lead
        self._latest[client.key] = summary.id
        self.own.note(client, summary.id)
        return lead
