"""A fair queue before the model: people have equal shares of its time, and the callers of each take turns.

Each call can be cancelled, and tickets pay for theirs.
"""

from __future__ import annotations

import contextlib
import gc
import math
import threading
import time
import traceback
from collections import OrderedDict, deque
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import torch

from interp_bench_ext.contracts import TechniqueSpec, Used
from interp_bench_ext.errors import (
    BadInput,
    CallCancelled,
    DeadlineExceeded,
    InterpBenchError,
    OutOfMemory,
    TechniqueFailed,
)
from interp_bench_ext.host.arguments import checked_arguments
from interp_bench_ext.host.devices import is_out_of_memory
from interp_bench_ext.host.methods import MethodProcesses
from interp_bench_ext.host.organism import CallHooks, LoadedOrganism
from interp_bench_ext.host.technique_files import Technique
from interp_bench_ext.host.tickets import TOLD_EVERY_S, Admitted
from interp_bench_ext.results import Result, encode
from interp_bench_ext.wrong_input import nearest

Encoded = tuple[dict[str, Any], list[memoryview]]
"""A result's header and the bytes of its arrays."""


class HeldBack:
    """In the place of an outcome: the call's turn came while its ticket was held, and it has not begun."""


Outcome = Encoded | InterpBenchError | HeldBack
_REPORT_EVERY_S, _REPORT_AT_LEAST_S = 0.1, 1.0
"""Seconds between two reports of progress, to all callers together, and at most to each: they cost time, too."""
_MOST_AT_ONCE = 64
"""Calls whose rows are generated together; memory decides how many rows those are."""


@dataclass(eq=False)
class Call:
    """A call on its way. The callbacks run in the thread that has the model; ``on_done`` gets the outcome, once."""

    admitted: Admitted
    """What it came in with, and what pays for it."""
    technique: Technique
    arguments: dict[str, Any]
    deadline: float | None
    """On the monotonic clock."""
    on_progress: Callable[[str, int, int], None]
    on_done: Callable[[Outcome], None]
    cancelled: threading.Event = field(default_factory=threading.Event)
    started: float | None = None
    """When its turn came, on the monotonic clock."""
    asked: Used = Used()
    """The samples, prompts and tokens that the model was given for it, or wrote."""
    told: float = 0.0
    """When it was last told what its ticket has used, on the monotonic clock."""
    _reported: tuple[str, float] = ("", 0.0)

    def check(self) -> None:
        """Raises when nobody waits for the call any more or its time is up."""
        if self.cancelled.is_set():
            raise CallCancelled("The call was cancelled.")
        if self.deadline is not None and time.monotonic() > self.deadline:
            raise DeadlineExceeded(f"{self.technique.spec.name} took longer than the call was given.")
        self.admitted.check()

    def count(self, more: Used) -> None:
        """Note what the model is given, or has written."""
        self.asked = self.asked.plus(more)

    def progress(self, stage: str, done: int, total: int, *, every_s: float) -> None:
        """Check, and report at most every so many seconds within a stage."""
        self.check()
        now = time.monotonic()
        if stage != self._reported[0] or now - self._reported[1] >= every_s or done == total:
            self._reported = (stage, now)
            self.on_progress(stage, done, total)


