"""One kernel process: start, watch, interrupt, end."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import zmq
from jupyter_client.asynchronous.client import AsyncKernelClient
from jupyter_client.kernelspec import KernelSpec, KernelSpecManager
from jupyter_client.manager import AsyncKernelManager
from jupyter_client.provisioning.local_provisioner import LocalProvisioner

from ..contracts import Connection, Veil
from ..errors import BadInput, KernelDied
from ..events import JsonDict
from ..kernel.provisioner import PlainProvisioner, SandboxProvisioner
from ..kernel.sandbox import sandbox_available
from .iopub import IopubReader

_START_TIMEOUT_S = 60.0
_WATCH_INTERVAL_S = 0.1
_REPLY_TIMEOUT_S = 2.0
_LOG_TAIL_BYTES = 4096
_WAITING_MESSAGES = 32
_MESSAGE_BYTES = 128 * 1024 * 1024


class _PythonSpec(KernelSpecManager):
    """Knows the one kernel that runs this package's own Python."""

    def get_kernel_spec(self, kernel_name: str) -> KernelSpec:
        argv = [
            sys.executable,
            "-m",
            "ipykernel_launcher",
            "-f",
            "{connection_file}",
            "--HistoryManager.enabled=False",
        ]
        return KernelSpec(argv=argv, display_name=kernel_name, language="python", interrupt_mode="message")


class Kernel:
    """A started kernel. ``dead`` is set as soon as its process has ended, ``reason`` then says how."""

    def __init__(self, manager: AsyncKernelManager, client: AsyncKernelClient, veil: Veil) -> None:
        self.veil = veil
        self.client = client
        self.dead = asyncio.Event()
        self.reason = ""
        self._manager = manager
        self._closing = False
        self._on_death: Callable[[str], None] = lambda _: None
        self.iopub = IopubReader(client, self.dead)
        self._tasks: list[asyncio.Task[None]] = []

    @classmethod
    async def start(
        cls, veil: Veil, *, work_dir: Path, connection: Connection | None, on_death: Callable[[str], None]
    ) -> Kernel:
        """Start a kernel in ``work_dir`` and wait until it answers.

        Args:
            veil: Sandboxed or plain process.
            work_dir: Its current folder, the only one that a sandboxed kernel may write to.
            connection: The organism that its client finds.
            on_death: Called with the reason when the process ends without having been told to.

        Raises:
            KernelDied: It ended or did not answer in time.
        """
        manager = _manager(veil)
        granted = {} if connection is None else _granted(connection)
        client = None
        try:
            await manager.start_kernel(cwd=str(work_dir), env={**os.environ, **granted})
            client = manager.client()
            client.start_channels(stdin=False, hb=False)
            await client.wait_for_ready(timeout=_START_TIMEOUT_S)
        except (RuntimeError, OSError) as error:
            detail = _log_tail(manager)
            if client is not None:
                client.stop_channels()
            await manager.shutdown_kernel(now=True)
            raise KernelDied(f"The kernel did not start: {detail or error}") from error
        except asyncio.CancelledError:
            await manager.shutdown_kernel(now=True)
            raise
        kernel = cls(manager, client, veil)
        kernel._on_death = on_death
        kernel._tasks = [asyncio.create_task(kernel._watch()), asyncio.create_task(kernel.iopub.run())]
        return kernel

    @property
    def pid(self) -> int:
        """Process that was started: the kernel, or bubblewrap around it."""
        return int(_provisioner(self._manager).pid or 0)

    async def reply(self, request_id: str) -> JsonDict:
        """Content of the answer to a request on the shell channel."""
        return await self._answer(self.client.get_shell_msg, request_id)

    async def interrupt(self) -> None:
        """Raise KeyboardInterrupt in the running cell; returns when the kernel has taken note of it."""
        request = self.client.session.msg("interrupt_request", {})
        self.client.control_channel.send(request)
        # Without waiting, a late interrupt would hit the next cell.
        answer = self._answer(self.client.get_control_msg, request["header"]["msg_id"])
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(answer, _REPLY_TIMEOUT_S)

    async def kill(self, reason: str) -> None:
        """End the process at once and wait until it has gone."""
        self.reason = reason
        await _provisioner(self._manager).kill()
        await self.dead.wait()

    async def _answer(self, receive: Callable[[], Awaitable[JsonDict]], request_id: str) -> JsonDict:
        while True:
            # The agent's code may send anything on these sockets; what is no answer is passed over.
            with contextlib.suppress(ValueError, TypeError, KeyError, IndexError, AttributeError, RecursionError):
                message = await receive()
                if message["parent_header"].get("msg_id") == request_id and isinstance(message["content"], dict):
                    return message["content"]
            await asyncio.sleep(0)

    async def drained(self) -> None:
        """After death: wait until all that the kernel had sent has been handled."""
        await self._tasks[1]

    async def close(self) -> None:
        """End the kernel and remove what it left outside its work folder."""
        self._closing = True
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self.client.stop_channels()
        await self._manager.shutdown_kernel(now=True)
        self.dead.set()

    async def _watch(self) -> None:
        provisioner = _provisioner(self._manager)
        # Polled, because a process can only be waited for without a thread on some platforms.
        while (code := await provisioner.poll()) is None:  # noqa: ASYNC110
            await asyncio.sleep(_WATCH_INTERVAL_S)
        self.reason = self.reason or _reason(code)
        self.dead.set()
        if not self._closing:
            self._on_death(self.reason)


