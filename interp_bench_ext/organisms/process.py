"""The parent's side of an organism's process: start it, hear how it goes, restart it when it dies, stop it."""

from __future__ import annotations

import asyncio
import contextlib
import copy
import json
import os
import shutil
import socket
import sys
import time
from collections import defaultdict
from pathlib import Path
from typing import Any, ClassVar

from interp_bench_ext.contracts import TechniqueSpec, Used, Veil
from interp_bench_ext.errors import InterpBenchError, OrganismLost, from_code
from interp_bench_ext.host.folders import check_files
from interp_bench_ext.host.sources import Progress, Sources
from interp_bench_ext.host.spec import OrganismSpec, with_detail
from interp_bench_ext.host.technique_files import read_spec
from interp_bench_ext.host.tickets import TOLD_EVERY_S, Ticket
from interp_bench_ext.organisms.child import bounded, plan_start
from interp_bench_ext.organisms.handle import Awaited
from interp_bench_ext.organisms.locate import locate
from interp_bench_ext.organisms.method_sandboxes import MethodSandboxes
from interp_bench_ext.organisms.restarts import AT_MOST, WINDOW_S, Restarts
from interp_bench_ext.organisms.revisions import revisions_of
from interp_bench_ext.record.events import Emit, OrganismLoading, OrganismReady, OrganismWentAway
from interp_bench_ext.record.provenance import Revision
from interp_bench_ext.sandbox.memory_group import MemoryGroup
from interp_bench_ext.sandbox.private_folder import private_folder

_STOP_GRACE_S = 5.0
_FETCH_REPORT_EVERY_S = 0.5
_FROM_PARENT = (
    "PATH",
    "LD_LIBRARY_PATH",
    "LANG",
    "CUDA_VISIBLE_DEVICES",
    "CUDA_HOME",
    "NVIDIA_VISIBLE_DEVICES",
    "SYSTEMROOT",
)
HOST_ENVIRONMENT = {
    "MALLOC_MMAP_THRESHOLD_": "8589934592",  # large buffers stay mapped: page faults cost more than the arithmetic
    "MALLOC_TRIM_THRESHOLD_": "17179869184",
    "OMP_WAIT_POLICY": "PASSIVE",  # spinning steals whole scheduler quanta on a shared machine
    "CUBLAS_WORKSPACE_CONFIG": ":4096:8",
    "TOKENIZERS_PARALLELISM": "false",
    "HF_HUB_OFFLINE": "1",  # everything is a folder by now
    "HF_HOME": os.devnull,
    "PYTHONMALLOC": "malloc",  # this and the next: so that the child can have all that is freed overwritten
    "GLIBC_TUNABLES": "glibc.malloc.tcache_count=0",
}


class Meter:
    """What a ticket has used, over restarts."""

    def __init__(self) -> None:
        self._before = self._noted = Used()
        self._noted_at = 0.0
        self.busy = False
        """Whether one of its calls is under way."""

    def note(self, used: Used, *, busy: bool) -> None:
        """The child says what it has counted so far: as a call begins or ends, and meanwhile now and then."""
        self._noted, self._noted_at, self.busy = used, time.monotonic(), busy

    def begin_again(self) -> None:
        """The child has ended; its successor counts from nothing."""
        self._before, self._noted, self.busy = self.used(), Used(), False

    def used(self) -> Used:
        # A reply may come before what was noted at its call's end; a call that waits for its turn takes nothing.
        running_s = min(time.monotonic() - self._noted_at, TOLD_EVERY_S) if self.busy else 0.0
        return self._before.plus(self._noted).plus(Used(busy_s=running_s))