class Dispatcher:
    """Runs techniques on one organism. ``on_used`` hears of every start (True) and end (False) of a call.

    It gets the ticket's id, whether one of its calls is under way, and what the ticket had used until then; of a call
    under way it hears now and then. A call has the model for itself, but for the time in which its rows are generated,
    together with those of others.
    """

    def __init__(
        self,
        organism: LoadedOrganism,
        techniques: Mapping[str, Technique],
        on_used: Callable[[str, bool, Used], None] | None = None,
        methods: MethodProcesses | None = None,
    ) -> None:
        self._methods = methods
        self._organism, self._techniques = organism, techniques
        self._on_used = on_used or (lambda _ticket, _busy, _used: None)
        self._queues: OrderedDict[tuple[str, str], deque[Call]] = OrderedDict()
        self._lock = threading.Lock()
        self._queued = threading.Semaphore(0)
        """Counts the calls in the queues, for the threads that wait for them."""
        self._unfinished = 0
        self._under_way: list[Call] = []
        self._stopped = False
        self._threads: list[threading.Thread] = []

    def specs(self, admitted: Admitted) -> tuple[TechniqueSpec, ...]:
        """What is offered under the ticket's access cap."""
        access = admitted.ticket.access
        return tuple(t.spec for t in self._techniques.values() if access.allows(t.spec.access))

    def health(self, admitted: Admitted) -> dict[str, Any]:
        """``state``, ``busy_s`` (seconds of model time that the ticket has used) and everybody's ``waiting`` calls."""
        with self._lock:
            return {
                "state": "busy" if self._under_way else "ready",
                "busy_s": admitted.busy_s,
                "waiting": sum(len(queue) for queue in self._queues.values()),
            }

    def submit(
        self,
        admitted: Admitted,
        caller: str,
        technique: str,
        arguments: Mapping[str, Any],
        deadline_s: float | None,
        on_progress: Callable[[str, int, int], None],
        on_done: Callable[[Outcome], None],
    ) -> Call:
        """Queue a call; ``caller`` tells the users of one ticket apart.

        Raises BadInput, AccessDenied and AccessEnded at once for a call that cannot be run.
        """
        found = self._techniques.get(technique)
        if found is None:
            offered = [spec.name for spec in self.specs(admitted)]
            raise BadInput(f"This organism does not offer the technique {technique!r}{nearest(technique, offered)}")
        checked = checked_arguments(found, arguments, admitted.ticket.access)
        admitted.check()
        deadline = None if deadline_s is None else time.monotonic() + deadline_s
        call = Call(admitted, found, checked, deadline, on_progress, on_done)
        with self._lock:
            self._queues.setdefault((admitted.ticket.id, caller), deque()).append(call)
            self._organism.turn.shares.enter(admitted.ticket.payer)
            self._unfinished += 1
            if len(self._threads) < min(self._unfinished, _MOST_AT_ONCE):
                self._threads.append(threading.Thread(target=self._work, name="call", daemon=True))
                self._threads[-1].start()
        self._queued.release()
        return call

    def stop(self) -> None:
        """Let the calls under way end at their next check, drop the rest, and wait for the threads."""
        self._stopped = True
        self._queued.release(len(self._threads) or 1)
        for thread in self._threads:
            thread.join(timeout=10)

    def _users(self) -> set[str]:
        """Whose calls wait."""
        with self._lock:
            return {queue[0].admitted.ticket.user for queue in self._queues.values()}

    def _next(self) -> Call:
        """The oldest call of the caller whose turn it is; the caller then goes to the end of the line."""
        had = {user: self._organism.turn.shares.least([user]) for user in self._users()}
        with self._lock:
            # Whoever came after that look has the next one.
            caller, queue = min(
                self._queues.items(), key=lambda entry: had.get(entry[1][0].admitted.ticket.user, math.inf)
            )
            call = queue.popleft()
            self._queues.pop(caller)
            if queue:
                self._queues[caller] = queue
            call.started = time.monotonic()
            self._under_way.append(call)
            return call

    def _work(self) -> None:
        while True:
            self._queued.acquire()
            with self._organism.turn.held(self._users):
                if self._stopped:
                    return
                call = self._next()
                self._tell(call)
                call.admitted.begin()
                outcome = self._run(call)
                self._end(call, outcome)
            call.on_done(outcome)

    def _end(self, call: Call, outcome: Outcome) -> None:
        admitted = call.admitted
        self._pause(call)
        self._organism.turn.shares.leave(admitted.ticket.payer)
        # A call that failed has shown nothing.
        admitted.used = admitted.used.plus(Used() if isinstance(outcome, InterpBenchError) else call.asked)
        with self._lock:
            self._under_way.remove(call)
            self._unfinished -= 1
        self._tell(call)

    def _tell(self, call: Call) -> None:
        """Say what the call's ticket has used by now."""
        admitted, call.told = call.admitted, time.monotonic()
        with self._lock:
            is_busy = any(other.admitted is admitted for other in self._under_way)
        self._on_used(admitted.ticket.id, is_busy, admitted.used._replace(busy_s=admitted.busy_s))

    @contextlib.contextmanager
    def _away(self, call: Call) -> Iterator[None]:
        """Let others have the model until the block ends."""
        self._pause(call)
        self._organism.turn.give_back()
        try:
            yield
        finally:
            self._organism.turn.take(lambda: (call.admitted.ticket.user,))
            call.admitted.begin()

    def _pause(self, call: Call) -> None:
        """The call has the model for itself no more."""
        self._organism.turn.shares.charge(call.admitted.ticket.payer, call.admitted.pause())

    def _charge(self, call: Call, seconds: float) -> None:
        """Rows of the call were among those of others."""
        call.admitted.charge(seconds)
        self._organism.turn.shares.charge(call.admitted.ticket.payer, seconds)

    def _run(self, call: Call) -> Outcome:
        """The encoded result or the error. Whatever a technique raises ends here, so that the host goes on serving."""

        def progress(stage: str, done: int, total: int) -> None:
            if self._stopped:
                raise CallCancelled("The organism is shutting down.")
            every_s = min(_REPORT_EVERY_S * len(self._under_way), _REPORT_AT_LEAST_S)
            call.progress(stage, done, total, every_s=every_s)
            if time.monotonic() - call.told >= TOLD_EVERY_S:
                self._tell(call)

        try:
            call.check()
            if call.admitted.held:
                return HeldBack()
            name, access = call.technique.spec.name, call.admitted.ticket.access
            hooks = CallHooks(
                name,
                progress,
                access,
                call.count,
                call.check,
                self._method_of(call),
                partial(self._away, call),
                partial(self._charge, call),
                call.admitted.ticket.payer,
            )
            return _encoded(call.technique.function(self._organism.serving(hooks), **call.arguments), call.technique)
        except InterpBenchError as error:
            return error.with_traceback(None)
        except Exception as error:  # noqa: BLE001 - the call's boundary: somebody else's code may raise anything
            return _as_error(error, call.technique)

    def _method_of(self, call: Call) -> Callable[[LoadedOrganism, Mapping[str, Any]], Result] | None:
        if self._methods is None:
            return None
        methods, ticket = self._methods, call.admitted.ticket.id

        def check() -> None:
            if self._stopped:
                raise CallCancelled("The organism is shutting down.")
            call.check()

        def method(organism: LoadedOrganism, content: Mapping[str, Any]) -> Result:
            with self._away(call):  # a ticket's methods have one process
                while not call.admitted.in_method.acquire(timeout=_REPORT_EVERY_S):
                    check()
            try:
                return methods.call(ticket, organism, check, dict(content))
            finally:
                call.admitted.in_method.release()

        return method


def _encoded(result: object, technique: Technique) -> Encoded:
    if not isinstance(result, Result):
        raise TechniqueFailed(f"{technique.spec.name} returned {type(result).__name__}, not one of the result types.")
    try:
        return encode(result)
    except TypeError as error:
        raise TechniqueFailed(f"{technique.spec.name}: {error}.") from None


def _as_error(error: Exception, technique: Technique) -> InterpBenchError:
    if is_out_of_memory(error):
        traceback.clear_frames(error.__traceback__)
        gc.collect()
        with contextlib.suppress(RuntimeError):
            torch.cuda.empty_cache()
        return OutOfMemory(
            f"{technique.spec.name} did not fit in the organism's memory: give it fewer or shorter prompts; "
            "the organism goes on serving."
        )
    lines = [
        frame.lineno for frame in traceback.extract_tb(error.__traceback__) if frame.filename == str(technique.path)
    ]
    where = f" ({technique.path.name}, line {lines[-1]})" if lines else ""
    return TechniqueFailed(f"{technique.spec.name} raised {type(error).__name__}: {error}{where}")
