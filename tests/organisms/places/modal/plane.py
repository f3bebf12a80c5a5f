"""A control plane of Modal on 127.0.0.1, for the wheel's own client and its own container entry point.

``python -m tests.organisms.places.modal.plane FOLDER`` prints one JSON line with its two addresses and serves until its
stdin ends.
Calls go over gRPC; blobs, and what a test wants to know or break, over HTTP.
"""

from __future__ import annotations

import asyncio
import gc
import json
import signal
import sys
from collections import Counter
from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path
from typing import Any

from aiohttp import web
from grpclib import GRPCError, Status
from modal_proto import api_pb2

from interp_bench_ext.organisms.places.modal.buffers import keep_freed_memory
from interp_bench_ext.organisms.places.modal.h2_patch import spare_frame_texts
from tests.organisms.places.modal.client_side import ClientSide
from tests.organisms.places.modal.containers import Container
from tests.organisms.places.modal.faults import Faults
from tests.organisms.places.modal.state import App, Function, Input, State, new_id
from tests.organisms.places.modal.store import Store
from tests.organisms.places.modal.wire import make_server

_LARGEST_BLOB_BYTES = 1 << 32
_ENDING_S = 10.0


class Plane:
    def __init__(self, root: Path) -> None:
        self.root = root
        self.state, self.store, self.faults = State(), Store(root), Faults()
        self.seen: Counter[str] = Counter()
        """Calls by method; those that it does not know begin with ``unknown``."""
        self.counts: Counter[str] = Counter()
        self.client = ClientSide(self)
        self.grpc_url = self.http_url = ""
        self._tasks: set[asyncio.Task[None]] = set()
        self._runner: web.AppRunner | None = None
        self._server: Any = None
        self._ending = False

    async def start(self) -> None:
        self._server = make_server(self.client, self.seen, self._check)
        await self._server.start("127.0.0.1", 0)
        self.grpc_url = f"http://127.0.0.1:{_port(self._server._server)}"
        app = web.Application(client_max_size=_LARGEST_BLOB_BYTES)
        app.add_routes([*self.store.routes(), web.get("/seen", self._on_seen), web.post("/do", self._on_do)])
        self._runner = web.AppRunner(app, access_log=None)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await site.start()
        self.http_url = f"http://127.0.0.1:{_port(site._server)}"

    async def stop_all(self) -> None:
        self._ending = True
        for container in self._containers():
            container.signal(signal.SIGKILL)
        if self._tasks:
            # What has not ended by then waits for a client that has gone, and is cancelled with the loop.
            await asyncio.wait(self._tasks, timeout=_ENDING_S)

    # Inputs and containers.

    async def enqueue(self, function: Function, inputs: Iterable[Input]) -> None:
        function.pending.extend(inputs)
        await self.scale(function)
        async with function.changed:
            function.changed.notify_all()

    async def scale(self, function: Function) -> None:
        """As many containers as the waiting inputs need and the function allows."""
        assert function.definition is not None
        if self._ending:
            return
        at_most = function.definition.autoscaler_settings.max_containers or 100
        while function.app.deployed and len(function.pending) > sum(one.free for one in function.containers):
            if len([one for one in function.containers if not one.stopping]) >= at_most:
                return
            container = Container(self, function)
            function.containers.append(container)
            task = asyncio.create_task(container.run())
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def reschedule(self, function: Function, inputs: list[Input]) -> None:
        """What a container that has ended had not finished."""
        if self.faults.abandon or not function.app.deployed:
            status = api_pb2.GenericResult.GENERIC_STATUS_INTERNAL_FAILURE
            for one in inputs:
                await one.fail(status, "the container has ended")
            inputs = []
        for one in inputs:
            one.retries += 1
        await self.enqueue(function, inputs)

    async def stop(self, app: App) -> None:
        app.state = api_pb2.APP_STATE_STOPPED
        for function in (self.state.functions[one] for one in app.functions.values()):
            for container in function.containers:
                container.stopping = True
                container.signal(signal.SIGKILL)
            while function.pending:
                await function.pending.popleft().fail(
                    api_pb2.GenericResult.GENERIC_STATUS_TERMINATED, "the app was stopped"
                )

    def layout(self, app: App) -> api_pb2.AppLayout:
        objects = [
            api_pb2.Object(object_id=one, function_handle_metadata=self.state.functions[one].handle)
            for one in app.functions.values()
        ]
        objects += [
            api_pb2.Object(object_id=one, class_handle_metadata=api_pb2.ClassHandleMetadata())
            for one in app.classes.values()
        ]
        return api_pb2.AppLayout(objects=objects, function_ids=app.functions, class_ids=app.classes)

    def image_environment(self, image: str) -> dict[str, str]:
        """The variables that the image's ENV commands set."""
        found: dict[str, str] = {}
        while image:
            definition = self.state.images[image]
            for command in definition.dockerfile_commands:
                name, equals, value = command.removeprefix("ENV ").partition("=")
                if command.startswith("ENV ") and equals:
                    found.setdefault(name, value.strip("'\""))
            bases = definition.base_images
            image = bases[0].image_id if bases else ""
        return found

    def _containers(self) -> list[Container]:
        return [one for function in self.state.functions.values() for one in function.containers]

    def _check(self, method: str, metadata: Any) -> None:
        given = metadata.get("x-modal-token-id"), metadata.get("x-modal-token-secret")
        if given != tuple(self.faults.token):
            raise GRPCError(Status.UNAUTHENTICATED, "Token validation failed")
        self.faults.check(method)

    # What tests ask.

    async def _on_seen(self, _request: web.Request) -> web.Response:
        containers = [
            {
                "id": one.id,
                "function": one.function.name,
                "app": one.function.app.name,
                "running": len(one.running),
                "log": one.log(),
            }
            for one in self._containers()
        ]
        apps = [
            {"id": app.id, "name": app.name, "deployed": app.deployed, "deploys": app.deploys}
            for app in self.state.apps.values()
        ]
        definitions = [
            str(function.definition) for function in self.state.functions.values() if function.definition is not None
        ]
        seen = {
            "calls": self.seen,
            "counts": self.counts,
            "containers": containers,
            "apps": apps,
            "functions": definitions,
            "volumes": self.state.volumes,
            "images": [list(image.dockerfile_commands) for image in self.state.images.values()],
            "blob_bytes": self.store.blob_bytes,
        }
        return web.json_response(seen)

    async def _on_do(self, request: web.Request) -> web.Response:
        order = await request.json()
        match order.pop("do"):
            case "faults":
                self.faults = Faults(**{**asdict(self.faults), **order})
            case "secret":
                self.state.named_secrets[order["name"]] = secret = new_id("st")
                self.state.secrets[secret] = order["values"]
            case "kill":
                for container in self._containers():
                    container.signal(signal.SIGKILL)
            case "preempt":
                for container in self._containers():
                    container.stopping = True
                    container.signal(signal.SIGINT)
            case "volume":
                volume = self.state.volumes.setdefault(order["name"], f"vo-{order['name']}")
                return web.json_response(str(self.store.volume(volume)))
        return web.json_response(None)


def _port(server: Any) -> int:
    return int(server.sockets[0].getsockname()[1])


async def main(root: Path) -> None:
    plane = Plane(root)
    await plane.start()
    gc.freeze()
    spare_frame_texts()
    keep_freed_memory()
    print(json.dumps({"grpc": plane.grpc_url, "http": plane.http_url}), flush=True)  # noqa: T201
    loop = asyncio.get_running_loop()
    ended = asyncio.Event()
    loop.add_reader(0, lambda: sys.stdin.buffer.read1() or ended.set())
    await ended.wait()
    loop.remove_reader(0)
    await plane.stop_all()


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1])))
