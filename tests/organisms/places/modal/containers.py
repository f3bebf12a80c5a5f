"""Containers: the wheel's real entry point as a process, under bubblewrap, so that paths are as Modal has them."""

from __future__ import annotations

import asyncio
import contextlib
import math
import shutil
import signal
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psutil
from google.protobuf.empty_pb2 import Empty
from modal_proto import api_pb2

from tests.organisms.places.modal.state import Function, Input, new_id
from tests.organisms.places.modal.wire import make_server

if TYPE_CHECKING:
    from tests.organisms.places.modal.plane import Plane

_POLL_S = 20.0
_HEARTBEAT_S = 14.0
"""How long a heartbeat waits for a cancellation; the client sends one every 15 s."""
_INSIDE = Path("/__modal")


class Container:
    """One task; also the servicer of the socket that only this container has."""

    def __init__(self, plane: Plane, function: Function) -> None:
        self.id = new_id("ta")
        self.function, self._plane = function, plane
        self.running: dict[str, Input] = {}
        self.stopping = False
        self._cancelled: asyncio.Queue[str] = asyncio.Queue()
        self._folder = plane.root / "containers" / self.id
        self._server: Any = None
        self._process: asyncio.subprocess.Process | None = None
        self._idle_since = time.monotonic()

    @property
    def free(self) -> int:
        return 0 if self.stopping else self.function.at_once - len(self.running)

    async def run(self) -> None:
        """Until the process ends; what it was doing then is begun again elsewhere, or fails."""
        try:
            await self._start()
            assert self._process is not None
            await self._process.wait()
        finally:
            self.stopping = True
            if self._server is not None:
                self._server.close()
            self.function.containers.remove(self)
            shutil.rmtree(self._folder / "fs", ignore_errors=True)
            await self._plane.reschedule(self.function, list(self.running.values()))

    async def _start(self) -> None:
        (self._folder / "modal").mkdir(parents=True)
        self._server = make_server(self, self._plane.seen, lambda _method, _metadata: None)
        await self._server.start(path=str(self._folder / "modal" / "s"))
        (self._folder / "modal" / "args").write_bytes(self._arguments().SerializeToString())
        log = (self._folder / "log").open("wb")
        self._process = await asyncio.create_subprocess_exec(
            *self._command(),
            env=self._environment(),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
        log.close()

    def log(self) -> str:
        return (self._folder / "log").read_text("utf-8", "replace")

    def signal(self, number: int) -> None:
        """Send a signal to everything in the container."""
        if self._process is None or self._process.returncode is not None:
            return
        with contextlib.suppress(psutil.Error):
            bwrap = psutil.Process(self._process.pid)
            everything = [*bwrap.children(recursive=True), bwrap]
            for process in everything if number == signal.SIGKILL else everything[-2:-1] or everything:
                with contextlib.suppress(psutil.Error):
                    process.send_signal(number)

    async def drain(self) -> None:
        """Ask it to take no more inputs and end, which it does when the running ones have ended."""
        self.stopping = True
        async with self.function.changed:
            self.function.changed.notify_all()

    async def cancel(self, input_id: str) -> None:
        await self._cancelled.put(input_id)

    def _arguments(self) -> api_pb2.ContainerArguments:
        assert self.function.definition is not None
        definition = api_pb2.Function()
        definition.CopyFrom(self.function.definition)
        definition.is_checkpointing_function = definition.checkpointing_enabled
        return api_pb2.ContainerArguments(
            task_id=self.id,
            function_id=self.function.id,
            app_id=self.function.app.id,
            function_def=definition,
            app_layout=self._plane.layout(self.function.app),
            environment_name="main",
            checkpoint_id="ch-1" if definition.checkpointing_enabled else "",
        )

    def _environment(self) -> dict[str, str]:
        definition = self.function.definition
        assert definition is not None
        found = {
            "PATH": "/usr/local/bin:/usr/bin:/bin",
            "HOME": "/root",
            "PYTHONPATH": "/root",
            "PYTHONDONTWRITEBYTECODE": "1",
            "MODAL_IS_REMOTE": "1",
            "MODAL_TASK_ID": self.id,
            "MODAL_SERVER_URL": f"unix://{_INSIDE}/s",
            "MODAL_CONTAINER_ARGUMENTS_PATH": f"{_INSIDE}/args",
            "MODAL_ENABLE_SNAP_RESTORE": "1",
            "MODAL_RESTORE_STATE_PATH": f"{_INSIDE}/restored",
        }
        found |= self._plane.image_environment(definition.image_id)
        for secret in definition.secret_ids:
            found |= self._plane.state.secrets[secret]
        return found

    def _command(self) -> list[str]:
        definition = self.function.definition
        assert definition is not None
        files = self._folder / "fs"
        (files / "root").mkdir(parents=True)
        for mount in definition.mount_ids:
            for file in self._plane.state.mounts[mount]:
                self._plane.store.link(file.sha256_hex, files / file.filename.lstrip("/"), file.mode)
        shown = [part for path in ("/usr", "/etc", "/sys") for part in ("--ro-bind", path, path)]
        for path in map(Path, ("/bin", "/sbin", "/lib", "/lib32", "/lib64")):
            if path.is_symlink():
                shown += ["--symlink", str(path.readlink()), str(path)]
            elif path.is_dir():
                shown += ["--ro-bind", str(path), str(path)]
        shown += [part for folder in files.iterdir() for part in ("--bind", str(folder), f"/{folder.name}")]
        for prefix in dict.fromkeys((sys.base_prefix, sys.prefix)):
            if not Path(prefix).is_relative_to("/usr"):
                shown += ["--ro-bind", prefix, prefix]
        for volume in definition.volume_mounts:
            option = "--ro-bind" if volume.read_only else "--bind"
            shown += [option, str(self._plane.store.volume(volume.volume_id)), volume.mount_path]
        network = ["--unshare-net"] if definition.block_network else []
        # The whole /proc: one that hides something cannot be mounted again by the sandbox inside. An empty /tmp comes
        # first, for this checkout may lie below it.
        system = ["--bind", "/proc", "/proc", "--dev", "/dev", "--tmpfs", "/tmp"]  # noqa: S108
        modal = ["--bind", str(self._folder / "modal"), str(_INSIDE)]
        python = [sys.executable, "-m", "modal._container_entrypoint"]
        return ["bwrap", "--die-with-parent", *network, *system, *shown, *modal, "--chdir", "/root", *python]

    # What the container asks.

    async def ContainerHello(self, _request: Any) -> Empty:  # noqa: N802
        self._plane.counts["containers started"] += 1
        return Empty()

    async def ContainerCheckpoint(self, _request: Any) -> Empty:  # noqa: N802
        """Go on at once, as the container that a snapshot is taken of does."""
        self._plane.counts["snapshots"] += 1
        (self._folder / "modal" / "restored").write_text("{}", "utf-8")
        return Empty()

    async def ContainerHeartbeat(self, _request: Any) -> api_pb2.ContainerHeartbeatResponse:  # noqa: N802
        with contextlib.suppress(TimeoutError):
            cancelled = await asyncio.wait_for(self._cancelled.get(), _HEARTBEAT_S)
            return api_pb2.ContainerHeartbeatResponse(
                cancel_input_event=api_pb2.CancelInputEvent(input_ids=[cancelled])
            )
        return api_pb2.ContainerHeartbeatResponse()

    async def FunctionGetInputs(self, _request: Any) -> api_pb2.FunctionGetInputsResponse:  # noqa: N802
        assert self.function.definition is not None
        function, until = self.function, time.monotonic() + _POLL_S
        window_s = function.definition.autoscaler_settings.scaledown_window or 60
        async with function.changed:
            while not (function.pending and not self.stopping):
                now = time.monotonic()
                idle_until = math.inf if self.running else self._idle_since + window_s
                if self.stopping or now >= idle_until:
                    self.stopping = True
                    return _items(api_pb2.FunctionGetInputsItem(kill_switch=True))
                if now >= until:
                    return api_pb2.FunctionGetInputsResponse()
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(function.changed.wait(), min(until, idle_until) - now)
            one = function.pending.popleft()
            self.running[one.id] = one
        item = api_pb2.FunctionInput()
        item.CopyFrom(one.item)
        if item.args_blob_id:  # the worker fetches it: the container may be without a network
            item.args = self._plane.store.blob(one.item.args_blob_id)
        return _items(
            api_pb2.FunctionGetInputsItem(
                input_id=one.id,
                input=item,
                function_call_id=one.call.id,
                function_call_invocation_type=one.invocation,
                retry_count=one.retries,
            )
        )

    async def FunctionCallPutDataOut(self, request: Any) -> Empty:  # noqa: N802
        call = self._plane.state.calls[request.function_call_id]
        if any(one.call is call for one in self.running.values()):
            call.chunks.extend(request.data_chunks)
            await call.notify()
        return Empty()

    async def FunctionPutOutputs(self, request: Any) -> Empty:  # noqa: N802
        for output in request.outputs:
            one = self.running.pop(output.input_id, None)
            self._idle_since = time.monotonic()
            if one is not None:
                await one.finish(
                    api_pb2.FunctionGetOutputsItem(
                        result=output.result, data_format=output.data_format, input_id=one.id, task_id=self.id
                    )
                )
        await self._plane.scale(self.function)
        return Empty()

    async def TaskResult(self, request: Any) -> Empty:  # noqa: N802
        waiting = list(self.function.pending)
        self.function.pending.clear()
        for one in waiting:
            await one.finish(api_pb2.FunctionGetOutputsItem(result=request.result, input_id=one.id))
        return Empty()

    async def BlobCreate(self, request: Any) -> api_pb2.BlobCreateResponse:  # noqa: N802
        return await self._plane.client.BlobCreate(request)

    async def VolumeGetOrCreate(self, request: Any) -> api_pb2.VolumeGetOrCreateResponse:  # noqa: N802
        return await self._plane.client.VolumeGetOrCreate(request)

    async def VolumeReload(self, _request: Any) -> Empty:  # noqa: N802
        return Empty()

    async def VolumeCommit(self, _request: Any) -> api_pb2.VolumeCommitResponse:  # noqa: N802
        return api_pb2.VolumeCommitResponse()


def _items(item: api_pb2.FunctionGetInputsItem) -> api_pb2.FunctionGetInputsResponse:
    return api_pb2.FunctionGetInputsResponse(inputs=[item])
