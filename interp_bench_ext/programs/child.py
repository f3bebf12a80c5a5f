"""The program's process: fed, read line by line within bounds, and ended with all that it has started."""

from __future__ import annotations

import asyncio
import json
import os
import signal
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import psutil

_LONGEST_LINE = 32 * 2**20
"""Bytes: a line may hold a cell's images. A longer one is left out."""
_PIECE = 2**16
_TAIL = 4_000
"""Bytes of stderr that are kept."""
_TERM_S = 5.0
_GUARD = 'read -r _; kill -KILL "-$1"'
"""Ends the group when the pipe is closed to it, which happens however this process ends."""


class Child:
    """A started program. :meth:`end` must be called."""

    def __init__(self, process: asyncio.subprocess.Process, guard: asyncio.subprocess.Process, told: str) -> None:
        self._process, self._guard = process, guard
        self._tail = b""
        self._gathering = asyncio.create_task(self._gather())
        self._telling = asyncio.create_task(self._tell(told))

    @classmethod
    async def start(cls, command: Sequence[str], *, folder: Path, environment: Mapping[str, str], told: str) -> Child:
        """Start ``command`` in ``folder`` and write ``told`` to its stdin. Raises OSError."""
        process = await asyncio.create_subprocess_exec(
            *command,
            cwd=folder,
            env=dict(environment),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            start_new_session=True,
        )
        try:
            guard = await asyncio.create_subprocess_exec(
                *("/bin/sh", "-c", _GUARD, "sh", str(process.pid)),
                stdin=asyncio.subprocess.PIPE,
                env={},
                start_new_session=True,
            )
        except BaseException:
            process.kill()
            raise
        return cls(process, guard, told)

    async def lines(self) -> AsyncIterator[dict[str, Any]]:
        """The JSON objects that it writes, one a line; what is none is left out."""
        assert self._process.stdout is not None
        kept, skipping = bytearray(), False
        while piece := await self._process.stdout.read(_PIECE):
            *ended, rest = piece.split(b"\n")
            for part in ended:
                line = b"" if skipping else bytes(kept + part)
                kept.clear()
                skipping = False
                parsed = _parsed(line)
                if parsed is not None:
                    yield parsed
            kept += rest
            if len(kept) > _LONGEST_LINE:
                kept.clear()
                skipping = True

    async def ended(self) -> int:
        """Its exit status, once it has ended and what it has said last is known."""
        code = await self._process.wait()
        await asyncio.wait([self._gathering], timeout=1.0)  # somebody else may hold its stderr open
        return code

    @property
    def tail(self) -> str:
        """The end of what it has written to stderr."""
        return self._tail.decode(errors="replace")

    async def end(self) -> None:
        """End it and all that it has started; returns when they are gone."""
        started = _descendants(self._process.pid)
        with suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGTERM)
        with suppress(TimeoutError):
            await asyncio.wait_for(self._process.wait(), _TERM_S)
        with suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        for other in started:  # also those that have left its group
            with suppress(psutil.Error):
                other.kill()
        await self._process.wait()
        with suppress(ProcessLookupError):
            self._guard.kill()
        await self._guard.wait()
        self._gathering.cancel()
        self._telling.cancel()

    async def _tell(self, told: str) -> None:
        stdin = self._process.stdin
        assert stdin is not None
        with suppress(BrokenPipeError, ConnectionResetError):  # it has ended already, and its status says why
            stdin.write(told.encode())
            await stdin.drain()
        stdin.close()

    async def _gather(self) -> None:
        assert self._process.stderr is not None
        while piece := await self._process.stderr.read(_PIECE):
            self._tail = (self._tail + piece)[-_TAIL:]


def _parsed(line: bytes) -> dict[str, Any] | None:
    try:
        found = json.loads(line)
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None


def _descendants(pid: int) -> list[psutil.Process]:
    try:
        return psutil.Process(pid).children(recursive=True)
    except psutil.Error:
        return []
