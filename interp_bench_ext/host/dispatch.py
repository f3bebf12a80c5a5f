"""One model thread behind a fair queue: callers take turns, each call can be cancelled, and tickets pay for theirs."""

from __future__ import annotations

import contextlib
import gc
import threading
import time
import traceback
from collections import OrderedDict, deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
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
from interp_bench_ext.host.tickets import Admitted
from interp_bench_ext.results import Result, encode
from interp_bench_ext.wrong_input import nearest

Encoded = tuple[dict[str, Any], list[memoryview]]
"""A result's header and the bytes of its arrays."""


class HeldBack:
    """In the place of an outcome: the call's turn came while its ticket was held, and it has not begun."""


Outcome = Encoded | InterpBenchError | HeldBack
_REPORT_EVERY_S = 0.1


@dataclass(eq=False)
class Call:
    """A call on its way. The callbacks run in the model thread; ``on_done`` gets the outcome, once."""

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
    """The samples and prompts that the model was given for it."""
    _reported: tuple[str, float] = ("", 0.0)

    def check(self) -> None:
        """Raises when nobody waits for the call any more or its time is up."""
        if self.cancelled.is_set():
            raise CallCancelled("The call was cancelled.")
        if self.deadline is not None and time.monotonic() > self.deadline:
            raise DeadlineExceeded(f"{self.technique.spec.name} took longer than the call was given.")
        self.admitted.check(self.worked_s())

    def count(self, samples: int, prompts: int) -> None:
        """Note what the model is given."""
        self.asked = self.asked.plus(Used(samples=samples, prompts=prompts))

    def worked_s(self) -> float:
        """How long the model has worked for it."""
        return 0.0 if self.started is None else time.monotonic() - self.started

    def progress(self, stage: str, done: int, total: int) -> None:
        """Check, and report at most every 0.1 s within a stage."""
        self.check()
        now = time.monotonic()
        if stage != self._reported[0] or now - self._reported[1] >= _REPORT_EVERY_S or done == total:
            self._reported = (stage, now)
            self.on_progress(stage, done, total)


class Dispatcher:
    """Runs techniques on one organism. ``on_used`` hears of every start (True) and end (False) of a call.

    It gets the ticket's id, which of the two it is, and what the ticket had used until then.
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
        self._changed = threading.Condition()
        self._running: Call | None = None
        self._stopped = False
        self._thread = threading.Thread(target=self._work, name="model", daemon=True)
        self._thread.start()

    def specs(self, admitted: Admitted) -> tuple[TechniqueSpec, ...]:
        """What is offered under the ticket's access cap."""
        access = admitted.ticket.access
        return tuple(t.spec for t in self._techniques.values() if access.allows(t.spec.access))

    def health(self, admitted: Admitted) -> dict[str, Any]:
        """``state``, ``busy_s`` (seconds of model time that the ticket has used) and everybody's ``waiting`` calls."""
        with self._changed:
            running = self._running
            own_s = running.worked_s() if running is not None and running.admitted is admitted else 0.0
            return {
                "state": "ready" if running is None else "busy",
                "busy_s": admitted.used.busy_s + own_s,
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
        with self._changed:
            self._queues.setdefault((admitted.ticket.id, caller), deque()).append(call)
            self._changed.notify()
        return call

    def stop(self) -> None:
        """Let the running call end at its next check, drop the rest, and wait for the thread."""
        with self._changed:
            self._stopped = True
            self._changed.notify()
        self._thread.join(timeout=10)

    def _next(self) -> Call | None:
        """The oldest call of the caller whose turn it is; the caller then goes to the end of the line."""
        with self._changed:
            while not self._queues and not self._stopped:
                self._changed.wait()
            if self._stopped:
                return None
            caller, queue = next(iter(self._queues.items()))
            call = queue.popleft()
            self._queues.pop(caller)
            if queue:
                self._queues[caller] = queue
            call.started = time.monotonic()
            self._running = call
            return call

    def _work(self) -> None:
        while (call := self._next()) is not None:
            admitted = call.admitted
            self._on_used(admitted.ticket.id, True, admitted.used)
            outcome = self._run(call)
            # A call that failed has shown nothing.
            asked = Used() if isinstance(outcome, InterpBenchError) else call.asked
            with self._changed:
                admitted.used = admitted.used.plus(asked._replace(busy_s=call.worked_s()))
                self._running = None
            self._on_used(admitted.ticket.id, False, admitted.used)
            call.on_done(outcome)

    def _run(self, call: Call) -> Outcome:
        """The encoded result or the error. Whatever a technique raises ends here, so that the host goes on serving."""

        def progress(stage: str, done: int, total: int) -> None:
            if self._stopped:
                raise CallCancelled("The organism is shutting down.")
            call.progress(stage, done, total)

        try:
            call.check()
            if call.admitted.held:
                return HeldBack()
            name, access = call.technique.spec.name, call.admitted.ticket.access
            hooks = CallHooks(name, progress, access, call.count, call.check, self._method_of(call))
            with self._organism.serving(hooks):
                return _encoded(call.technique.function(self._organism, **call.arguments), call.technique)
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

        return lambda organism, content: methods.call(ticket, organism, check, dict(content))


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
