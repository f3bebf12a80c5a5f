"""A command that arrives twice, because its client did not see the reply, has its effect once."""

from __future__ import annotations

import asyncio
import hashlib
import json
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

_KEPT = 1000
Value = TypeVar("Value")


def command_of(*, user: str, path: str, body: str) -> str:
    """What a command is known by: whoever gives another one the same ``request_id`` is not given its reply."""
    return hashlib.sha256(json.dumps([user, path, body]).encode()).hexdigest()


class Once:
    """Remembers the last thousand commands; one that failed had no effect and may be tried again."""

    def __init__(self) -> None:
        self._tasks: dict[str, asyncio.Task[Any]] = {}

    async def __call__(self, command: str, work: Callable[[], Coroutine[Any, Any, Value]]) -> Value:
        """The reply of ``work``, or of the first call for ``command``, which goes on even if its caller goes away."""
        task: asyncio.Task[Value] | None = self._tasks.get(command)
        if task is None:
            task = asyncio.create_task(work())
            self._tasks[command] = task
            task.add_done_callback(lambda done: self._settle(command, done))
        return await asyncio.shield(task)

    def _settle(self, command: str, done: asyncio.Task[Any]) -> None:
        if done.cancelled() or done.exception() is not None:
            self._tasks.pop(command, None)
        finished = [name for name, task in self._tasks.items() if task.done()]
        for name in finished[: max(0, len(self._tasks) - _KEPT)]:
            del self._tasks[name]
