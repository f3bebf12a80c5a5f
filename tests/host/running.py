"""A served organism for tests: its process, run from a loop in a thread, and a plain client."""

from __future__ import annotations

import asyncio
import contextlib
import http.client
import json
import queue
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

from interp_bench_ext.contracts import Access, Connection
from interp_bench_ext.host.spec import OrganismSpec
from interp_bench_ext.host.terms import Terms
from interp_bench_ext.kernel.wire import UnixConnection
from interp_bench_ext.organisms.process import OrganismProcess
from interp_bench_ext.organisms.tickets import Lease, admitted
from interp_bench_ext.record.events import Event

Frames = list[tuple[str, Any]]


class Host:
    """The organism's process and a ticket for it: its requests come with that ticket's token."""

    def __init__(self, spec: OrganismSpec, *, sandbox: bool, access: Access = Access.BASE) -> None:
        self.events: queue.Queue[Event] = queue.Queue()
        self.seen: list[Event] = []
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        began = time.monotonic()
        self.process: OrganismProcess = self.run(OrganismProcess.start(spec, emit=self._heard, sandbox=sandbox))
        self.started_s = time.monotonic() - began
        self.lease = self.lend(access=access)

    def lend(self, *, access: Access = Access.BASE, **terms: Any) -> Lease:
        """Another ticket for it."""
        return self.run(admitted(self.process, Terms(caller="t", access=access, **terms)))

    @property
    def connection(self) -> Connection:
        return self.lease.connection

    def _heard(self, event: Event) -> None:
        self.seen.append(event)
        self.events.put(event)

    def run(self, coroutine: Any) -> Any:
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop).result(timeout=120)

    def wait_for(self, kind: type) -> Any:
        while True:
            event = self.events.get(timeout=120)
            if isinstance(event, kind):
                return event

    @property
    def pid(self) -> int:
        assert self.process._process is not None
        return self.process._process.pid

    def close(self) -> None:
        with contextlib.suppress(AttributeError):
            self.run(self.process.stop())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(timeout=10)
        self._loop.close()

    def connect(self) -> http.client.HTTPConnection:
        connection = UnixConnection(self.process.url.removeprefix("unix://"), 120)
        connection.connect()
        return connection

    def request(self, method: str, path: str, body: Any = None, *, token: str | None = None, caller: str = "t") -> Any:
        connection = self.connect()
        headers = {"Authorization": f"Bearer {token or self.connection.token}", "X-Caller": caller}
        connection.request(method, path, None if body is None else json.dumps(body), headers)
        return connection, connection.getresponse()

    def get(self, path: str, *, token: str | None = None) -> Any:
        connection, reply = self.request("GET", path, token=token)
        with contextlib.closing(connection):
            return json.loads(reply.read())

    def call(
        self,
        technique: str,
        *,
        deadline_s: float | None = None,
        caller: str = "t",
        token: str | None = None,
        **arguments: Any,
    ) -> Frames:
        body = {"technique": technique, "arguments": arguments, "deadline_s": deadline_s}
        connection, reply = self.request("POST", "/calls", body, caller=caller, token=token)
        with contextlib.closing(connection):
            return list(frames(reply.read))

    def error(self, technique: str, *, deadline_s: float | None = None, **arguments: Any) -> dict[str, str]:
        kind, content = self.call(technique, deadline_s=deadline_s, **arguments)[-1]
        assert kind == "E", content
        return content


def frames(read: Callable[[int], bytes]) -> Iterator[tuple[str, Any]]:
    while head := read(9):
        payload = read(int.from_bytes(head[1:], "big"))
        kind = head[:1].decode()
        yield kind, payload if kind == "B" else json.loads(payload)
