"""The investigation: the agent replies, its tool calls are carried out, until it submits its findings."""

from __future__ import annotations

from dataclasses import asdict

from ..errors import ProviderError
from ..record.events import AgentReplied, MessageSent, OrganismUsed, StepStarted, ToolReturned
from .budget import Budgets
from .gate import Gate
from .provider import Provider
from .tools import ToolResult, ToolSession
from .turn import Turns

MAX_IDLE_REPLIES = 3
_NOT_RUN = ToolResult.text(
    "The reply ended within this call, so it was not carried out. Call again, with less in one reply.", is_error=True
)
_GO_ON = "Go on with run_cell, or end the investigation with submit_findings."
_TOO_LONG = "The reply was cut off at its greatest length. Go on, with less in one reply."


async def investigate(*, gate: Gate, provider: Provider, system: str, budgets: Budgets) -> None:
    """Go on from wherever the gate's ``session.state`` stands until findings are submitted.

    Raises BudgetReached, ProviderError, or whatever ends the notebook or the organism for good.
    """
    session, turns = gate.session, Turns(gate, provider, system, budgets)
    state, emit = session.state, session.emit
    busy_s = 0.0
    while True:
        for call in state.pending_calls():
            result = _NOT_RUN if state.is_cut_off(call) else await gate.carry_out(call)
            before, busy_s = busy_s, session.used().busy_s
            emit(OrganismUsed(busy_s=busy_s - before))
            emit(ToolReturned(tool_use_id=call["id"], content=result.content, is_error=result.is_error))
        if state.findings is not None:
            return
        _urge(session)
        turns.check()
        await gate.passed()
        await _step(session, turns)


async def _step(session: ToolSession, turns: Turns) -> None:
    session.emit(StepStarted(step=session.state.figures.steps + 1))
    reply = await turns.reply()
    session.emit(
        AgentReplied(
            content=reply.content,
            stop_reason=reply.stop_reason,
            cost_usd=reply.cost_usd,
            served_model=reply.served_model,
            **asdict(reply.usage),
        )
    )
    if reply.stop_reason == "refusal":
        raise ProviderError("the agent's model declined to go on with this investigation")


def _urge(session: ToolSession) -> None:
    """Answer a reply that called no tool: the conversation must end with the user's turn."""
    state = session.state
    if state.messages[-1]["role"] == "user" or state.stop_reason == "pause_turn":
        return
    if state.idle_replies >= MAX_IDLE_REPLIES:
        raise ProviderError(f"the agent called no tool in {MAX_IDLE_REPLIES} replies in a row")
    session.emit(MessageSent(sender="run", text=_TOO_LONG if state.stop_reason == "max_tokens" else _GO_ON))
