"""One run from start to end: organism, notebook, agent, budgets, journal. The command line and the server share it."""

from __future__ import annotations

import asyncio
import contextlib
import sqlite3
from collections.abc import Sequence
from contextlib import suppress
from typing import Any, NamedTuple

from filelock import BaseFileLock

from ..agent.auxiliary import Auxiliary
from ..agent.budget import Budgets
from ..agent.gate import Gate, answer_to
from ..agent.loop import investigate
from ..agent.mcp_provider import OutsideProvider, answer_in
from ..agent.prompt import system_prompt
from ..agent.provider import Holding, Provider
from ..agent.tools import ToolSession
from ..config import Experiment, PublicConfig
from ..contracts import Connection, TechniqueSpec, Veil
from ..errors import Abandoned, BudgetReached, InterpBenchError, RecordingEnded
from ..host.terms import Terms
from ..notebook.closing import Status, closing
from ..notebook.opening import opening_cells
from ..notebook.session import NotebookSession
from ..organisms.placement import organism_spec
from ..organisms.tickets import Lease
from ..record.cell_events import CellAdded
from ..record.events import (
    AgentChanged,
    Approval,
    ApprovalDecision,
    Event,
    MessageSent,
    RunEnded,
    RunPaused,
    RunUnpaused,
    Scored,
    WeightsIdentified,
)
from ..record.journal import RunRecord
from ..record.provenance import Revision, fingerprint
from ..record.scores import contaminated
from .environment import Environment
from .leaks import leaks_beside
from .prepare import prepare
from .recorder import Recorder
from .resolve import auxiliary_for, check_attended, check_model

STOPPED = "stopped by the user"
_CUT_SHORT = (Abandoned, BudgetReached, RecordingEnded)
"""What ends a run early that has nothing wrong with it."""


class _Ending(NamedTuple):
    status: Status
    message: str


