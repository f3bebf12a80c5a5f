"""What runs in Modal's containers: the same organism process as on the user's machine, and a way in for frames.

Nothing here knows techniques or models. The container's class starts the process and carries frames between Modal and
the process's Unix socket. What it is to load comes in an environment variable that is gone before anything else runs.

A stream's items are tuples ``(attempt, kind, payload)``. ``attempt`` is new whenever an input is begun (again), so that
a caller notices when Modal has moved its call to another container half-way. ``kind`` is ``note`` (a JSON object) or,
of the frames that a call's reply consists of, ``part`` or ``last``.
"""

from __future__ import annotations

import asyncio
import ctypes
import json
import os
import secrets
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing
from typing import Any

import aiohttp
import modal

from interp_bench_ext.contracts import Connection, Used
from interp_bench_ext.errors import InterpBenchError, OrganismLost
from interp_bench_ext.host.frames import HEAD_BYTES, error_frame
from interp_bench_ext.host.spec import OrganismSpec
from interp_bench_ext.host.tickets import Ticket
from interp_bench_ext.organisms.places.modal import weights
from interp_bench_ext.organisms.places.modal.buffers import keep_freed_memory
from interp_bench_ext.organisms.process import OrganismProcess
from interp_bench_ext.organisms.tickets import Lease, admitted
from interp_bench_ext.record.events import Event, OrganismLoading, OrganismWentAway

CARGO = "INTERP_BENCH_CARGO"
"""The environment variable: JSON with ``spec`` and ``fingerprint``."""
PIECE_BYTES = (2 << 20) - 4096
"""Modal carries items of up to 2 MiB by themselves; larger ones go through an object store."""
_PACE_S = 0.002
"""Between pieces. Modal gathers what waits to be sent into requests of up to 16 MiB, each of which must have arrived
before any of it is passed on; pieces that come one by one are under way at the same time."""
_BUSY_EVERY_S = 1.0
SILENT_AT_MOST_S = 10.0
"""Whoever follows hears something at least this often."""

_UNFORESEEN = "The organism's container failed on Modal for a reason of its own; run it again."

Item = tuple[str, str, bytes]
Part = tuple[str, bytes]


class _Methods:
    """What both classes offer."""

    def _begin(self) -> None:
        keep_freed_memory()
        cargo = _taken(CARGO)
        weights.use_volume()
        self._serving = Serving(OrganismSpec.from_wire(cargo["spec"]), cargo["fingerprint"])
        self._serving.begin()

    @modal.method()
    async def follow(self) -> AsyncIterator[Item]:
        """How the organism is, from now on, as notes with a ``type``; while it is open the container stays."""
        attempt = secrets.token_hex(8)
        async with aclosing(self._serving.events()) as events:
            async for event in events:
                yield attempt, "note", json.dumps(event).encode()

    @modal.method()
    async def call(self, body: bytes, caller: str, ticket: str) -> AsyncIterator[Item]:
        """Run a technique under a ticket (JSON): the service's own frames, large ones in pieces.

        A note before the first and one before the last name call and container, and say how long the container's
        model has worked for the ticket so far.
        """
        attempt = secrets.token_hex(8)
        given = Ticket.from_wire(json.loads(ticket))
        yield attempt, "note", self._serving.note(given)
        async with aclosing(self._serving.call(body, caller, given)) as parts:
            async for kind, part in parts:
                if kind == "last":
                    yield attempt, "note", self._serving.note(given)
                yield attempt, kind, part

    @modal.exit()
    async def exit(self) -> None:
        await self._serving.stop()


class Service(_Methods):
    """The organism as Modal sees it."""

    @modal.enter()
    async def enter(self) -> None:
        self._begin()


class ServiceFromSnapshot(_Methods):
    """The same in containers that begin as a copy of the first, taken once its organism served."""

    @modal.enter(snap=True)
    async def enter(self) -> None:
        self._begin()
        await self._serving.settled()

    @modal.enter()
    async def begin_as_a_copy(self) -> None:
        self._serving.name_anew()


