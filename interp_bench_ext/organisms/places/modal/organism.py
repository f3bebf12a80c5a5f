"""A served organism on Modal, with the same face as one in a process of this machine."""

from __future__ import annotations

import asyncio
import contextlib
import json
import time
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Any

from interp_bench_ext.contracts import TechniqueSpec, Used, Veil
from interp_bench_ext.errors import InterpBenchError, OrganismLost, from_code
from interp_bench_ext.host.spec import OrganismSpec, with_detail
from interp_bench_ext.host.technique_files import read_spec
from interp_bench_ext.host.tickets import Admitted, Ticket
from interp_bench_ext.organisms.handle import Relayed
from interp_bench_ext.organisms.places.modal.deployment import Deployment
from interp_bench_ext.organisms.places.modal.failures import CONTAINER_GONE, UNREACHABLE, explained, skewed, stopped
from interp_bench_ext.organisms.places.modal.meter import Meter
from interp_bench_ext.organisms.places.modal.relay import Relay
from interp_bench_ext.organisms.places.modal.remote import Moved, Remote
from interp_bench_ext.organisms.places.modal.service import SILENT_AT_MOST_S
from interp_bench_ext.organisms.restarts import Restarts
from interp_bench_ext.record.events import Emit, OrganismLoading, OrganismReady, OrganismWentAway
from interp_bench_ext.record.provenance import Revision

_ENDING_S = 1.0
_SILENCE_S = 4 * SILENT_AT_MOST_S
_OUTAGE_S, _FIRST_PAUSE_S, _LONGEST_PAUSE_S = 300.0, 0.5, 15.0


class _OutOfDate(Exception):
    """The deployment was made by other source, for other settings, or its weights are gone."""


