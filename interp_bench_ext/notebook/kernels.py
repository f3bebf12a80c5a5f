"""One kernel process as a session uses it: watch it, ask it, interrupt it; where it comes from is its source's."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import sys
import time
from collections.abc import Awaitable, Callable, Collection
from typing import Protocol

from ipykernel.kernelspec import get_kernel_dict
from jupyter_client.asynchronous.client import AsyncKernelClient
from jupyter_client.kernelspec import KernelSpec, KernelSpecManager
from jupyter_client.manager import AsyncKernelManager

from ..contracts import Connection, Veil
from ..errors import BadInput, KernelDied
from ..output_filter.relay import Relay
from ..record.event import JsonDict
from ..sandbox.bubblewrap import sandbox_available
from ..sandbox.provisioner import CleanProvisioner, PlainProvisioner, SandboxProvisioner
from ..sandbox.quota import Quota
from .iopub import IopubReader

_START_TIMEOUT_S = 60.0
_ASK_AGAIN_S = 0.2
_WATCH_INTERVAL_S = 0.1
_REPLY_TIMEOUT_S = 2.0
_QUOTA_INTERVAL_S = 0.5


class KernelSource(Protocol):
    """Where a session's kernels come from."""

    veil: Veil

    @property
    def kernel_id(self) -> str | None:
        """The kernel's id in the Jupyter server that has it."""
        ...

    async def start(self, *, connection: Connection | None, on_death: Callable[[str], None]) -> Kernel:
        """Start the session's kernel and wait until it answers.

        Args:
            connection: The organism that its client finds.
            on_death: Called with the reason when the process ends without the session's doing.

        Raises:
            KernelDied: It ended or did not answer in time.
        """
        ...

    async def restart(self, *, connection: Connection | None, on_death: Callable[[str], None]) -> Kernel:
        """Put a fresh process in the place of the kernel's, dead or alive; otherwise as ``start``."""
        ...

    async def close(self) -> None:
        """The session needs no kernel any more."""
        ...


class PythonSpec(KernelSpecManager):
    """Knows the one kernel that runs this package's own Python."""

    def get_kernel_spec(self, kernel_name: str) -> KernelSpec:
        argv = [
            sys.executable,
            "-P",  # what lies in the work folder is no module of Python's or ours
            "-m",
            "ipykernel_launcher",
            "-f",
            "{connection_file}",
            "--HistoryManager.enabled=False",
            "--InteractiveShellApp.ignore_cwd=True",
            "--InteractiveShellApp.extensions=interp_bench_ext.kernel.own_modules",
        ]
        return KernelSpec(
            argv=argv,
            display_name=kernel_name,
            language="python",
            interrupt_mode="message",
            # Says whether what travels to and from it can be encrypted, which some servers insist on.
            metadata=get_kernel_dict().get("metadata", {}),
        )


