"""An agent's desk for tests: its tools behind the gate, on a real notebook with a real kernel."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from interp_bench_ext.agent.auxiliary import Auxiliary
from interp_bench_ext.agent.gate import Gate
from interp_bench_ext.agent.state import RunState
from interp_bench_ext.agent.tools import ToolResult, ToolSession
from interp_bench_ext.config import AgentSection
from interp_bench_ext.contracts import Access, TechniqueSpec, Used, Veil
from interp_bench_ext.notebook.session import NotebookSession
from interp_bench_ext.record.events import AgentReplied, Event, MessageSent, RunResumed, ToolReturned
from tests.notebook.support import Recorder

ASK = "print('asked', file=open('asked.txt', 'a'))\n'an answer'"
"""Code that asks the desk's organism, which has then worked for a while."""
CHAT = TechniqueSpec(name="chat", summary="Ask.", doc="Ask it.", access=Access.SAMPLE, parameters=())


def reply_with(*calls: dict[str, Any]) -> AgentReplied:
    return AgentReplied(
        content=list(calls),
        stop_reason="tool_use",
        input_tokens=0,
        output_tokens=0,
        cache_read_tokens=0,
        cache_write_tokens=0,
        cost_usd=0.0,
    )


def text_of(result: ToolResult) -> str:
    return "\n".join(block["text"] for block in result.content if block["type"] == "text")


@dataclass
class Desk:
    """Calls tools the way the loop does, and keeps every event."""

    folder: Path
    approval: str = "auto"
    events: Recorder = field(default_factory=Recorder)
    state: RunState = field(default_factory=RunState)
    person: Callable[[Event], None] = lambda event: None
    """Sees each event as it comes."""
    auxiliary: Auxiliary | None = None

    def emit(self, event: Event) -> None:
        self.state.apply(event, float(len(self.events)))
        self.events(event)
        self.person(event)

    def used(self) -> Used:
        """What was asked of the desk's organism: each time two prompts twice, for a second."""
        file = self.folder / "n_files" / "asked.txt"
        times = len(file.read_text().splitlines()) if file.is_file() else 0
        return Used(busy_s=float(times), samples=4 * times, prompts=2 * times)

    @asynccontextmanager
    async def open(self) -> AsyncIterator[Desk]:
        """With its notebook open; once more after an end, it goes on as a resumed run does."""
        earlier = list(self.events)
        if earlier:
            self.emit(RunResumed())
        self.notebook = await NotebookSession.open(
            self.folder / "n.ipynb",
            emit=self.emit,
            connection=None,
            veil=Veil.PROCESS,
            run="r",
            grace_s=2.0,
        )
        tools = ToolSession(
            notebook=self.notebook,
            techniques={"chat": CHAT},
            state=self.state,
            emit=self.emit,
            used=self.used,
            auxiliary=self.auxiliary,
        )
        self.gate = Gate.of(tools, AgentSection(approval=self.approval))
        try:
            if earlier:
                await self.notebook.rebuild(earlier)
            yield self
        finally:
            await self.notebook.close()

    async def reply(self, *calls: tuple[str, dict[str, Any]]) -> list[ToolResult]:
        """What comes of a reply that makes these calls."""
        number = sum(isinstance(event, AgentReplied) for event in self.events)
        blocks = [
            {"type": "tool_use", "id": f"t{number}.{index}", "name": name, "input": arguments}
            for index, (name, arguments) in enumerate(calls)
        ]
        self.emit(reply_with(*blocks))
        return await self.go_on()

    async def go_on(self) -> list[ToolResult]:
        """Carry out the calls that have no result yet."""
        results = []
        for call in self.state.pending_calls():
            result = await self.gate.carry_out(call)
            self.emit(ToolReturned(tool_use_id=call["id"], content=result.content, is_error=result.is_error))
            results.append(result)
        return results

    async def call(self, tool: str, /, **arguments: Any) -> tuple[bool, str]:
        """Whether one call is an error, and its text."""
        [result] = await self.reply((tool, arguments))
        return result.is_error, text_of(result)

    def tell(self, text: str) -> None:
        self.emit(MessageSent(sender="person", text=text))

    def of(self, *types: str) -> list[Any]:
        return self.events.of(*types)


def at_desk(folder: Path, work: Callable[[Desk], Coroutine[Any, Any, None]], *, approval: str = "auto") -> Desk:
    """Do ``work`` at a desk in ``folder``; returns the desk with its events."""
    desk = Desk(folder, approval)

    async def main() -> None:
        async with asyncio.timeout(120), desk.open():
            await work(desk)

    asyncio.run(main())
    return desk


def again(events: Iterable[Event]) -> RunState:
    """The state that a later process reads from the events."""
    state = RunState()
    for at, event in enumerate(events):
        state.apply(event, float(at))
    return state
