"""The organisms that a server holds: each is loaded once, shared by runs, and kept for a while between them."""

from __future__ import annotations

import asyncio
import hashlib
import json
import secrets
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

from ..api import OrganismState
from ..contracts import Access, Connection
from ..errors import InterpBenchError, NoRoom, NotFound, NotNow, OrganismLost
from ..host.spec import OrganismSpec
from ..host.terms import Terms
from ..record.events import Emit, Event, OrganismLoading, OrganismReady, OrganismWentAway
from .handle import ServedOrganism
from .placement import start_organism
from .tickets import Lease, admitted, lent


class OrganismPool:
    """Loads organisms, lends them, and stops those that nobody has used for a while.

    Args:
        idle_s: How long one stays loaded after its last use.
        at_most: How many are held at once; an idle one makes room for another.
        has_memory: Whether there is memory for one more; where not, an idle one makes room, too.
    """

    def __init__(self, *, idle_s: float, at_most: int, has_memory: Callable[[], bool] = lambda: True) -> None:
        self._idle_s, self._at_most, self._has_memory = idle_s, at_most, has_memory
        self._held: dict[str, _Held] = {}
        self._ending: set[asyncio.Task[None]] = set()

    @asynccontextmanager
    async def lease(self, spec: OrganismSpec, emit: Emit, terms: Terms, *, config: str) -> AsyncIterator[Lease]:
        """The organism of ``spec``, loaded now if need be, under a ticket of its own until the block ends.

        Args:
            spec: What to load.
            emit: Gets how it loads, or at once that it is ready, and when it is lost.
            terms: Of the ticket, whose caller is the run that uses it.
            config: What its config is called.

        Raises:
            NoRoom: As many as may be held are in use.
        """
        held = self._take(spec, config, terms.user)
        with self._used_by(held, terms.caller, emit):
            async with lent(await held.served(), terms) as lease:
                yield lease

    async def hold(
        self, spec: OrganismSpec, config: str, *, access: Access, user: str = ""
    ) -> tuple[OrganismState, Connection]:
        """Load the organism for a person's own notebook, where it stays until it was idle for long or is stopped.

        Their ticket is good for as long. Raises NoRoom as :meth:`lease` does, or what loading raises.
        """
        held = self._take(spec, config, user)
        held.for_a_person = True
        with self._used_by(held, object(), _unheard):
            lease = await admitted(await held.served(), Terms(caller="notebook", access=access, user=user))
            held.by_hand.append(lease)
        return held.state(), lease.connection

    @asynccontextmanager
    async def asked(self, organism: str, *, user: str) -> AsyncIterator[Lease]:
        """One that is held, for a person's question: under a ticket that can sample and ends with the block.

        Raises NotFound.
        """
        held = self._known(organism)
        with self._used_by(held, object(), _unheard):
            async with lent(await held.served(), Terms(caller="question", access=Access.SAMPLE, user=user)) as lease:
                yield lease

    def check_room(self, spec: OrganismSpec) -> None:
        """Raise NoRoom where :meth:`lease` would."""
        if not self.holds(spec):
            self._to_make_room("")

    def holds(self, spec: OrganismSpec) -> bool:
        """Whether it is loaded, or being loaded."""
        return self._find(_identity(spec)) is not None

    def states(self) -> list[OrganismState]:
        return [held.state() for held in self._held.values()]

    def stop(self, organism: str) -> None:
        """End an organism that no run uses. Raises NotFound and NotNow."""
        held = self._known(organism)
        if held.runs():
            raise NotNow(f"this organism is used by {_count(len(held.runs()), 'run')}; stop what uses it first")
        self._end(held)

    async def close(self) -> None:
        """End all of them; returns when their processes have gone."""
        for held in list(self._held.values()):
            self._end(held)
        await asyncio.gather(*self._ending)

    def _take(self, spec: OrganismSpec, config: str, user: str) -> _Held:
        identity = _identity(spec)
        held = self._find(identity)
        if held is None:
            for lost in [other for other in self._held.values() if other.identity == identity and not other.users]:
                self._end(lost)
            goes = self._to_make_room(user)
            room = self._end(goes) if goes is not None else None
            held = _Held(identity, config)
            held.loading = asyncio.create_task(held.load(spec, room))
            held.loading.add_done_callback(lambda _: self._loaded(held))
            self._held[held.id] = held
        held.last_user = user
        return held

    def _known(self, organism: str) -> _Held:
        held = self._held.get(organism)
        if held is None:
            raise NotFound("this organism is not loaded any more; the list shows those that are")
        return held

    def _find(self, identity: str) -> _Held | None:
        return next((held for held in self._held.values() if held.identity == identity and not held.lost), None)

    def _to_make_room(self, user: str) -> _Held | None:
        """The one that must go before another is loaded for the user, if any. Raises NoRoom where all are in use.

        Of those that are idle it is one of whoever has most of them loaded, rather than another's.
        """
        holding = [held for held in self._held.values() if not held.lost]
        full = len(holding) >= self._at_most
        if not full and self._has_memory():
            return None
        idle = [held for held in holding if not held.users and not held.for_a_person]
        if not idle and not full:
            return None  # what little there is may do
        if not idle:
            raise NoRoom(
                f"this server holds {_count(self._at_most, 'organism')} at most, and all are in use;"
                " stop a run or release an organism first"
            )
        loaded = Counter(held.last_user for held in holding)
        return min(idle, key=lambda held: (-loaded[held.last_user], held.last_user != user, held.idle_since))

    @contextmanager
    def _used_by(self, held: _Held, user: object, emit: Emit) -> Iterator[None]:
        if held.last is not None:
            emit(held.last)
        held.users[user] = emit
        if held.timer is not None:
            held.timer.cancel()
        try:
            yield
        finally:
            del held.users[user]
            if not held.users:
                self._keep_or_end(held)

    def _keep_or_end(self, held: _Held) -> None:
        """Its last user has gone."""
        if held.process is None or held.lost:
            self._end(held)
        elif held.id in self._held:
            self._keep_while_idle(held)

    def _keep_while_idle(self, held: _Held) -> None:
        held.idle_since, held.by_hand_s_then = time.monotonic(), held.by_hand_s()
        held.timer = asyncio.get_running_loop().call_later(self._idle_s, self._end_if_idle, held)

    def _end_if_idle(self, held: _Held) -> None:
        """End it, unless somebody's notebook has used it meanwhile; nothing else can, when no run has it."""
        if held.by_hand_s() > held.by_hand_s_then:
            self._keep_while_idle(held)
        else:
            self._end(held)

    def _loaded(self, held: _Held) -> None:
        if held.loading.cancelled() or held.loading.exception() is not None:
            self._held.pop(held.id, None)

    def _end(self, held: _Held) -> asyncio.Task[None]:
        self._held.pop(held.id, None)
        task = asyncio.create_task(held.end())
        self._ending.add(task)
        task.add_done_callback(self._ending.discard)
        return task