class OrganismProcess(Awaited):
    """A served organism. Made by :meth:`start`; it restarts by itself until :meth:`stop`."""

    url: str
    load_s: float
    device: str
    specs: tuple[TechniqueSpec, ...]
    """The techniques that the config names."""
    veil: Veil
    revisions: tuple[Revision, ...]
    """Where its weights come from. Sealed."""

    unix_sockets: ClassVar[bool] = hasattr(socket, "AF_UNIX") and sys.platform != "win32"
    """Without them the organism listens on a port of 127.0.0.1."""

    def __init__(self, spec: OrganismSpec, emit: Emit, *, sandbox: bool = True) -> None:
        super().__init__()
        self._spec, self._emit, self._sandbox = spec, emit, sandbox
        self._folder = private_folder()
        self._methods = MethodSandboxes()
        self._listen: str | int = str(self._folder / "s") if self.unix_sockets else 0
        self._process: asyncio.subprocess.Process | None = None
        self._group: MemoryGroup | None = None
        self._watching: asyncio.Task[None] | None = None
        self._restarts = Restarts()
        self._tickets: dict[str, Ticket] = {}
        self._held: set[str] = set()
        self._orders: dict[int, asyncio.Future[None]] = {}
        """Those that the child has not confirmed yet."""
        self._ordered = 0
        self._meters: defaultdict[str, Meter] = defaultdict(Meter)

    @classmethod
    async def start(cls, spec: OrganismSpec, *, emit: Emit, sandbox: bool = True) -> OrganismProcess:
        """Load ``spec`` in a process of its own and return when it serves.

        ``emit`` gets OrganismLoading (stages ``files``, ``weights``, ``self-check``, ``seal``) and OrganismReady.
        Raises BadInput or another error of the tree; what only the owner may read is in the error's notes.
        """
        began = time.monotonic()
        specs = tuple(read_spec(file) for file in spec.techniques)
        sources = await asyncio.to_thread(locate, spec, _fetch_reporter(emit))
        # The child looks too; but it takes many seconds to begin.
        await asyncio.to_thread(check_files, sources)
        handle = cls(spec, emit, sandbox=sandbox)
        handle.specs = specs
        handle.revisions = await asyncio.to_thread(revisions_of, sources)
        try:
            await handle._launch(sources, began)
        except BaseException:
            await handle.stop()
            raise
        handle._watching = asyncio.create_task(handle._watch(sources))
        return handle

    def busy_s(self, ticket: str | None = None) -> float:
        """Seconds of model time used for a ticket, or for all; restarts and the running call included."""
        meters = self._meters.values() if ticket is None else [self._meters[ticket]]
        return sum(meter.used().busy_s for meter in meters)

    @property
    def busy(self) -> bool:
        """Whether a call is under way."""
        return any(meter.busy for meter in self._meters.values())

    def used(self, ticket: str) -> Used:
        """What was used for a ticket, restarts and the running call included."""
        return self._meters[ticket].used()

    async def admit(self, ticket: Ticket) -> None:
        """Let the ticket's token in, from when this returns; a restarted process lets it in, too."""
        self._tickets[ticket.id] = ticket
        await self._order({"type": "admit", "ticket": ticket.to_wire()})

    async def revoke(self, ticket: Ticket) -> None:
        """Refuse the ticket's token, from when this returns; its calls are cut off."""
        del self._tickets[ticket.id]
        self._held.discard(ticket.id)
        await self._order({"type": "revoke", "ticket": ticket.id})

    async def hold(self, ticket: Ticket, *, held: bool) -> None:
        """Have the ticket's calls wait before they begin, from when this returns, or let them go on."""
        if held and ticket.id in self._tickets:
            self._held.add(ticket.id)
        else:
            self._held.discard(ticket.id)
        await self._order({"type": "hold", "ticket": ticket.id, "held": held})

    async def stop(self) -> None:
        """End the process (first by closing its stdin) and remove its socket; may be called twice."""
        if self._watching is not None:
            self._watching.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._watching
        process = self._process
        if process is not None and process.returncode is None:
            assert process.stdin is not None
            process.stdin.close()
            try:
                await asyncio.wait_for(process.wait(), _STOP_GRACE_S)
            except TimeoutError:
                process.kill()
                await process.wait()
        await self._leave_group()
        await self._methods.stop()
        self._forget_orders()
        self.lost = self.lost or OrganismLost("The organism was stopped.")
        self._ready.set()
        shutil.rmtree(self._folder, ignore_errors=True)

    async def _launch(self, sources: Sources, began: float) -> None:
        """Start the child, hand it the sealed half over its stdin, and follow it until it serves.

        ``began``: when somebody began to wait for it, in seconds of the monotonic clock.
        """
        environment, folders = _environment(), (self._folder, self._methods.folder)
        plan = await asyncio.to_thread(plan_start, sources, self._spec, folders, environment, sandbox=self._sandbox)
        self.veil = plan.veil
        command, self._group = await asyncio.to_thread(bounded, plan.command)
        self._process = await asyncio.create_subprocess_exec(
            *command,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
            env=environment,
            cwd="/" if os.name == "posix" else None,
        )
        assert self._process.stdin is not None
        told = copy.deepcopy(self._spec)
        told.forget_identity()
        request = {
            "spec": {**told.to_wire(), "techniques": plan.techniques},
            "sources": plan.sources.to_wire(),
            "tickets": [ticket.to_wire() for ticket in self._tickets.values()],
            "held": list(self._held),
            "listen": self._listen,
            "methods": str(self._methods.folder) if plan.veil is Veil.SANDBOXED else None,
        }
        with contextlib.suppress(ConnectionError):  # it died at once: the reading below says why
            self._process.stdin.write(json.dumps(request).encode() + b"\n")
            await self._process.stdin.drain()
        while (message := await self._read()) is not None:
            if message["type"] == "loading":
                self._emit(OrganismLoading(stage=message["stage"], done=message["done"], total=message["total"]))
            elif message["type"] == "failed":
                await self._process.wait()
                raise with_detail(
                    from_code(message["code"], message["message"]), plan.seen_from_here(message["detail"])
                )
            elif message["type"] == "ready":
                self._served(message, began)
                return
            else:
                self._note(message)
        raise OrganismLost(f"The organism's process ended while it was loading ({await self._ending()}).")

    def _served(self, message: dict[str, Any], began: float) -> None:
        if isinstance(self._listen, int):
            self._listen = int(message["port"])
        self.url = f"http://127.0.0.1:{self._listen}" if isinstance(self._listen, int) else f"unix://{self._listen}"
        self.load_s, self.device = time.monotonic() - began, message["device"]
        self._ready.set()
        self._emit(OrganismReady(load_s=self.load_s, device=self.device))

    async def _read(self) -> dict[str, Any] | None:
        assert self._process is not None
        assert self._process.stdout is not None
        line = await self._process.stdout.readline()
        return json.loads(line) if line else None

    async def _ending(self) -> str:
        assert self._process is not None
        code = await self._process.wait()
        await self._leave_group()
        self._forget_orders()
        killed = code in (-9, 137)
        return "it was killed, which the system does when memory runs out" if killed else f"exit status {code}"

    async def _watch(self, sources: Sources) -> None:
        """Follow the serving child; when it dies, start another one on the same socket with the same tickets."""
        while True:
            while (message := await self._read()) is not None:
                self._note(message)
            reason = f"The organism's process ended ({await self._ending()})."
            self._ready.clear()
            await self._methods.end_all()
            for meter in self._meters.values():
                meter.begin_again()
            if not self._restarts.take():
                often = f"It did so {AT_MOST + 1} times within {WINDOW_S / 60:.0f} minutes."
                self._give_up(OrganismLost(f"{reason} {often}"))
                return
            self._emit(OrganismWentAway(reason=reason, restarting=True))
            try:
                await self._launch(sources, time.monotonic())
            except InterpBenchError as error:
                self._give_up(error)
                return

    def _note(self, message: dict[str, Any]) -> None:
        if message["type"] == "used":
            self._meters[message["ticket"]].note(Used(*message["used"]), busy=message["busy"])
        elif message["type"] == "heeded":
            _resolve(self._orders.pop(message["order"]))
        elif message["type"] in ("method", "method_end"):
            self._methods.heed(message)

    async def _order(self, order: dict[str, Any]) -> None:
        """Tell the child, and return when it has heeded that, or has ended: the next one is told all that stands."""
        process = self._process
        if process is None or process.stdin is None or process.stdin.is_closing() or process.returncode is not None:
            return
        self._ordered += 1
        number, heeded = self._ordered, asyncio.get_running_loop().create_future()
        self._orders[number] = heeded
        with contextlib.suppress(ConnectionError):
            process.stdin.write(json.dumps({**order, "order": number}).encode() + b"\n")
        await heeded

    async def _leave_group(self) -> None:
        group, self._group = self._group, None
        if group is not None:
            await asyncio.to_thread(group.remove)

    def _forget_orders(self) -> None:
        orders, self._orders = self._orders, {}
        for heeded in orders.values():
            _resolve(heeded)

    def _give_up(self, error: InterpBenchError) -> None:
        self.lost = error
        self._forget_orders()
        self._emit(OrganismWentAway(reason=error.message, restarting=False))
        self._ready.set()


def _resolve(heeded: asyncio.Future[None]) -> None:
    if not heeded.done():  # nobody waits for it any more
        heeded.set_result(None)


def _fetch_reporter(emit: Emit) -> Progress:
    """For a worker thread: few events, none with the stage's own words, which can name the model."""
    loop = asyncio.get_running_loop()
    last = float("-inf")

    def report(_stage: str, done: int, total: int) -> None:
        nonlocal last
        now = time.monotonic()
        if now - last >= _FETCH_REPORT_EVERY_S:
            last = now
            loop.call_soon_threadsafe(emit, OrganismLoading(stage="files", done=done, total=total))

    return report


def _environment() -> dict[str, str]:
    """The child's whole environment: nothing of the user's but what finding libraries takes."""
    kept = {name: os.environ[name] for name in _FROM_PARENT if name in os.environ}
    return {**kept, **HOST_ENVIRONMENT, "PYTHONPATH": str(Path(__file__).resolve().parents[2])}
