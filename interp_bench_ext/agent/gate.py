"""The one way by which the agent acts: while the run is not paused, and once a person has let its code through."""

from __future__ import annotations

import asyncio
import re
from dataclasses import dataclass
from typing import Any

from ..config import AgentSection
from ..errors import BadInput, InterpBenchError
from ..record.events import Approval, ApprovalAnswered, ApprovalAsked, ApprovalDecision, RunPaused, RunUnpaused
from .state import RunState
from .tools import RUN_CODE, ToolResult, ToolSession, call_tool, objection

MAX_CALLS = 32
"""Tool calls of one reply that are carried out."""
_FAULTS = 5
"""Unexpected errors in tools that a run survives."""
SKIPPED = "The person looked at this code and chose not to run it. Go on in another way."
_CHANGED = "The person changed the code before it ran. What ran:\n```python\n{code}\n```"
"""Below the result, whose first line names the cell."""
_TOO_MANY = f"not carried out: a reply may hold {MAX_CALLS} tool calls; look at what the first ones brought, then go on"


def changed_code(text: str) -> str | None:
    """The code that a person had run instead, of a tool's result; None where they changed nothing."""
    before, after = _CHANGED.split("{code}")
    found = re.search(re.escape(before) + "(.*?)" + re.escape(after), text, re.DOTALL)
    return found.group(1) if found else None


def answer_to(state: RunState, approval: str, decision: ApprovalDecision, code: str | None) -> ApprovalAnswered:
    """A person's answer. Raises BadInput when the approval is not the one that is open, or lacks its code."""
    if state.figures.clock.approval is None or state.figures.clock.approval.approval != approval:
        raise BadInput("this cell is not waiting for an approval any more; the sidebar shows what is")
    if decision == "edit" and not (code or "").strip():
        raise BadInput("an edited cell needs its code; write some, or choose to skip the cell")
    return ApprovalAnswered(approval=approval, decision=decision, code=code)


@dataclass
class Gate:
    """Lets the agent's actions through. What it knows of the run is in the run's events, so it survives a resume."""

    session: ToolSession
    approval: Approval
    """As in the config's agent section, as long as nobody chooses otherwise."""

    def __post_init__(self) -> None:
        self._changed = asyncio.Event()
        self._faults = 0

    @classmethod
    def of(cls, session: ToolSession, agent: AgentSection) -> Gate:
        session.notebook.measure(session.used)
        session.notebook.waits_while(lambda: session.state.figures.clock.paused)
        return cls(session, agent.approval)

    def pause(self) -> None:
        """Let nothing through until :meth:`unpause`; a cell that runs already goes on, as far as it asks nothing."""
        if not self.session.state.figures.clock.paused:
            self.session.emit(RunPaused())

    def unpause(self) -> None:
        if self.session.state.figures.clock.paused:
            self.session.emit(RunUnpaused())
        self._changed.set()

    def answer(self, approval: str, decision: ApprovalDecision, code: str | None) -> None:
        """Answer the open approval. Raises BadInput as :func:`answer_to` does."""
        self.session.emit(answer_to(self.session.state, approval, decision, code))
        self._changed.set()

    async def passed(self) -> None:
        """Return once the run is not paused."""
        while self.session.state.figures.clock.paused:
            await self._wait()

    async def carry_out(self, call: dict[str, Any]) -> ToolResult:
        """Carry out a tool call of the agent, as soon as it may be; its result also tells the agent any news."""
        await self.passed()
        if self.session.state.place_of(call["id"]) >= MAX_CALLS:
            result = ToolResult.text(_TOO_MANY, is_error=True)
        else:
            result = await self._let_through(call)
        said = "\n".join(block["text"] for block in result.content if block["type"] == "text")
        return result.but_with(after="\n".join(self.session.state.news.sentences(but=said)))

    async def _let_through(self, call: dict[str, Any]) -> ToolResult:
        await self.session.settle()
        name, arguments = call["name"], call["input"]
        refused = objection(self.session, name=name, arguments=arguments)
        if refused is not None:
            return refused
        answer = await self._answered(call) if name in RUN_CODE else None
        await self.passed()
        if answer is None or answer.decision in ("run", "run_all"):
            return await self._called(name, arguments)
        if answer.decision == "skip":
            return ToolResult.text(SKIPPED, is_error=True)
        result = await self._called(name, {**arguments, "code": answer.code})
        return result.but_with(after=_CHANGED.format(code=answer.code))

    async def _called(self, name: str, arguments: dict[str, Any]) -> ToolResult:
        """The tool's result. An error that nobody foresaw ends the call and not the run, unless they add up."""
        try:
            return await call_tool(self.session, name=name, arguments=arguments)
        except InterpBenchError:
            raise
        except Exception as error:
            self._faults += 1
            if self._faults > _FAULTS:
                raise
            # Its text may hold anything; the type says enough to the agent.
            text = f"{name} failed with an internal error ({type(error).__name__}); try again, or go on in another way"
            return ToolResult.text(text, is_error=True)

    async def _answered(self, call: dict[str, Any]) -> ApprovalAnswered | None:
        """The person's answer for ``call``; None where none is needed."""
        state = self.session.state
        if not self._needed(call["id"]):
            return None
        if call["id"] not in state.answers and state.figures.clock.approval is None:
            self.session.emit(
                ApprovalAsked(
                    approval=call["id"],
                    tool=call["name"],
                    cell_id=str(call["input"].get("cell_id") or state.open_cell or self.session.next_cell_id()),
                    code=call["input"]["code"],
                )
            )
        while call["id"] not in state.answers:
            await self._wait()
        return state.answers[call["id"]]

    def _needed(self, call_id: str) -> bool:
        state = self.session.state
        if call_id in state.answers:
            return True
        approval = state.approval or self.approval
        if approval == "ask":
            return "run_all" not in state.decided
        return approval == "ask_first" and state.decided <= {"skip"}

    async def _wait(self) -> None:
        self._changed.clear()
        await self._changed.wait()
