"""Where a run waits for a person: while it is paused, and before code that needs an approval."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Any

from ..config import AgentSection
from ..errors import BadInput
from ..events import ApprovalAnswered, ApprovalAsked, ApprovalDecision, RunPaused, RunUnpaused
from .state import RunState
from .tools import ToolResult, ToolSession, call_tool

_RUNS_CODE = ("run_cell", "edit_cell")
_SKIPPED = "The person looked at this code and chose not to run it. Go on in another way."
_CHANGED = "The person changed the code before it ran. What ran:\n"


def answer_to(state: RunState, approval: str, decision: ApprovalDecision, code: str | None) -> ApprovalAnswered:
    """A person's answer. Raises BadInput when the approval is not the one that is open, or lacks its code."""
    if state.approval is None or state.approval.approval != approval:
        raise BadInput("this cell is not waiting for an approval any more; the sidebar shows what is")
    if decision == "edit" and not (code or "").strip():
        raise BadInput("an edited cell needs its code; write some, or choose to skip the cell")
    return ApprovalAnswered(approval=approval, decision=decision, code=code)


@dataclass
class Gate:
    """Lets the agent's actions through. Everything it knows is in the run's events, so it survives a resume."""

    session: ToolSession
    approval: str
    """As in the config's agent section: ``auto``, ``ask`` or ``ask_first``."""

    def __post_init__(self) -> None:
        self._changed = asyncio.Event()

    @classmethod
    def of(cls, session: ToolSession, agent: AgentSection) -> Gate:
        return cls(session, agent.approval)

    def pause(self) -> None:
        """Let nothing through until :meth:`unpause`; what runs already goes on."""
        if not self.session.state.paused:
            self.session.emit(RunPaused())

    def unpause(self) -> None:
        if self.session.state.paused:
            self.session.emit(RunUnpaused())
        self._changed.set()

    def answer(self, approval: str, decision: ApprovalDecision, code: str | None) -> None:
        """Answer the open approval. Raises BadInput as :func:`answer_to` does."""
        self.session.emit(answer_to(self.session.state, approval, decision, code))
        self._changed.set()

    async def passed(self) -> None:
        """Return once the run is not paused."""
        while self.session.state.paused:
            await self._wait()

    async def carry_out(self, call: dict[str, Any]) -> ToolResult:
        """Carry out a tool call of the agent, as soon as it may be."""
        await self.passed()
        arguments = call["input"]
        if call["name"] not in _RUNS_CODE or not isinstance(arguments.get("code"), str):
            return await call_tool(self.session, name=call["name"], arguments=arguments)
        answer = await self._answered(call)
        await self.passed()
        if answer is None or answer.decision in ("run", "run_all"):
            return await call_tool(self.session, name=call["name"], arguments=arguments)
        if answer.decision == "skip":
            return ToolResult.text(_SKIPPED, is_error=True)
        result = await call_tool(self.session, name=call["name"], arguments={**arguments, "code": answer.code})
        note = {"type": "text", "text": f"{_CHANGED}{answer.code}"}
        return ToolResult(content=[note, *result.content], is_error=result.is_error)

    async def _answered(self, call: dict[str, Any]) -> ApprovalAnswered | None:
        """The person's answer for ``call``; None where none is needed."""
        state = self.session.state
        if not self._needed(call["id"]):
            return None
        if call["id"] not in state.answers and state.approval is None:
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
        answers = self.session.state.answers
        if call_id in answers:
            return True
        decisions = {answer.decision for answer in answers.values()}
        if self.approval == "ask":
            return "run_all" not in decisions
        return self.approval == "ask_first" and decisions <= {"skip"}

    async def _wait(self) -> None:
        self._changed.clear()
        await self._changed.wait()
