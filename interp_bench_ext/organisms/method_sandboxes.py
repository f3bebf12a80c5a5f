"""The sandboxes in which custom methods run, started and ended as the organism's process says.

Such a process is given Python, torch, the types that results are made of, and one socket to the organism's process: no
file of the organism, no network, no prompt.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import shutil
from pathlib import Path
from typing import Any

from interp_bench_ext.sandbox.bubblewrap import bwrap_command
from interp_bench_ext.sandbox.limits import limited, memory_mb
from interp_bench_ext.sandbox.memory_group import MemoryGroup
from interp_bench_ext.sandbox.mounts import read_only
from interp_bench_ext.sandbox.package import method_package
from interp_bench_ext.sandbox.private_folder import private_folder

_PLACE = Path("/run/organism")
_MEMORY_SHARE = 4
"""One in so many of the machine's is the most that a method's processes may take."""
_SYSTEM = (Path("/sys/devices/system/cpu"), Path("/sys/fs/cgroup"))


class MethodSandboxes:
    """Those of one organism. ``folder`` is where its process makes the sockets that they connect to."""

    def __init__(self) -> None:
        self.folder = private_folder()
        self._running: dict[str, tuple[asyncio.subprocess.Process, MemoryGroup | None]] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    def heed(self, message: dict[str, Any]) -> None:
        """Start the process that the organism's process waits for, or end it."""
        self._do(self._start(message) if message["type"] == "method" else self._end(message["number"]))

    def _do(self, work: Any) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _start(self, message: dict[str, Any]) -> None:
        socket = Path(message["socket"])
        if socket.parent != self.folder:
            return
        mounts = [*method_package(), read_only(socket, _PLACE), *(read_only(path) for path in _SYSTEM if path.exists())]
        command = await asyncio.to_thread(
            bwrap_command, mounts, cwd=Path("/"), arguments=["-P", "-m", "interp_bench_ext.methods"]
        )
        most_mb = memory_mb() // _MEMORY_SHARE
        group = await asyncio.to_thread(MemoryGroup.make, most_mb * 2**20)
        process = await asyncio.create_subprocess_exec(
            *limited(command, data_mb=most_mb, group=group),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.DEVNULL,
            env={"OMP_WAIT_POLICY": "PASSIVE"},
            cwd="/",
        )
        self._running[message["number"]] = process, group
        assert process.stdin is not None
        with contextlib.suppress(ConnectionError):
            process.stdin.write(json.dumps({"socket": str(_PLACE), "word": message["word"]}).encode() + b"\n")
            await process.stdin.drain()

    async def _end(self, number: str) -> None:
        if number not in self._running:
            return
        process, group = self._running.pop(number)
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.wait()
        if group is not None:
            await asyncio.to_thread(group.remove)

    async def end_all(self) -> None:
        """End every one: the process that they spoke to is gone."""
        for task in list(self._tasks):
            with contextlib.suppress(OSError):
                await task
        for number in list(self._running):
            await self._end(number)

    async def stop(self) -> None:
        """End every one, and remove the folder."""
        await self.end_all()
        shutil.rmtree(self.folder, ignore_errors=True)
