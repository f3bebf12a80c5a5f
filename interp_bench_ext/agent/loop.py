"""The investigation: the agent replies, its tool calls are carried out, until it submits its findings."""

from __future__ import annotations

from ..errors import ProviderError
from ..events import AgentReplied, MessageSent, OrganismUsed, StepStarted, ToolReturned
from .budget import Budgets
from .gate import Gate
from .provider import Provider
from .tools import TOOLS, ToolSession

MAX_IDLE_REPLIES = 3
MAX_REPLY_TOKENS = 16_000


async def investigate(*, gate: Gate, provider: Provider, system: str, budgets: Budgets) -> None:
    """Go on from wherever the gate's ``session.state`` stands until findings are submitted.

    Raises BudgetReached, ProviderError, or whatever ends the notebook or the organism for good.
    """
    session = gate.session
    state, emit = session.state, session.emit
    busy_s = 0.0
    while True:
        for call in state.pending_calls():
            result = await gate.carry_out(call)
            before, busy_s = busy_s, session.busy_s()
            emit(OrganismUsed(busy_s=busy_s - before))
            emit(ToolReturned(tool_use_id=call["id"], content=result.content, is_error=result.is_error))
        if state.findings is not None:
            return
        for warning in budgets.check(state, emit):
            emit(MessageSent(sender="run", text=f"{warning.budget}: {warning.used:g} of {warning.limit:g} are used."))
        await gate.passed()
        await _step(session, provider, system)


async def _step(session: ToolSession, provider: Provider, system: str) -> None:
    state, emit = session.state, session.emit
    emit(StepStarted(step=state.steps + 1))
    reply = await provider.reply(
        system=system,
        messages=state.messages,
        tools=[tool.spec for tool in TOOLS],
        max_tokens=MAX_REPLY_TOKENS,
        emit=emit,
    )
    emit(
        AgentReplied(
            content=reply.content,
            stop_reason=reply.stop_reason,
            cost_usd=reply.cost_usd,
            input_tokens=reply.usage.input_tokens,
            output_tokens=reply.usage.output_tokens,
            cache_read_tokens=reply.usage.cache_read_tokens,
            cache_write_tokens=reply.usage.cache_write_tokens,
        )
    )
    if reply.stop_reason == "refusal":
        raise ProviderError("the agent's model declined to go on with this investigation")
    if not state.pending_calls() and reply.stop_reason != "pause_turn":
        if state.idle_replies >= MAX_IDLE_REPLIES:
            raise ProviderError(f"the agent called no tool in {MAX_IDLE_REPLIES} replies in a row")
        emit(MessageSent(sender="run", text="Go on with run_cell, or end the investigation with submit_findings."))
