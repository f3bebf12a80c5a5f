"""Runs one piece of code in a kernel: with a deadline, interruptible, and aware that the kernel may die."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

from ..output_filter.messages import Message
from ..record.cell_events import CellStatus
from ..record.event import JsonDict
from .iopub import Handler
from .kernels import Kernel

_IDLE_TIMEOUT_S = 5.0
_INTERRUPTS = 5
_REPLY_AFTER_IDLE_S = 0.5
_ANSWER_TIMEOUT_S = 5.0
_LOOK_EVERY_S = 1.0
_LEFT = "The kernel was ended by the cell itself, with exit() or quit()."
_Reply = asyncio.Task[JsonDict | None]
_Cause = Literal["reply", "dead", "stop", "deadline"]


@dataclass(frozen=True, kw_only=True)
class Execution:
    """How an execution ended."""

    status: CellStatus
    execution_count: int | None
    duration_s: float


class Executor:
    """Runs code in one kernel, one piece at a time. No time runs out while ``paused``."""

    def __init__(self, kernel: Kernel, *, grace_s: float, paused: Callable[[], bool] = lambda: False) -> None:
        self._kernel = kernel
        self._grace_s = grace_s
        self._paused = paused
        self._stop = asyncio.Event()

    def interrupt(self) -> None:
        """Stop what runs now, and let nothing run until ``rearm``."""
        self._stop.set()

    def rearm(self) -> None:
        """Forget an interrupt that was meant for earlier work."""
        self._stop.clear()

    async def answers(self) -> bool:
        """Whether the kernel is still there: one that an earlier cell has ended may take a moment to go.

        One that is busy counts as there.
        """
        if not self._kernel.iopub.busy_elsewhere:
            await self._free(_ANSWER_TIMEOUT_S)
        return not self._kernel.dead.is_set()

    async def run(self, code: str, *, timeout_s: float, handler: Handler) -> Execution:
        """Run ``code`` and hand its messages to ``handler``, also those that come after its end.

        Waits for its turn while somebody else's cell runs; the deadline is for the code's own time.
        """
        await self._turn(timeout_s)
        if self._stop.is_set():
            return Execution(status="interrupted", execution_count=None, duration_s=0.0)
        started = time.monotonic()
        idle = asyncio.Event()

        def handle(message: Message) -> None:
            if message.get("msg_type") != "status":
                handler(message)
            elif message.get("content") == {"execution_state": "idle"}:
                idle.set()

        # Without stop_on_error=False the kernel drops what arrives shortly after an interrupted cell.
        request_id = self._kernel.client.execute(code, allow_stdin=False, stop_on_error=False)
        self._kernel.iopub.subscribe(request_id, handle)
        reply = asyncio.create_task(self._reply(request_id, idle))
        dead = asyncio.create_task(self._kernel.dead.wait())
        try:
            cause = await self._first(reply, dead, timeout_s=timeout_s)
            if cause in ("stop", "deadline"):
                await self._interrupt(reply, dead)
            elif cause == "reply" and _asks_to_leave(reply.result()):
                cause = await self._leave()
            await self._settle(idle, dead)
            status, count = _outcome(cause, reply)
        finally:
            await _end(reply, dead)
        return Execution(status=status, execution_count=count, duration_s=time.monotonic() - started)

    async def _turn(self, timeout_s: float) -> None:
        """Let a person's cell end first: an interrupt of ours while it runs would end theirs.

        Not for longer than ``timeout_s``, as the agent's code can say anything in their name.
        """
        if self._kernel.iopub.busy_elsewhere:
            await self._free(timeout_s)

    async def _free(self, timeout_s: float) -> None:
        """Wait until the kernel has nothing to do or is dead. It answers in order, so an answer says that."""
        free = asyncio.create_task(self._reply(self._kernel.client.kernel_info(), asyncio.Event()))
        dead = asyncio.create_task(self._kernel.dead.wait())
        try:
            await self._first(free, dead, timeout_s=timeout_s)
        finally:
            await _end(free, dead)

    async def _reply(self, request_id: str, idle: asyncio.Event) -> JsonDict | None:
        """Content of the answer; None when the kernel dropped the request.

        That is what it does when an interrupt reaches it before the request's first line: it becomes idle and
        never answers. It answers in order, so a later request's answer shows that there will be none.
        """
        request_ids = [request_id]

        async def ask_once_idle() -> None:
            await idle.wait()
            while True:
                await asyncio.sleep(_REPLY_AFTER_IDLE_S)
                request_ids.append(self._kernel.client.kernel_info())

        asking = asyncio.create_task(ask_once_idle())
        try:
            answered, content = await self._kernel.reply(request_ids)
            return content if answered == request_id else None
        finally:
            await _end(asking)

    async def _first(self, reply: _Reply, dead: asyncio.Task[bool], *, timeout_s: float) -> _Cause:
        stop = asyncio.create_task(self._stop.wait())
        try:
            waits = [reply, dead, stop]
            done, left_s = set[asyncio.Task[Any]](), timeout_s
            while not done and left_s > 0:
                since = time.monotonic()
                done, _ = await asyncio.wait(waits, timeout=min(left_s, _LOOK_EVERY_S), return_when="FIRST_COMPLETED")
                left_s -= 0.0 if self._paused() else time.monotonic() - since
        finally:
            await _end(stop)
        if reply in done:
            return "reply"
        if dead in done:
            return "dead"
        return "stop" if done else "deadline"

    async def _interrupt(self, reply: _Reply, dead: asyncio.Task[bool]) -> None:
        """Interrupt; a kernel that does not listen within the grace period is killed."""
        for _ in range(_INTERRUPTS):
            # One alone may come before the kernel has begun with the cell, and is lost then.
            await self._kernel.interrupt()
            pause = self._grace_s / _INTERRUPTS
            done, _ = await asyncio.wait([reply, dead], timeout=pause, return_when="FIRST_COMPLETED")
            if done:
                return
        await self._kernel.kill("The kernel did not react to the interrupt and was ended.")

    async def _leave(self) -> _Cause:
        """Wait for the end of a kernel whose cell has asked for it: it answers first, and would begin another cell."""
        self._kernel.reason = _LEFT
        try:
            await asyncio.wait_for(self._kernel.dead.wait(), self._grace_s)
        except TimeoutError:
            await self._kernel.kill(self._kernel.reason)
        return "dead"

    async def _settle(self, idle: asyncio.Event, dead: asyncio.Task[bool]) -> None:
        """Wait for the last output. A kernel that floods may lose its idle message, so not for ever."""
        waiting = asyncio.create_task(idle.wait())
        try:
            await asyncio.wait([waiting, dead], timeout=_IDLE_TIMEOUT_S, return_when="FIRST_COMPLETED")
        finally:
            await _end(waiting)
        if self._kernel.dead.is_set():
            await self._kernel.drained()


def _outcome(cause: _Cause, reply: _Reply) -> tuple[CellStatus, int | None]:
    content = reply.result() if reply.done() else {}
    if content is None:
        return ("timeout" if cause == "deadline" else "interrupted"), None
    count = content.get("execution_count")
    if cause == "deadline":
        return "timeout", count
    if cause == "dead":
        return "kernel_died", count
    if content.get("status") == "ok":
        return "ok", count
    # A person may have interrupted the kernel from their own place.
    return ("interrupted" if cause == "stop" or content.get("ename") == "KeyboardInterrupt" else "error"), count


def _asks_to_leave(content: JsonDict | None) -> bool:
    """Whether the answer to a cell says that the kernel goes: ``exit()`` and ``quit()`` ask for that."""
    payload = (content or {}).get("payload")
    asked = [entry for entry in payload if isinstance(entry, dict)] if isinstance(payload, list) else []
    return any(entry.get("source") == "ask_exit" and not entry.get("keepkernel") for entry in asked)


async def _end(*tasks: asyncio.Task[Any]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