class Run:
    """A run that this process drives. It comes about in ``start``; :meth:`drive` carries it to its end."""

    def __init__(
        self,
        experiment: Experiment,
        public: PublicConfig,
        provider: Provider,
        *,
        environment: Environment,
        recorder: Recorder,
        lock: BaseFileLock,
        record: RunRecord,
        events: list[Event],
        veil: Veil | None,
    ) -> None:
        self.id = recorder.run
        self.public = public
        self.recorder = recorder
        self.notebook = record.notebook
        self._provider, self._environment = provider, environment
        self._auxiliary = auxiliary_for(public.agent, provider, environment.key)
        self._lock, self._events, self._veil = lock, events, veil
        self.experiment, self._spec = experiment, organism_spec(experiment)
        self._gate: Gate | None = None
        self._lease: Lease | None = None
        self._task: asyncio.Task[Any] | None = None
        self._why_stopped: str | None = None
        self._ended = False

    async def begin_notebook(self) -> None:
        """Make a new notebook with its first two cells, where somebody may open it while the organism loads."""
        if self._environment.begin is None or self.notebook.exists():
            return
        by_hand = self.public.agent.provider == "person"
        cells = opening_cells(run=self.id, task=self.public.task, by_hand=by_hand)
        for cell in cells:
            added = CellAdded(cell_id=cell.cell_id, kind=cell.kind, source=cell.source)
            self.recorder(added)
            self._events.append(added)
        # What is wrong with the place is said when the notebook is opened.
        with suppress(InterpBenchError):
            await self._environment.begin(self.notebook, cells)

    def tell(self, text: str) -> None:
        """Send the agent a message, which it sees with its next reply at the latest."""
        self.recorder(MessageSent(sender="person", text=text))

    async def pause(self) -> None:
        """Let the agent do nothing more until :meth:`unpause`, and its code begin no call to the organism.

        Possible from the start, while the organism loads.
        """
        if not self.recorder.state.figures.clock.paused:
            self.recorder(RunPaused())
        await self._hold()

    async def unpause(self) -> None:
        if self._gate is not None:
            self._gate.unpause()
        elif self.recorder.state.figures.clock.paused:
            self.recorder(RunUnpaused())
        await self._hold()

    async def _hold(self) -> None:
        """Have the ticket be held while the run is paused."""
        if self._lease is not None:
            await self._lease.hold(held=self.recorder.state.figures.clock.paused)

    def choose(self, *, model: str | None, approval: Approval | None) -> None:
        """Go on with another model, or with other cells to be approved. Raises BadInput where that cannot be."""
        if model is not None:
            check_model(self._provider, model, self.public.agent)
        if approval is not None:
            check_attended(approval, self._environment)
        self.recorder(AgentChanged(model=model, approval=approval))

    def answer(self, approval: str, decision: ApprovalDecision, code: str | None) -> None:
        """Answer for code that waits, also for what a resumed run had asked before it stopped. Raises BadInput."""
        if self._gate is not None:
            self._gate.answer(approval, decision, code)
        else:
            self.recorder(answer_to(self.recorder.state, approval, decision, code))

    def stop(self, why: str = STOPPED) -> None:
        """End the run at once: the agent's reply and the running cell are cut off. It can be resumed."""
        if self._why_stopped is None:
            self._why_stopped = why
            # Once only: a second cancellation would cut off the closing of the notebook.
            if self._task is not None:
                self._task.cancel()

    async def drive(self) -> RunRecord:
        """Carry the run to its end, which is always recorded: finished, failed or interrupted.

        Raises:
            BadInput: The organism or the notebook could not be opened; that the run failed is recorded as well.
        """
        self._task = asyncio.current_task()
        recorder = self.recorder
        try:
            if self._why_stopped is not None:
                raise asyncio.CancelledError
            terms = Terms(caller=self.id, access=self.public.access, quota_s=self._quota_s())
            async with self._environment.organism(self._spec, recorder, terms) as organism:
                self._lease = organism
                if self.recorder.state.figures.clock.paused:
                    await self._hold()
                self._identify(organism.revisions)
                await self._worked(await self._opened(organism.connection), organism)
        except (Exception, asyncio.CancelledError) as error:  # the run's boundary: whatever ends it is recorded
            self._end(*self._ending(error))
            if not isinstance(error, InterpBenchError) or (self._gate is None and not isinstance(error, _CUT_SHORT)):
                raise
        finally:
            self._lease = None
            try:
                await self._look_for_leaks()
            finally:
                self._lock.release()
                for held in {id(each): each for each in (self._provider, self._auxiliary)}.values():
                    if isinstance(held, Holding):
                        await held.aclose()
        record = self._environment.journal.run(self.id)
        assert record is not None
        return record

    def _quota_s(self) -> float | None:
        """What is left of the run's GPU time, so that no single call exceeds it."""
        minutes = self.public.agent.max_gpu_minutes
        return None if minutes is None else max(0.0, 60 * minutes - self.recorder.state.figures.gpu_s)

    async def _opened(self, connection: Connection) -> NotebookSession:
        """The notebook, opened whole even if the run is stopped meanwhile.

        A cancellation half-way is something that the libraries below cannot take: the shared document's store goes on
        without the rest of it, and a kernel that is neither started nor not keeps the whole server from ending.
        """
        opening = asyncio.create_task(
            self._environment.notebook(
                self.notebook, emit=self.recorder, connection=connection, run=self.id, veil=self._veil
            )
        )
        try:
            return await asyncio.shield(opening)
        except asyncio.CancelledError:
            await (await opening).close()
            raise

    def _identify(self, revisions: Sequence[Revision]) -> None:
        """Record which weights the organism has: to anybody a fingerprint, to the owner where they come from."""
        conditions = self._environment.journal.conditions
        conditions.seal(self.id, revisions)
        weights, before = fingerprint(conditions.key(), revisions), conditions.weights_before(self.id)
        self.recorder(WeightsIdentified(weights=weights, changed=before not in ("", weights)))

    async def _investigate(self, session: NotebookSession, organism: Lease) -> None:
        budgets = Budgets(self.public.agent, clock=self._environment.journal.clock)
        tools = ToolSession(
            notebook=session,
            techniques={spec.name: spec for spec in organism.specs},
            state=self.recorder.state,
            emit=self.recorder,
            used=organism.used,
            auxiliary=Auxiliary(self._auxiliary, budgets) if self._auxiliary is not None else None,
        )
        self._gate = Gate.of(tools, self.public.agent)
        await prepare(session, self.recorder, self.public, self._events)
        system = _system(self.public, organism.specs, budgets)
        if isinstance(self._provider, OutsideProvider):
            self._provider.interrupt = session.interrupt
        await investigate(gate=self._gate, provider=self._provider, system=system, budgets=budgets)
        if isinstance(self._provider, OutsideProvider):
            await self._provider.conclude(answer_in(tools.state.messages[-1]))
        self._end("finished", "")

    async def _worked(self, session: NotebookSession, organism: Lease) -> None:
        """Investigate, and close the notebook with a word of how that ended."""
        status, message = _Ending("interrupted", STOPPED)
        try:
            await self._investigate(session, organism)
            status, message = _Ending("finished", "")
        except (Exception, asyncio.CancelledError) as error:
            status, message = self._ending(error)
            raise
        finally:
            fresh = session.kernel_id is not None
            await session.close(last_words=closing(run=self.id, status=status, message=message, fresh_kernel=fresh))

    def _ending(self, error: BaseException) -> _Ending:
        """What an error makes of the run."""
        if isinstance(error, asyncio.CancelledError):
            return _Ending("interrupted", self._why_stopped or STOPPED)
        if isinstance(error, _CUT_SHORT):
            return _Ending("interrupted", str(error))
        if self._why_stopped is not None:
            return _Ending("interrupted", self._why_stopped)
        if isinstance(error, InterpBenchError):
            return _Ending("failed", str(error))
        # Its text may hold anything, and the agent can see events; the type says enough there.
        return _Ending("failed", f"an internal error ended the run ({type(error).__name__})")

    def _end(self, status: Status, message: str) -> None:
        """Record how the run ended. What goes wrong while its notebook closes does not change that."""
        if not self._ended:
            self._ended = True
            self.recorder(RunEnded(status=status, message=message))

    async def _look_for_leaks(self) -> None:
        """Mark a run that shows what is sealed, whether it is ever scored or not."""
        if self._gate is None or self._environment.journal.last(self.id, Scored) is not None:
            return
        # Where the journal cannot be written, that has ended the run and is told.
        with contextlib.suppress(sqlite3.Error, OSError):
            work = asyncio.to_thread(
                leaks_beside, self._environment.journal, self.id, self.experiment, key=self._environment.key
            )
            leaks = await asyncio.shield(asyncio.create_task(work))
            if leaks:
                self.recorder(Scored(score=contaminated(leaks)))


def _system(public: PublicConfig, techniques: tuple[TechniqueSpec, ...], budgets: Budgets) -> str:
    return system_prompt(
        task=public.task,
        techniques=techniques,
        access=public.access,
        budgets=budgets.described(),
        agent_text=public.prompt,
        tips=public.tips,
    )