class _Held:
    """One organism of the pool, from the start of its loading."""

    loading: asyncio.Task[ServedOrganism]

    def __init__(self, identity: str, config: str) -> None:
        self.id = secrets.token_hex(4)
        self.identity, self.config = identity, config
        self.users: dict[object, Emit] = {}
        """Ids of runs, and other objects for people who wait for it."""
        self.for_a_person = False
        self.last_user = ""
        """Who asked for it last."""
        self.last: Event | None = None
        """The newest event of its process."""
        self.timer: asyncio.TimerHandle | None = None
        self.idle_since = 0.0
        """Of the monotonic clock, in seconds."""
        self.by_hand: list[Lease] = []
        """What people's own notebooks have of it."""
        self.by_hand_s_then = 0.0
        """How long its model had worked for those when no run had it any more."""

    async def load(self, spec: OrganismSpec, room: asyncio.Task[None] | None) -> ServedOrganism:
        if room is not None:
            await room
        return await start_organism(spec, emit=self._heard)

    async def served(self) -> ServedOrganism:
        """Its process, once it serves. Raises what loading raised, or that it is lost."""
        try:
            process = await asyncio.shield(self.loading)
        except asyncio.CancelledError:
            task = asyncio.current_task()
            if self.loading.cancelled() and task is not None and not task.cancelling():
                raise OrganismLost("the organism was stopped while it was loading") from None
            raise
        await process.wait_ready()
        return process

    async def end(self) -> None:
        if self.timer is not None:
            self.timer.cancel()
        process = self.process
        if process is not None:
            await process.stop()
            return
        self.loading.cancel()
        await asyncio.wait([self.loading])

    @property
    def process(self) -> ServedOrganism | None:
        """None until it is loaded, or where that failed."""
        done = self.loading.done() and not self.loading.cancelled() and self.loading.exception() is None
        return self.loading.result() if done else None

    @property
    def lost(self) -> InterpBenchError | None:
        return self.process.lost if self.process is not None else None

    def runs(self) -> list[str]:
        return [user for user in self.users if isinstance(user, str)]

    def by_hand_s(self) -> float:
        return sum(lease.busy_s() for lease in self.by_hand)

    def state(self) -> OrganismState:
        stage, done, total = "", 0, 0
        name = self._state()
        if isinstance(self.last, OrganismLoading) and name == "loading":
            stage, done, total = self.last.stage, self.last.done, self.last.total
        elif isinstance(self.last, OrganismWentAway):
            stage = self.last.reason
        return OrganismState(
            id=self.id,
            config=self.config,
            state=name,
            stage=stage,
            done=done,
            total=total,
            device=self.process.device if self.process is not None else "",
            runs=self.runs(),
        )

    def _state(self) -> Any:
        if self.lost is not None:
            return "lost"
        if not isinstance(self.last, OrganismReady):
            return "loading"
        return "busy" if self.process is not None and self.process.busy else "ready"

    def _heard(self, event: Event) -> None:
        self.last = event
        loop = asyncio.get_running_loop()
        for user in list(self.users):
            # Each by itself: a run that cannot write its journal must not take the organism from the others.
            loop.call_soon(self._pass_on, user, event)

    def _pass_on(self, user: object, event: Event) -> None:
        emit = self.users.get(user)
        if emit is not None:
            emit(event)


def _identity(spec: OrganismSpec) -> str:
    """The same for specs that load the same organism: a digest, of its files' ages too, that tells nothing itself."""
    files = [*spec.techniques]
    for place in (spec.name, spec.base_model, spec.tokenizer):
        if place and Path(place).is_absolute() and Path(place).is_dir():
            files += Path(place).iterdir()
    ages = sorted((str(file), file.stat().st_mtime_ns) for file in files if file.is_file())
    return hashlib.sha256(json.dumps([spec.to_wire(), ages], sort_keys=True).encode()).hexdigest()


def _unheard(event: Event) -> None:
    pass


def _count(number: int, what: str) -> str:
    return f"{number} {what}" if number == 1 else f"{number} {what}s"