def choose_veil(asked: Veil | None, connection: Connection | None) -> Veil:
    """Sandboxed where that works and nobody asked for less. ``REMOTE`` says nothing about the kernel.

    Raises:
        BadInput: A sandbox was asked for and cannot be had.
    """
    if asked is Veil.PROCESS:
        return asked
    problem = sandbox_available()
    if problem is None and connection is not None and not connection.url.startswith("unix://"):
        problem = "A sandboxed kernel has no network, so the organism must listen on a Unix socket."
    if problem is None:
        return Veil.SANDBOXED
    if asked is Veil.SANDBOXED:
        raise BadInput(problem)
    return Veil.PROCESS


def _manager(veil: Veil) -> AsyncKernelManager:
    manager = AsyncKernelManager(kernel_name="python3", kernel_spec_manager=_PythonSpec())
    # What the agent's code sends waits in this process's memory: few messages, none of them huge.
    manager.context.setsockopt(zmq.RCVHWM, _WAITING_MESSAGES)
    manager.context.setsockopt(zmq.MAXMSGSIZE, _MESSAGE_BYTES)
    kind = SandboxProvisioner if veil is Veil.SANDBOXED else PlainProvisioner
    manager.provisioner = kind(parent=manager, kernel_spec=manager.kernel_spec, kernel_id="")
    return manager


def _provisioner(manager: AsyncKernelManager) -> LocalProvisioner:
    assert isinstance(manager.provisioner, LocalProvisioner)
    return manager.provisioner


def _granted(connection: Connection) -> dict[str, str]:
    return {"INTERP_BENCH_URL": connection.url, "INTERP_BENCH_TOKEN": connection.token}


def _log_tail(manager: AsyncKernelManager) -> str:
    log: Any = getattr(manager.provisioner, "log_file", None)
    if log is None or not log.is_file():
        return ""
    lines = log.read_bytes()[-_LOG_TAIL_BYTES:].decode("utf-8", "replace").strip().splitlines()
    return lines[-1] if lines else ""


def _reason(code: int) -> str:
    # bubblewrap reports a signal as 128 plus its number, as shells do.
    number = -code if code < 0 else code - 128
    if number == signal.SIGKILL:
        return "The kernel was killed, possibly because it used too much memory."
    if 0 < number < signal.NSIG:
        return f"The kernel was ended by signal {number}."
    return f"The kernel ended by itself with exit code {code}."
