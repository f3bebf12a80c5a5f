"""Kernels of a running Jupyter server: the notebook's own, as a browser sees it, but started the way a run needs."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from jupyter_client._version import protocol_version
from jupyter_client.asynchronous.client import AsyncKernelClient
from jupyter_server.serverapp import ServerApp
from tornado.web import HTTPError
from traitlets import TraitError

from ..contracts import Connection, Veil
from ..errors import BadInput, KernelDied, NotebookConflict
from ..sandbox.provisioner import CleanProvisioner
from .kernel_factory import KernelFactory, RunRestarter
from .kernels import Kernel, granted
from .location import NotebookLocation
from .work_dir import move_work_dir, usable_work_dir

KERNEL_NAME = "python3"
_BEAT_S = 1.0
_BUFFERED_BYTES = 32 * 1024 * 1024
_OTHERS_TIMEOUT_S = 60.0
_POLL_S = 0.05
_FAILURES = (RuntimeError, OSError, ValueError, TraitError, HTTPError)


class ServerKernels:
    """The kernel of one notebook for the length of a run. It ends with the run, and a fresh one takes its place.

    A kernel that the notebook had before is left running, without the notebook's session.
    """

    def __init__(self, serverapp: ServerApp, location: NotebookLocation, *, veil: Veil, work_dir: Path) -> None:
        self.veil = veil
        self._location = location
        self._notebook = location.path
        """Where the notebook was as the work folder was made."""
        self._work_dir = work_dir
        self._kernels: Any = serverapp.kernel_manager
        self._sessions: Any = serverapp.session_manager
        self._activity: dict[str, datetime] = serverapp.web_app.settings["last_activity_times"]
        self._factory = KernelFactory.of(self._kernels)
        self._session: tuple[str, str] | None = None
        """Id and path of the notebook's session."""
        self._held: _Held | None = None

    @property
    def kernel_id(self) -> str | None:
        return None if self._held is None else self._held.kernel_id

    async def start(self, *, connection: Connection | None, on_death: Callable[[str], None]) -> Kernel:
        kernel_id = await self._started(connection=connection)
        manager = self._kernels.get_kernel(kernel_id)
        self._held = _Held(kernel_id, manager, manager.provisioner)
        try:
            return await self._attach(self._held, on_death)
        except BaseException:
            self._let_go()
            with contextlib.suppress(*_FAILURES):
                await self._kernels.shutdown_kernel(kernel_id, now=True)
            raise

    async def _started(self, *, connection: Connection | None) -> str:
        """The id of a new kernel, whose process has been launched. Raises KernelDied."""
        try:
            with self._factory.ordered(veil=self.veil, connection=connection):
                kernel_id = await self._kernels.start_kernel(kernel_name=KERNEL_NAME, cwd=str(self._work_dir))
            await self._kernels.get_kernel(kernel_id).ready
        except _FAILURES as error:
            raise KernelDied(f"The kernel did not start: {error}") from error
        return str(kernel_id)

    async def restart(self, *, connection: Connection | None, on_death: Callable[[str], None]) -> Kernel:
        """A fresh process under the same id, so that browsers stay attached; one that somebody else started is used.

        Where somebody has shut the kernel down or changed it, the notebook gets a new one.
        """
        held = self._held
        if held is None or not await self._settled(held):
            await self._release()
            return await self.start(connection=connection, on_death=on_death)
        if held.kernel is not None:
            await held.kernel.detach()
        if not held.runs_anew():
            await self._start_again(held, connection)
        return await self._attach(held, on_death)

    async def close(self) -> None:
        """End the kernel with all that it has started; the notebook gets a fresh one that knows nothing of the run.

        That one is like any other of the server, but behind the same veil, as whoever runs the agent's cells again by
        hand would not expect that they can do more than before. It has no access to the organism.
        """
        held = self._held
        if held is None or not await self._settled(held):
            await self._release()
            return
        if held.kernel is not None:
            await held.kernel.detach()
        with contextlib.suppress(*_FAILURES):
            await held.provisioner.kill()
        held.provisioner.leaves_work = True
        # The session has its next kernel before it loses this one: browsers would see it end otherwise.
        with contextlib.suppress(*_FAILURES, BadInput, NotebookConflict, KernelDied):
            move_work_dir(self._notebook, self._location.path)
            self._work_dir = usable_work_dir(self._location.path)
            await self._point_session(await self._started(connection=None))
        self._let_go(ended=True)
        with contextlib.suppress(*_FAILURES):
            await self._kernels.shutdown_kernel(held.kernel_id, now=True)

    async def _start_again(self, held: _Held, connection: Connection | None) -> None:
        held.provisioner.granted = granted(connection)
        held.announce()
        try:
            await self._kernels.restart_kernel(held.kernel_id, now=True)
        except _FAILURES as error:
            raise KernelDied(f"The kernel did not start again: {error}") from error

    async def _attach(self, held: _Held, on_death: Callable[[str], None]) -> Kernel:
        # Not the manager's own client: that one has the manager's identity, and replies go astray.
        client = AsyncKernelClient(parent=held.manager, context=self._factory.context)
        client.load_connection_info(held.manager.get_connection_info())
        held.kernel = await Kernel.attach(client, held.provisioner, on_death=on_death)
        held.answer_for_it()
        if held.keeping is None:
            held.provisioner.held = True
            self._kernels.notify_connect(held.kernel_id)
            held.keeping = asyncio.create_task(self._keep(held))
        await self._point_session(held.kernel_id)
        return held.kernel

    async def _settled(self, held: _Held) -> bool:
        """Wait while somebody else restarts or ends the kernel; returns whether the server still has it."""
        deadline = time.monotonic() + _OTHERS_TIMEOUT_S
        # A kernel's manager tells nobody when it is done.
        while (there := self._has(held)) and held.changing() and time.monotonic() < deadline:  # noqa: ASYNC110
            await asyncio.sleep(_POLL_S)
        return there

    def _has(self, held: _Held) -> bool:
        return held.kernel_id in self._kernels and self._kernels.get_kernel(held.kernel_id) is held.manager

    async def _release(self) -> None:
        if self._held is not None and self._held.kernel is not None:
            await self._held.kernel.detach()
        self._let_go()

    def _let_go(self, *, ended: bool = False) -> None:
        """Have the server do with the kernel as with any other; one that has ``ended`` it is not to start again."""
        held, self._held = self._held, None
        if held is not None and held.keeping is not None:
            held.keeping.cancel()
            held.provisioner.held = ended
            self._kernels.notify_disconnect(held.kernel_id)

    async def _point_session(self, kernel_id: str) -> None:
        """Make this kernel the notebook's own."""
        path = self._location.api
        model = await self._find_session(path)
        if model is None:
            name = self._location.name
            model = await self._sessions.create_session(path=path, name=name, type="notebook", kernel_id=kernel_id)
        elif model["kernel"]["id"] != kernel_id:
            await self._sessions.update_session(model["id"], kernel_id=kernel_id)
        self._session = (model["id"], path)

    async def _find_session(self, path: str) -> Any:
        keys = [{"path": path}] if self._session is None else [{"session_id": self._session[0]}, {"path": path}]
        for key in keys:
            with contextlib.suppress(HTTPError):
                return await self._sessions.get_session(**key)
        return None

    async def _keep(self, held: _Held) -> None:
        """Keep the kernel and the server from being culled, and its buffer from growing, while a run has it."""
        forgotten_bytes, kernel = 0, held.kernel
        while True:
            held.manager.last_activity = self._activity["interp_bench"] = datetime.now(UTC)
            if held.kernel is not kernel:
                forgotten_bytes, kernel = 0, held.kernel
            if kernel is not None and kernel.iopub.received_bytes - forgotten_bytes > _BUFFERED_BYTES:
                forgotten_bytes = kernel.iopub.received_bytes
                with contextlib.suppress(HTTPError):
                    # The server keeps what a kernel says for a browser that was closed, however much that is.
                    self._kernels.stop_buffering(held.kernel_id)
            with contextlib.suppress(HTTPError, NotebookConflict):
                await self._follow()
            await asyncio.sleep(_BEAT_S)

    async def _follow(self) -> None:
        """Let the session have the notebook's path after a rename that no browser has reported."""
        path = self._location.api
        if self._session is not None and self._session[1] != path:
            self._session = (self._session[0], path)
            await self._sessions.update_session(self._session[0], path=path, name=self._location.name)


@dataclass
class _Held:
    """The kernel that a run has."""

    kernel_id: str
    manager: Any
    provisioner: CleanProvisioner
    kernel: Kernel | None = None
    keeping: asyncio.Task[None] | None = None

    def changing(self) -> bool:
        """Whether somebody is just about to end or start its process."""
        return bool(self.manager.shutting_down or not self.manager.ready.done())

    def runs_anew(self) -> bool:
        """Whether somebody else has put a new process in the place of the one that was attached to."""
        process = self.provisioner.process
        return (
            process is not None and process.poll() is None and (self.kernel is None or process.pid != self.kernel.pid)
        )

    def answer_for_it(self) -> None:
        """Let browsers attach while it is busy: the server asks it who it is first, and would wait for its answer.

        A minute at most, in which browsers open no other connection to the server (jupyter_server 2.21).
        """
        self.manager._kernel_info_future = Future()
        self.manager._kernel_info_future.set_result({"protocol_version": protocol_version})

    def announce(self) -> None:
        """Tell browsers that the kernel restarts, so that they wait for nothing that it was asked before."""
        restarter = self.manager._restarter
        if isinstance(restarter, RunRestarter):
            restarter.announce()