class ModalOrganism(Relayed):
    """A deployed organism in use. Made by :meth:`start`; its container stays until :meth:`stop`, and a while longer."""

    url: str
    load_s: float
    """From the start until it served."""
    device: str
    revisions: tuple[Revision, ...] = ()
    """Where its weights come from. Sealed."""
    specs: tuple[TechniqueSpec, ...]
    veil = Veil.REMOTE

    def __init__(self, deployment: Deployment, specs: tuple[TechniqueSpec, ...], emit: Emit) -> None:
        self._relay = Relay(specs, self._health, self._call)
        super().__init__(self._relay.tickets)
        self._deployment, self._emit = deployment, emit
        self.specs = specs
        self._meter = Meter()
        self._began = time.monotonic()
        self._served_once = False
        self._replaced = False
        self._container = ""
        self._restarts = Restarts()
        self._remote: Remote | None = None
        self._streams: set[asyncio.Task[None]] = set()
        self._calls = 0

    @classmethod
    async def start(cls, spec: OrganismSpec, *, emit: Emit) -> ModalOrganism:
        """Find ``spec`` deployed, or deploy it, and return when it serves.

        ``emit`` gets OrganismLoading (stages ``building image``, ``pulling weights``, ``starting container``, then
        those of the organism's process) and OrganismReady. Raises BadInput or another error of the tree; what only
        the owner may read is in the error's notes.
        """
        specs = tuple(map(read_spec, spec.techniques))
        handle = cls(await Deployment.of(spec), specs, emit)
        try:
            await handle._deployment.ensure(handle._stage)
            await handle._relay.start()
            handle.url = handle._relay.url
            handle._stage("starting container", 0, 0)
            handle._following = asyncio.create_task(handle._follow())
            await handle.wait_ready()
        except BaseException:
            await handle.stop()
            raise
        return handle

    @property
    def busy(self) -> bool:
        """Whether a call is under way from here."""
        return self._calls > 0

    def busy_s(self, ticket: str | None = None) -> float:
        """Seconds that its model has worked for a ticket, or for all that were admitted here."""
        return self._meter.busy_s(ticket)

    def used(self, ticket: str) -> Used:
        """What a ticket has had of its containers."""
        return self._meter.used(ticket)

    async def admit(self, ticket: Ticket) -> None:
        """Let the ticket's token in; the containers hear of it with its first call."""
        self._meter.begin(ticket.id)
        self._relay.tickets.admit(ticket)

    async def revoke(self, ticket: Ticket) -> None:
        """Refuse the ticket's token, from when this returns; its calls are cut off."""
        self._relay.revoke(ticket.id)

    async def stop(self) -> None:
        """Let the container go and remove the socket; may be called twice. The app stays, unless its policy says no."""
        if await self._unfollow() and self._deployment.parcel.settings.undeploy == "after_use":
            with contextlib.suppress(InterpBenchError):
                await self._deployment.undeploy()
        await self._relay.stop()
        if self._streams:
            await asyncio.wait(self._streams, timeout=_ENDING_S)
        self.lost = self.lost or OrganismLost("The organism was stopped.")
        self._ready.set()

    def _stage(self, stage: str, done: int, total: int) -> None:
        self._emit(OrganismLoading(stage=stage, done=done, total=total))

    def _health(self, admitted: Admitted) -> dict[str, Any]:
        state = "busy" if self.busy else "ready"
        return {"state": state, "busy_s": self.busy_s(admitted.ticket.id), "waiting": max(0, self._calls - 1)}

    async def _call(self, body: bytes, caller: str, admitted: Admitted) -> AsyncGenerator[bytes, None]:
        """The reply's frames. A call whose container ends before there is a result is made once more."""
        admitted.used = self.used(admitted.ticket.id)
        admitted.check()
        self._calls += 1
        try:
            for again in (True, False):
                begun = False
                try:
                    async with aclosing(self._parts(body, caller, admitted.ticket)) as parts:
                        async for part in parts:
                            begun = begun or part[:1] != b"P"
                            yield part
                    return
                except (Moved, *CONTAINER_GONE) as error:
                    if begun or not again or self.lost is not None:
                        raise self.lost or explained(error, self._deployment.parcel) from None
                except Exception as error:  # noqa: BLE001 - Modal's client's errors have no common base
                    raise self.lost or explained(error, self._deployment.parcel) from None
        finally:
            self._calls -= 1

    async def _parts(self, body: bytes, caller: str, ticket: Ticket) -> AsyncGenerator[bytes, None]:
        if self.lost is not None:
            raise self.lost
        told = json.dumps(ticket.to_wire())
        async with aclosing(Remote(self._streams, self._deployment.call, body, caller, told)) as remote:
            async for kind, payload in remote.items():
                if kind == "note":
                    self._noted(json.loads(payload))
                    continue
                yield payload
                if kind == "last":
                    return
        raise Moved  # begun again elsewhere, it came to fewer items than had been seen before

    def _noted(self, note: dict[str, Any]) -> None:
        self._meter.note(note["container"], note["used"])
        alone = self._deployment.parcel.settings.max_containers == 1
        if alone and self._remote is not None and note["container"] != self._container:
            self._remote.break_off()  # what is followed has ended, and Modal is slow to say so

    async def _follow(self) -> None:
        """Listen for as long as the organism is in use; a stream that ends is followed by another one."""
        while self.lost is None:
            try:
                await self._listen()
                error: Exception = OrganismLost("The organism's container on Modal ended.")
            except _OutOfDate:
                error = await self._replace()
            except Exception as raised:  # noqa: BLE001 - Modal's client's errors have no common base
                error = raised
            if isinstance(error, _OutOfDate):
                continue
            reason = explained(error, self._deployment.parcel)
            if not self._may_go_on(error):
                self._give_up(reason)
            else:
                if self._served_once:
                    self._ready.clear()
                    self._emit(OrganismWentAway(reason=reason.message, restarting=True))
                await self._find_again()

    async def _listen(self) -> None:
        """Follow one stream to its end. Raises what the organism or Modal's client says went wrong."""
        async with aclosing(Remote(self._streams, self._deployment.follow)) as remote:
            self._remote = remote
            try:
                notes = remote.items()
                self._hello(json.loads((await anext(notes))[1]))
                while True:
                    async with asyncio.timeout(_SILENCE_S):
                        _, payload = await anext(notes)
                    self._hear(json.loads(payload))
            except StopAsyncIteration:
                return
            finally:
                self._remote = None

    def _hello(self, note: dict[str, Any]) -> None:
        if note["fingerprint"] != self._deployment.parcel.fingerprint:
            raise _OutOfDate
        self._container = note["container"]
        self._meter.note(note["container"], note["used"])

    def _hear(self, note: dict[str, Any]) -> None:
        match note["type"]:
            case "loading":
                self._stage(note["stage"], note["done"], note["total"])
            case "ready":
                self.revisions = tuple(map(Revision.model_validate, note["revisions"]))
                self._serve(note["device"])
            case "busy":
                self._meter.note(self._container, note["used"])
            case "away":
                self._went_away(note["reason"], note["restarting"])
            case "failed" if note["code"] == "weights":
                raise _OutOfDate
            case "failed":
                raise with_detail(from_code(note["code"], note["message"]), note["detail"])

    def _serve(self, device: str) -> None:
        self.device = device
        if not self._ready.is_set():
            self.load_s = time.monotonic() - self._began
            self._served_once = True
            self._ready.set()
            self._emit(OrganismReady(load_s=self.load_s, device=device, remote=True))

    def _went_away(self, reason: str, restarting: bool) -> None:
        if not restarting:
            self._give_up(OrganismLost(reason))
            return
        self._ready.clear()
        self._began = time.monotonic()
        self._emit(OrganismWentAway(reason=reason, restarting=True))

    async def _replace(self) -> Exception:
        """Deploy over what is out of date, once; the error is why that cannot go on, or the _OutOfDate it mends."""
        if self._replaced:
            return skewed()
        self._replaced = True
        try:
            await self._deployment.replace(self._stage)
        except InterpBenchError as error:
            return error
        return _OutOfDate()

    def _may_go_on(self, error: Exception) -> bool:
        """Whether another stream may find it again: nothing is wrong with it, and it was not lost too often."""
        passing = isinstance(error, (*CONTAINER_GONE, OrganismLost, TimeoutError))
        if not passing and not (self._served_once and isinstance(error, UNREACHABLE)):
            return False
        self._began = time.monotonic()
        return self._restarts.take()

    async def _find_again(self) -> None:
        """Look the app up until Modal answers, for a while; gives up when the app is gone."""
        until, pause_s = time.monotonic() + _OUTAGE_S, _FIRST_PAUSE_S
        while True:
            try:
                if not await self._deployment.find():
                    self._give_up(stopped(self._deployment.parcel))
                return
            except InterpBenchError as error:
                if time.monotonic() > until:
                    self._give_up(error)
                    return
            await asyncio.sleep(pause_s)
            pause_s = min(_LONGEST_PAUSE_S, 2 * pause_s)

    def _give_up(self, error: InterpBenchError) -> None:
        self.lost = error
        if self._served_once:
            self._emit(OrganismWentAway(reason=error.message, restarting=False))
        self._ready.set()