class Kernel:
    """A kernel that runs. ``dead`` is set as soon as its process has ended, ``reason`` then says how."""

    def __init__(
        self, client: AsyncKernelClient, provisioner: CleanProvisioner, *, on_death: Callable[[str], None]
    ) -> None:
        assert provisioner.process is not None
        assert isinstance(provisioner.front, Relay)
        self.client = client
        self.dead = asyncio.Event()
        self.reason = ""
        self.iopub = IopubReader(provisioner.front)
        self._provisioner = provisioner
        self._process = provisioner.process
        self._on_death = on_death
        watched = [self._watch(), *map(self._watch_quota, provisioner.quotas)]
        self._watching = [asyncio.create_task(watching) for watching in watched]

    @classmethod
    async def attach(
        cls, client: AsyncKernelClient, provisioner: CleanProvisioner, *, on_death: Callable[[str], None]
    ) -> Kernel:
        """Attach to a process that has just been launched, and wait until it answers. Raises KernelDied."""
        client.start_channels(iopub=False, stdin=False, hb=False)
        kernel = cls(client, provisioner, on_death=lambda _: None)
        try:
            await kernel._answers()
        except BaseException:
            await kernel.detach()
            raise
        kernel._on_death = on_death
        return kernel

    @property
    def pid(self) -> int:
        """Process that was started: the kernel, or bubblewrap around it."""
        return int(self._process.pid)

    async def reply(self, request_ids: Collection[str]) -> tuple[str, JsonDict]:
        """The request that is answered first on the shell channel, and its answer; ids may be added meanwhile."""
        return await self._answer(self.client.get_shell_msg, request_ids)

    async def interrupt(self) -> None:
        """Raise KeyboardInterrupt in the running cell; returns when the kernel has taken note of it."""
        request = self.client.session.msg("interrupt_request", {})
        self.client.control_channel.send(request)
        # Without waiting, a late interrupt would hit the next cell.
        answer = self._answer(self.client.get_control_msg, [request["header"]["msg_id"]])
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(answer, _REPLY_TIMEOUT_S)

    async def kill(self, reason: str) -> None:
        """End the process at once and wait until it has gone."""
        self.reason = reason
        if self._provisioner.process is self._process:
            await self._provisioner.kill()
        await self.dead.wait()

    async def drained(self) -> None:
        """After death: wait until all that the kernel had sent has been handled."""
        await self.iopub.drained()

    async def detach(self) -> None:
        """Leave the process alone from now on, and let nobody wait for it."""
        for task in self._watching:
            task.cancel()
        await asyncio.gather(*self._watching, return_exceptions=True)
        self.iopub.close()
        self.client.stop_channels()
        self.dead.set()

    async def _answers(self) -> None:
        """Wait until the kernel answers and its output arrives here.

        Asked on the control channel, which answers also while a cell of somebody else runs.
        """
        heard = asyncio.Event()
        waiting = [asyncio.create_task(heard.wait()), asyncio.create_task(self.dead.wait())]
        deadline = time.monotonic() + _START_TIMEOUT_S
        try:
            while time.monotonic() < deadline:
                # Only an answer shows that the subscription to the output has reached the kernel.
                request = self.client.session.msg("kernel_info_request", {})
                self.iopub.subscribe(request["header"]["msg_id"], lambda _: heard.set())
                self.client.control_channel.send(request)
                await asyncio.wait(waiting, timeout=_ASK_AGAIN_S, return_when="FIRST_COMPLETED")
                if heard.is_set():
                    return
                if self.dead.is_set():
                    raise KernelDied(f"The kernel did not start: {_last_line(self._provisioner.said()) or self.reason}")
        finally:
            for task in waiting:
                task.cancel()
        raise KernelDied(f"The kernel did not answer within {_START_TIMEOUT_S:.0f} seconds of its start.")

    async def _answer(
        self, receive: Callable[[], Awaitable[JsonDict]], request_ids: Collection[str]
    ) -> tuple[str, JsonDict]:
        while True:
            # The agent's code may send anything on these sockets; what is no answer is passed over.
            with contextlib.suppress(ValueError, TypeError, KeyError, IndexError, AttributeError, RecursionError):
                message = await receive()
                answered = message["parent_header"].get("msg_id")
                if answered in request_ids and isinstance(message["content"], dict):
                    return answered, message["content"]
            await asyncio.sleep(0)

    async def _watch(self) -> None:
        # Polled, because a process can only be waited for without a thread on some platforms.
        while (code := self._process.poll()) is None:  # noqa: ASYNC110
            await asyncio.sleep(_WATCH_INTERVAL_S)
        ended_by = self._provisioner.overflowed()
        self.reason = self.reason or ended_by or _reason(self._provisioner.asked.get(self.pid), code)
        self.dead.set()
        self._on_death(self.reason)

    async def _watch_quota(self, quota: Quota) -> None:
        """End the kernel when it is over a quota: it would not have to listen to anything else."""
        while True:
            began = time.monotonic()
            if await asyncio.to_thread(quota.exceeded):
                await self.kill(quota.sentence)
                return
            # What takes long to look at is looked at less often.
            await asyncio.sleep(max(_QUOTA_INTERVAL_S, 10 * (time.monotonic() - began)))


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


def provision(manager: AsyncKernelManager, veil: Veil, connection: Connection | None) -> CleanProvisioner:
    """Have the manager's kernel start the way ``veil`` says, granted nothing but the organism."""
    kind = SandboxProvisioner if veil is Veil.SANDBOXED else PlainProvisioner
    provisioner = kind(parent=manager, kernel_spec=manager.kernel_spec, kernel_id="")
    provisioner.granted = granted(connection)
    provisioner.front = Relay()
    manager.provisioner = provisioner
    return provisioner


def granted(connection: Connection | None) -> dict[str, str]:
    """The environment in which a kernel finds its organism."""
    if connection is None:
        return {}
    return {"INTERP_BENCH_URL": connection.url, "INTERP_BENCH_TOKEN": connection.token}


def _last_line(said: str) -> str:
    return (said.strip().splitlines() or [""])[-1]


def _reason(asked: str | None, code: int) -> str:
    if asked == "restart":
        return "The kernel was restarted by somebody else."
    if asked is not None:
        return "The kernel was shut down or changed by somebody else."
    # bubblewrap reports a signal as 128 plus its number, as shells do.
    number = -code if code < 0 else code - 128
    if number == signal.SIGKILL:
        return "The kernel was killed, possibly because it used too much memory."
    if 0 < number < signal.NSIG:
        return f"The kernel was ended by signal {number}."
    return f"The kernel ended by itself with exit code {code}."
