"""The provider whose replies are the calls of a person's own program, which the run starts, watches and ends."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from typing import Any

from ..agent.mcp_provider import Answer, OutsideProvider, answer_in
from ..agent.provider import Prompt, Reply
from ..agent.tools.note_hypothesis import note_hypothesis
from ..config import AgentSection
from ..errors import ProviderError
from ..record.events import Emit, Event
from ..record.figures import Figures
from .installed import Found
from .session import Session

SILENCE_S = 900.0
"""A program that neither writes nor calls for so long hangs: its own requests are given up after ten minutes."""
_GOODBYE_S = 60.0
"""What it may take to say its last words, with which it says what it has used up."""
_ASIDE = """

# How you work here

The tools of the MCP server `interp-bench` are the only way to the notebook and the organism. Use no others. One call at
a time counts as one step. Nobody reads along or answers questions: work on by yourself until `submit_findings` has
accepted your findings, then stop.
"""
_AGAIN = """
# Where this run stands

It was begun before, and was cut off. `read_notebook` shows what has been done; go on from there.
"""
_END = {"type": "text", "text": "The investigation has ended; there is nothing more to do. Stop here."}


class ProgramProvider(OutsideProvider):
    """See the module.

    Args:
        found: The program.
        agent: The run's agent section.
        credentials: Those of the person's, by the variables that hold them.
        events: What is recorded of the run.
        attended: Whether a person can be asked for approvals.
    """

    def __init__(
        self,
        found: Found,
        *,
        agent: AgentSection,
        credentials: dict[str, str],
        events: Sequence[Event],
        attended: bool,
    ) -> None:
        super().__init__(found.program.title, attended=attended, idle_s=float("inf"))
        self._found, self._agent, self._credentials = found, agent, credentials
        self._events = events
        self.silence_s = SILENCE_S
        """How long it may neither write nor call."""
        self._session: Session | None = None
        self._watching: asyncio.Task[None] | None = None

    async def reply(self, prompt: Prompt, *, max_tokens: int, emit: Emit) -> Reply:
        """The program's next call, with what its model has said before it; starts the program where none runs.

        Raises:
            ProviderError: It could not be started, has ended, or hangs.
            BudgetReached: It says that its limit of dollars is used up.
        """
        if self._session is None:
            self._session = await self._begun(prompt, emit)
        session = self._session
        call = asyncio.ensure_future(super().reply(prompt, max_tokens=max_tokens, emit=emit))
        ended = asyncio.ensure_future(session.ended())
        try:
            await self._first_of(session, call, ended)
            if not call.done():
                raise ended.result()
            reply = call.result()
        finally:
            await _cancelled(call, ended)
        session.calls += 1
        said = session.take_said()
        content = [*([{"type": "text", "text": said}] if said.strip() else []), *reply.content]
        # What the call took stands in what the program says of its whole session.
        return replace(reply, content=content, cost_usd=0.0, served_model=session.model or None)

    async def conclude(self, last: Answer) -> None:
        """Tell the program what came of its last call, and let it end by itself."""
        self.end(Answer(content=[*last.content, _END], is_error=last.is_error))
        if self._session is not None:
            with suppress(TimeoutError):
                await asyncio.wait_for(self._session.ended(), _GOODBYE_S)

    async def aclose(self) -> None:
        """End the program, if it still runs."""
        if not self.over:
            self.end(Answer(content=[_END], is_error=True))
        if self._watching is not None:
            self._watching.cancel()
        if self._session is not None:
            await self._session.close()

    async def _watch(self, session: Session) -> None:
        """Interrupt the cell that runs when the program has ended: nobody is there to hear of it."""
        await session.ended()
        if not (self.ready or self.over) and self.interrupt is not None:
            await self.interrupt()

    async def _begun(self, prompt: Prompt, emit: Emit) -> Session:
        session = self._session = Session(self._found, emit)
        await session.open(
            self.call,
            told=self._told(prompt),
            model=self._agent.model,
            limit_usd=self._money_left(),
            own=self._credentials,
        )
        self._watching = asyncio.create_task(self._watch(session))
        return session

    async def _first_of(self, session: Session, *waited_for: asyncio.Future[Any]) -> None:
        """Return when one of them is done. Raises ProviderError where the program does nothing for too long."""
        session.heard_at = time.monotonic()  # it waited for its last call until now
        while True:
            left = session.heard_at + self.silence_s - time.monotonic()
            if left <= 0:
                raise ProviderError(
                    f"{self.client} hangs: it has said nothing and called no tool for {self.silence_s / 60:g} minutes"
                )
            done, _ = await asyncio.wait(waited_for, timeout=left, return_when=asyncio.FIRST_COMPLETED)
            if done:
                return

    def _told(self, prompt: Prompt) -> str:
        """The whole prompt of a session: it has the run's journal in place of an earlier session's memory."""
        parts = [prompt.system.rstrip(), _ASIDE.rstrip()]
        if len(prompt.messages) > 1:
            noted = _hypotheses(prompt.messages)
            parts.append("\n".join([_AGAIN.rstrip(), *(["", "Hypotheses noted so far:", "", *noted] if noted else [])]))
        last = answer_in(prompt.messages[-1])
        parts += [block["text"] for block in last.content if block["type"] == "text"]
        return "\n\n".join(parts) + "\n"

    def _money_left(self) -> float | None:
        limit = self._agent.max_cost_usd
        if limit is None:
            return None
        before = Figures()
        for event in self._events:
            before.apply(event, 0.0)
        return max(limit - before.cost_usd, 0.01)


def _hypotheses(messages: Sequence[dict[str, Any]]) -> list[str]:
    """One line for each hypothesis of a conversation, as it was noted last."""
    calls = [block for message in messages for block in message["content"] if block["type"] == "tool_use"]
    noted = [call["input"] for call in calls if call["name"] == note_hypothesis.__name__]
    newest = {str(hypothesis.get("claim")): hypothesis for hypothesis in noted}
    return [f"- {hypothesis.get('status')}: {claim}" for claim, hypothesis in newest.items()]


async def _cancelled(*futures: asyncio.Future[Any]) -> None:
    for future in futures:
        future.cancel()
    await asyncio.gather(*futures, return_exceptions=True)
