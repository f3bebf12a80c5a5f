"""An agent outside of this program: its tool calls come in one by one, and what came of each goes back to it."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from ..contracts import OutsideAgent
from ..errors import Abandoned
from ..record.events import Emit, MessageSent
from .provider import Prompt, Reply
from .tools import RUN_TO_THE_END
from .tools.poll_cell import poll_cell

IDLE_S = 3600.0
_POLL_CUT_OFF = "Your call of poll_cell was cut off. The cell was not touched; poll it again."


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What the agent is told next: content blocks in the shape of the Messages API."""

    content: list[dict[str, Any]]
    is_error: bool = False


def answer_in(message: dict[str, Any]) -> Answer:
    """A user turn, flat: what its tool results hold, then what the run and the person say."""
    content: list[dict[str, Any]] = []
    failed = False
    for block in message["content"]:
        if block["type"] == "tool_result":
            content += block["content"]
            failed = failed or block["is_error"]
        else:
            content.append(block)
    return Answer(content=content, is_error=failed)


class OutsideProvider:
    """A provider whose replies are the calls of somebody else's program.

    ``reply()`` hands over what came of the last call, and waits for the next. Both sides live on one event loop.

    Args:
        client: What the program calls itself; empty for a person.
        attended: Whether a person can be asked for approvals.
        idle_s: A run that waits longer than this for its next call is over, so that it holds nothing any more.
        leader: What kind of agent it is, as configs call it.
    """

    def __init__(self, client: str, *, attended: bool, idle_s: float = IDLE_S, leader: OutsideAgent = "mcp") -> None:
        self.client, self.attended, self.idle_s, self.leader = client, attended, idle_s, leader
        self.system = ""
        """The run's instructions; empty until the run is ready for the first call."""
        self.last: Answer | None = None
        """What came of the last call, or what a run says that is ready for its first one."""
        self.over = False
        """The run has ended: nobody takes calls any more."""
        self.interrupt: Callable[[], Awaitable[None]] | None = None
        """Interrupts the cell that runs in the run's notebook; None before that is open."""
        self._emit: Emit = lambda event: None
        self._next: asyncio.Future[tuple[str, dict[str, Any]]] | None = None
        self._changed = asyncio.Event()
        self._one_by_one = asyncio.Lock()
        self._interrupting: set[asyncio.Future[None]] = set()

    async def reply(self, prompt: Prompt, *, max_tokens: int, emit: Emit) -> Reply:
        """The next call as a turn of the agent. A client's tokens and their price are known to nobody here.

        Raises:
            Abandoned: None came for :attr:`idle_s`.
        """
        self._emit = emit
        self.system, self.last = prompt.system, answer_in(prompt.messages[-1])
        self._next = asyncio.get_running_loop().create_future()
        self._tell()
        try:
            async with asyncio.timeout(self.idle_s):
                name, arguments = await self._next
        except TimeoutError:
            who = "nobody" if self.leader == "person" else "its client"
            calls = "a call" if self.leader == "person" else "no call"
            raise Abandoned(f"{who} made {calls} for {self.idle_s / 60:g} minutes") from None
        finally:
            self._next = None
        block = {"type": "tool_use", "id": f"mcp_{secrets.token_hex(8)}", "name": name, "input": arguments}
        return Reply(content=[block], stop_reason="tool_use", cost_usd=0.0 if self.leader == "person" else None)

    @property
    def ready(self) -> bool:
        """Whether the run waits for a call."""
        return self._next is not None and not self._next.done()

    @property
    def busy(self) -> bool:
        """Whether somebody waits for what comes of a call."""
        return self._one_by_one.locked()

    async def opened(self) -> None:
        """Return when the run is ready for its next call, or over."""
        while not (self.ready or self.over):
            await self._changed.wait()

    async def call(self, name: str, arguments: dict[str, Any]) -> Answer | None:
        """Carry out one call, after those before it; None where the run was over before it could.

        A caller that is cancelled interrupts the cell that its call runs to the end, and no other: one that only
        waits for a cell in the background stops waiting. What came of it is kept as :attr:`last`.
        """
        async with self._one_by_one:
            await self.opened()
            if self.over or self._next is None:
                return None
            self._next.set_result((name, arguments))
            try:
                await self._changed.wait()  # nothing but its answer, or the run's end, comes next
            except asyncio.CancelledError:
                self._cut_off(name)
                raise
            return self.last

    async def conclude(self, last: Answer) -> None:
        """Hear what came of the last call, before the run is recorded as finished. Whoever follows the run says it."""
        del last

    async def aclose(self) -> None:
        """Let go of what the provider holds, now that the run has ended: nothing."""

    def end(self, last: Answer) -> None:
        """Say that the run has ended, and what is the last that its agent is told."""
        self.last, self.over = last, True
        self._tell()

    def _tell(self) -> None:
        self._changed.set()
        self._changed = asyncio.Event()

    def _cut_off(self, name: str) -> None:
        if name in RUN_TO_THE_END and self.interrupt is not None:
            # In a task of its own: nothing that waits gets through in one that is being cancelled.
            task = asyncio.ensure_future(self.interrupt())
            self._interrupting.add(task)
            task.add_done_callback(self._interrupting.discard)
        elif name == poll_cell.__name__:
            # A message ends the waiting.
            self._emit(MessageSent(sender="run", text=_POLL_CUT_OFF))