async def pull() -> AsyncIterator[bytes]:
    """Fetch the organism's weights into the volume, saying how far it is; the last object says how it ended."""
    weights.use_volume()
    spec = OrganismSpec.from_wire(_taken(CARGO)["spec"])
    told: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
    loop = asyncio.get_running_loop()

    def report(_stage: str, done: int, total: int) -> None:
        loop.call_soon_threadsafe(told.put_nowait, {"type": "pulling", "done": done, "total": total})

    async def work() -> None:
        try:
            await asyncio.to_thread(weights.pull, spec, report)
            volume: Any = modal.Volume.from_name(weights.VOLUME)
            await volume.commit.aio()
            told.put_nowait({"type": "pulled"})
        except Exception as error:  # noqa: BLE001 - the task's boundary: told to whoever waits
            told.put_nowait(_failure(error))

    task = asyncio.create_task(work())
    while (message := await told.get())["type"] == "pulling":
        yield json.dumps(message).encode()
    await task
    yield json.dumps(message).encode()


class Serving:
    """One organism process, its loading, and those who listen."""

    def __init__(self, spec: OrganismSpec, fingerprint: str) -> None:
        self._container = secrets.token_hex(8)
        self._spec, self._fingerprint = weights.placed(spec), fingerprint
        self._loading: asyncio.Task[OrganismProcess] | None = None
        self._last: dict[str, Any] | None = None
        self._listeners: set[asyncio.Queue[dict[str, Any]]] = set()
        self._session: aiohttp.ClientSession | None = None
        self._leases: dict[str, asyncio.Task[Lease]] = {}
        """By the id of the ticket that is good at whoever calls from, one of this container's own."""

    def begin(self) -> None:
        """Start to load, unless that is under way or done."""
        task = self._loading
        if task is None or (task.done() and task.exception() is not None):
            self._last = None
            self._loading = asyncio.create_task(self._load())

    async def settled(self) -> None:
        """Return once it serves, or is known not to; whoever follows is told why."""
        assert self._loading is not None
        await asyncio.wait([self._loading])

    def name_anew(self) -> None:
        """Be another container: what is counted per container must not be counted for a copy's original."""
        self._container = secrets.token_hex(8)

    def used(self) -> dict[str, Used]:
        """What was used of it, by ticket."""
        return {ticket: task.result().used() for ticket, task in self._leases.items() if task.done()}

    async def stop(self) -> None:
        if self._loading is not None and self._process is None:
            self._loading.cancel()
        if self._session is not None:
            await self._session.close()
        if self._process is not None:
            await self._process.stop()

    async def events(self) -> AsyncGenerator[dict[str, Any], None]:
        """First who this is, then what happened last, then what happens."""
        heard: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self._listeners.add(heard)
        try:
            self.begin()
            yield {"type": "hello", **self._state(self.used()), "fingerprint": self._fingerprint}
            if self._last is not None:
                heard.put_nowait(self._last)
            while True:
                event = await self._next(heard)
                yield event
                if event["type"] == "failed":
                    return
        finally:
            self._listeners.discard(heard)

    async def _next(self, heard: asyncio.Queue[dict[str, Any]]) -> dict[str, Any]:
        """What is heard next, or how long the model has worked: at once when it changes, and now and then anyway."""
        before, patience = self.used(), SILENT_AT_MOST_S / _BUSY_EVERY_S
        while True:
            try:
                return await asyncio.wait_for(heard.get(), _BUSY_EVERY_S)
            except TimeoutError:
                patience -= 1
                changed = {ticket: used for ticket, used in self.used().items() if used != before.get(ticket)}
                if changed or patience <= 0:
                    return {"type": "busy", "used": changed}

    def note(self, ticket: Ticket) -> bytes:
        """What every call's reply says of its container."""
        return json.dumps(self._state({ticket.id: self.used().get(ticket.id, Used())})).encode()

    def _state(self, used: dict[str, Used]) -> dict[str, Any]:
        return {"call": modal.current_function_call_id(), "container": self._container, "used": used}

    async def call(self, body: bytes, caller: str, ticket: Ticket) -> AsyncGenerator[Part, None]:
        """The reply's frames: small ones whole, large ones in pieces, an error as a frame of its own."""
        try:
            assert self._loading is not None
            process = await asyncio.shield(self._loading)
            await process.wait_ready()
            lease = await self._lease(process, ticket)
            async with aclosing(self._frames(lease.connection, body, caller)) as parts:
                async for part in parts:
                    yield part
        except (aiohttp.ClientError, asyncio.IncompleteReadError, OSError):
            lost = OrganismLost("The organism's process ended during the call; it is started again.")
            yield "last", error_frame(lost)
        except InterpBenchError as error:
            yield "last", error_frame(error)

    async def _lease(self, process: OrganismProcess, ticket: Ticket) -> Lease:
        """The process's own ticket for those who come with ``ticket``, which was checked where they came from."""
        if ticket.id not in self._leases:
            self._leases[ticket.id] = asyncio.create_task(admitted(process, ticket))
        return await asyncio.shield(self._leases[ticket.id])

    async def _frames(self, connection: Connection, body: bytes, caller: str) -> AsyncGenerator[Part, None]:
        if self._session is None:
            path = connection.url.removeprefix("unix://")
            timeout = aiohttp.ClientTimeout(total=None)
            self._session = aiohttp.ClientSession(
                connector=aiohttp.UnixConnector(path), timeout=timeout, read_bufsize=PIECE_BYTES
            )
        headers = {"Authorization": f"Bearer {connection.token}", "X-Caller": caller}
        async with self._session.post("http://organism/calls", data=body, headers=headers) as reply:
            reply.raise_for_status()
            piece = b""
            while head := await _head(reply.content):
                length = int.from_bytes(head[1:], "big")
                piece += head
                while length:
                    if len(piece) == PIECE_BYTES:
                        yield "part", piece
                        piece = b""
                        await asyncio.sleep(_PACE_S)
                    more = await reply.content.readexactly(min(PIECE_BYTES - len(piece), length))
                    length -= len(more)
                    piece = piece + more if piece else more
                if head[:1] == b"H":  # its arrays follow at once
                    continue
                yield "part" if head[:1] == b"P" else "last", piece
                piece = b""

    async def _load(self) -> OrganismProcess:
        try:
            if weights.missing(self._spec):
                self._tell({"type": "failed", "code": "weights", "message": "", "detail": ""})
                raise OrganismLost("The volume lacks the organism's weights.")
            process = await OrganismProcess.start(self._spec, emit=self._heard)
        except Exception as error:
            if self._last is None or self._last["type"] != "failed":
                self._tell(_failure(error))
            raise
        self._served(process)
        return process

    def _served(self, process: OrganismProcess) -> None:
        revisions = [revision.model_dump() for revision in process.revisions]
        told = {"load_s": process.load_s, "device": process.device, "veil": str(process.veil), "revisions": revisions}
        self._tell({"type": "ready", **told})

    def _heard(self, event: Event) -> None:
        if isinstance(event, OrganismLoading):
            self._tell({"type": "loading", "stage": event.stage, "done": event.done, "total": event.total})
        elif isinstance(event, OrganismWentAway):
            self._tell({"type": "away", "reason": event.reason, "restarting": event.restarting})
        elif self._process is not None:  # it is back
            self._served(self._process)

    def _tell(self, event: dict[str, Any]) -> None:
        self._last = event
        for listener in self._listeners:
            listener.put_nowait(event)

    @property
    def _process(self) -> OrganismProcess | None:
        task = self._loading
        done = task is not None and task.done() and not task.cancelled() and task.exception() is None
        return task.result() if task is not None and done else None


async def _head(content: aiohttp.StreamReader) -> bytes:
    """The next frame's kind and length, empty at the end."""
    try:
        return await content.readexactly(HEAD_BYTES)
    except asyncio.IncompleteReadError as error:
        if error.partial:
            raise
        return b""


def _failure(error: Exception) -> dict[str, Any]:
    """``message`` may be shown to anyone, ``detail`` only on the owner's own terminal."""
    notes = " ".join(getattr(error, "__notes__", []))
    if isinstance(error, InterpBenchError):
        return {"type": "failed", "code": error.code, "message": error.message, "detail": notes}
    detail = f"{type(error).__name__}: {error} {notes}".strip()
    return {"type": "failed", "code": "organism", "message": _UNFORESEEN, "detail": detail}


def _taken(name: str) -> dict[str, Any]:
    """The JSON object in an environment variable, which is then gone, out of /proc/self/environ too."""
    value = os.environ[name]
    find = ctypes.CDLL(None).getenv
    find.restype = ctypes.c_void_p
    ctypes.memset(find(name.encode()), 0, len(value.encode()))
    del os.environ[name]
    taken: dict[str, Any] = json.loads(value)
    return taken
