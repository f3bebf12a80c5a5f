"""One run from start to end: organism, notebook, agent, budgets, journal. The command line and the server share it."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

from filelock import BaseFileLock, Timeout

from ..agent.anthropic import AnthropicProvider
from ..agent.budget import Budgets
from ..agent.gate import Gate, answer_to
from ..agent.loop import investigate
from ..agent.prompt import system_prompt
from ..agent.provider import Provider
from ..agent.tools import ToolSession
from ..config import Experiment, PublicConfig
from ..contracts import Connection, TechniqueSpec
from ..errors import BadInput, BudgetReached, InterpBenchError
from ..events import (
    ApprovalDecision,
    CellAdded,
    CellFinished,
    Event,
    MessageSent,
    RunEnded,
    RunPaused,
    RunResumed,
    RunStarted,
    RunUnpaused,
)
from ..journal import Journal, RunRecord, new_run_id
from ..notebook.opening import SETUP, intro, opening_ids
from ..notebook.session import NotebookSession
from .choices import agent_name, choose_agent, organism_spec, provider_for
from .recorder import Listener, Recorder
from .workplace import OrganismHandle, Workplace

SETUP_TIMEOUT_S = 120
STOPPED = "stopped by the user"


class Run:
    """A run that this process drives. :meth:`begin` or :meth:`resume` make it, :meth:`drive` carries it to its end."""

    def __init__(
        self,
        experiment: Experiment,
        public: PublicConfig,
        provider: Provider,
        *,
        workplace: Workplace,
        recorder: Recorder,
        lock: BaseFileLock,
        record: RunRecord,
        events: list[Event],
    ) -> None:
        self.id = recorder.run
        self.public = public
        self.recorder = recorder
        self.notebook = record.notebook
        self._experiment, self._provider, self._workplace = experiment, provider, workplace
        self._lock, self._events = lock, events
        self._spec = organism_spec(experiment)
        self._gate: Gate | None = None
        self._task: asyncio.Task[Any] | None = None
        self._why_stopped: str | None = None
        self._ended = False

    @classmethod
    def begin(
        cls,
        experiment: Experiment,
        *,
        workplace: Workplace,
        listener: Listener,
        notebook: Path | None,
        out: Path,
    ) -> Run:
        """A new run, recorded from here on.

        Args:
            experiment: The config; its ``public.agent`` and ``public.seed`` hold the overrides of this run.
            workplace: Where it happens.
            listener: Called with every event, after it was recorded.
            notebook: The notebook to work in; made if it does not exist.
            out: Folder for the run's own folder, where ``notebook`` is not given.

        Raises:
            BadInput: before anything was written.
        """
        journal = workplace.journal
        public = experiment.public.model_copy(update={"agent": choose_agent(experiment.public, workplace.key)})
        provider = provider_for(public, seed=public.seed, workplace=workplace)
        organism_spec(experiment)
        run = new_run_id()
        path = (notebook or out / f"{public.experiment_name}-{run}" / "investigation.ipynb").resolve()
        _check_writable(notebook.parent if notebook else out)
        started = RunStarted(
            public=public.model_dump(mode="json"), agent=agent_name(public.agent), seed=public.seed, notebook=str(path)
        )
        lock = _locked(journal, run)
        recorder = Recorder(journal, run, listener)
        journal.create_run(run, experiment=public.experiment_name, config=experiment.path, notebook=path, first=started)
        recorder.saw(started)
        return cls(
            experiment,
            public,
            provider,
            workplace=workplace,
            recorder=recorder,
            lock=lock,
            record=journal.find_run(run),
            events=[],
        )

    @classmethod
    def resume(
        cls,
        experiment: Experiment,
        record: RunRecord,
        *,
        workplace: Workplace,
        listener: Listener,
        limits: Mapping[str, Any],
    ) -> Run:
        """A run that ended early, going on where it stopped; ``limits`` replace those of its agent section.

        Raises:
            BadInput: It is finished, driven elsewhere, or cannot be run here.
        """
        if record.status not in ("interrupted", "failed"):
            raise BadInput(f"run {record.id} is {record.status}; only an interrupted or failed run can be resumed")
        journal = workplace.journal
        lock = _locked(journal, record.id)
        try:
            recorder = Recorder(journal, record.id, listener)
            entries = list(journal.entries(record.id))
            for entry in entries:
                recorder.state.apply(entry.event, entry.at)
            events = [entry.event for entry in entries]
            started = next(event for event in events if isinstance(event, RunStarted))
            public = PublicConfig.model_validate(started.public)
            public = public.model_copy(update={"agent": public.agent.model_copy(update=dict(limits))})
            provider = provider_for(public, seed=started.seed, workplace=workplace)
            run = cls(
                experiment,
                public,
                provider,
                workplace=workplace,
                recorder=recorder,
                lock=lock,
                record=record,
                events=events,
            )
            recorder(RunResumed())
        except BaseException:
            lock.release()
            raise
        return run

    def tell(self, text: str) -> None:
        """Send the agent a message, which it sees with its next reply at the latest."""
        self.recorder(MessageSent(sender="person", text=text))

    def pause(self) -> None:
        """Let the agent do nothing more until :meth:`unpause`; possible from the start, while the organism loads."""
        if not self.recorder.state.paused:
            self.recorder(RunPaused())

    def unpause(self) -> None:
        if self._gate is not None:
            self._gate.unpause()
        elif self.recorder.state.paused:
            self.recorder(RunUnpaused())

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
            async with self._workplace.organism(self._spec, recorder, run=self.id) as organism:
                session = await self._opened(organism.connection)
                try:
                    await self._investigate(session, organism)
                finally:
                    await session.close()
        except BudgetReached as error:
            self._end("interrupted", str(error))
        except InterpBenchError as error:
            self._end("failed", str(error))
            if self._gate is None:
                raise
        except Exception as error:  # noqa: BLE001 - the run's boundary: whatever ends it is recorded
            # Its text may hold anything, and the agent can see events; the type says enough there.
            self._end("failed", f"an internal error ended the run ({type(error).__name__})")
            raise
        except asyncio.CancelledError:
            self._end("interrupted", self._why_stopped or STOPPED)
            raise
        finally:
            self._lock.release()
            if isinstance(self._provider, AnthropicProvider):
                await self._provider.aclose()
        return self._workplace.journal.find_run(self.id)

    async def _opened(self, connection: Connection) -> NotebookSession:
        """The notebook, opened whole even if the run is stopped meanwhile.

        A cancellation half-way is something that the libraries below cannot take: the shared document's store goes on
        without the rest of it, and a kernel that is neither started nor not keeps the whole server from ending.
        """
        opening = asyncio.create_task(
            self._workplace.notebook(self.notebook, emit=self.recorder, connection=connection, run=self.id)
        )
        try:
            return await asyncio.shield(opening)
        except asyncio.CancelledError:
            await (await opening).close()
            raise

    async def _investigate(self, session: NotebookSession, organism: OrganismHandle) -> None:
        budgets = Budgets(self.public.agent)
        tools = ToolSession(
            notebook=session,
            techniques={spec.name: spec for spec in organism.specs},
            state=self.recorder.state,
            emit=self.recorder,
            busy_s=organism.busy_s,
        )
        self._gate = Gate.of(tools, self.public.agent)
        await _prepare(session, self.recorder, self.public, self._events)
        system = _system(self.public, organism.specs, budgets)
        await investigate(gate=self._gate, provider=self._provider, system=system, budgets=budgets)
        self._end("finished", "")

    def _end(self, status: Literal["finished", "failed", "interrupted"], message: str) -> None:
        """Record how the run ended. What goes wrong while its notebook closes does not change that."""
        if self._ended:
            return
        self._ended = True
        if status == "failed" and self._why_stopped is not None:
            status, message = "interrupted", self._why_stopped
        self.recorder(RunEnded(status=status, message=message))


async def start_run(
    experiment: Experiment, *, workplace: Workplace, listener: Listener, out: Path, notebook: Path | None = None
) -> RunRecord:
    """Run ``experiment`` from the start and return its record as it then stands; see :meth:`Run.begin`.

    Raises:
        BadInput: and nothing is left of the run.
    """
    run = Run.begin(experiment, workplace=workplace, listener=listener, notebook=notebook, out=out)
    try:
        return await run.drive()
    except BadInput:
        workplace.journal.delete_run(run.id)
        raise


async def resume_run(
    experiment: Experiment,
    record: RunRecord,
    *,
    workplace: Workplace,
    listener: Listener,
    limits: Mapping[str, Any],
) -> RunRecord:
    """Go on with an interrupted run; see :meth:`Run.resume`."""
    return await Run.resume(experiment, record, workplace=workplace, listener=listener, limits=limits).drive()


async def _prepare(session: NotebookSession, recorder: Recorder, public: PublicConfig, events: list[Event]) -> None:
    """Bring notebook and kernel to where ``events`` left them, or open a notebook with the run's first two cells."""
    await session.rebuild(events)
    added = [event.cell_id for event in events if isinstance(event, CellAdded)]
    finished = {event.cell_id for event in events if isinstance(event, CellFinished) and event.status == "ok"}
    intro_id, setup_id = opening_ids(added, taken={cell.cell_id for cell in session.cells()}, run=recorder.run)
    if intro_id not in added:
        await session.add_markdown(intro(run=recorder.run, task=public.task), cell_id=intro_id)
    if setup_id not in added:
        await session.add_code(SETUP, cell_id=setup_id)
    if setup_id in finished:
        await session.restore([cell.cell_id for cell in session.cells() if cell.cell_id in finished])
    else:
        run = await session.run_cell(setup_id, timeout_s=SETUP_TIMEOUT_S)
        if run.status != "ok":
            raise InterpBenchError("the notebook's kernel could not connect to the organism")


def _system(public: PublicConfig, techniques: tuple[TechniqueSpec, ...], budgets: Budgets) -> str:
    return system_prompt(
        task=public.task,
        techniques=techniques,
        access=public.access,
        budgets=budgets.described(),
        tips=public.tips,
    )


def _locked(journal: Journal, run: str) -> BaseFileLock:
    """The run's lock, held, so that no two processes drive it."""
    lock = journal.lock(run)
    try:
        lock.acquire()
    except Timeout:
        raise BadInput(f"run {run} is being driven by another process; stop that one first") from None
    return lock


def _check_writable(folder: Path) -> None:
    nearest = next(parent for parent in (folder, *folder.parents) if parent.exists())
    try:
        # What the permissions say is not the whole truth, least of all for root.
        Path(tempfile.mkdtemp(dir=nearest)).rmdir()
    except OSError as error:
        raise BadInput(f"{folder}: cannot be written ({error.strerror}); choose another folder") from None
