"""One run from start to end: organism, notebook, agent, budgets, journal. The command line and the server share it."""

from __future__ import annotations

import asyncio
import importlib.util
import time
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from filelock import Timeout

from .agent.anthropic import DEFAULT_MODEL, Key, make_provider
from .agent.budget import Budgets
from .agent.loop import investigate
from .agent.playbook import PlaybookProvider
from .agent.prompt import system_prompt
from .agent.provider import Provider
from .agent.state import RunState
from .agent.tools import ToolSession
from .config import AgentSection, Experiment, PublicConfig, experiment_techniques
from .contracts import TechniqueSpec
from .errors import BadInput, BudgetReached, InterpBenchError
from .events import CellAdded, CellFinished, Emit, Event, RunEnded, RunResumed, RunStarted
from .host.process import OrganismProcess
from .host.spec import OrganismSpec
from .journal import Journal, RunRecord, new_run_id
from .notebook.opening import INTRO_ID, SETUP, SETUP_ID, intro
from .notebook.session import NotebookSession

SETUP_TIMEOUT_S = 120
Listener = Callable[[Event], None]


def organism_spec(experiment: Experiment) -> OrganismSpec:
    """What the organism's process is given. Raises BadInput where this build cannot run it."""
    public, sealed = experiment.public, experiment.sealed
    if public.execution_mode != "local":
        raise BadInput(
            f"{experiment.path}: `model.execution_mode: {public.execution_mode}` cannot be run by this version;"
            " set it to local"
        )
    if importlib.util.find_spec("torch") is None:
        raise BadInput("local models need torch, which is not installed here; pip install 'interp_bench_ext[local]'")
    files = experiment_techniques(sealed.folder)
    model = sealed.model
    return OrganismSpec(
        name=model.name,
        is_peft=model.is_peft,
        base_model=model.base_model,
        tokenizer=model.tokenizer,
        device=model.device,
        dtype=model.dtype,
        revision=model.revision,
        quantization=model.quantization,
        hidden_system_prompt=sealed.hidden_system_prompt,
        access=public.access,
        techniques=tuple(files[name] for name in public.techniques),
        seed=public.seed,
    )


@dataclass
class Recorder:
    """Writes each event to the journal before anybody acts on it; events before the run exists wait in memory."""

    journal: Journal
    listener: Listener
    state: RunState = field(default_factory=RunState)
    run: str | None = None
    _waiting: list[Event] = field(default_factory=list)

    def __call__(self, event: Event) -> None:
        if self.run is None:
            self._waiting.append(event)
        else:
            self.journal.append(self.run, event)
            self.state.apply(event, time.time())
        self.listener(event)

    def begin(self, run: str, first: RunStarted, config: Path) -> None:
        """The run exists from here: record ``first``, then what was waiting."""
        self.run = run
        events = [first, *self._waiting]
        self.journal.create_run(
            run,
            experiment=str(first.public["experiment_name"]),
            config=config,
            notebook=Path(first.notebook),
            events=events,
        )
        for event in events:
            self.state.apply(event, time.time())
        self.listener(first)


def choose_agent(public: PublicConfig, key: Key | None) -> AgentSection:
    """The config's agent section with its open choices made: Claude where there is a key, else the playbook."""
    agent = public.agent
    provider = agent.provider or ("anthropic" if key else "playbook")
    model = agent.model or (DEFAULT_MODEL if provider == "anthropic" else None)
    return agent.model_copy(update={"provider": provider, "model": model})


def provider_for(public: PublicConfig, *, seed: int, key: Key | None) -> Provider:
    """The provider that the (chosen) agent section names. Raises BadInput where it lacks a key."""
    agent = public.agent
    if agent.approval != "auto":
        raise BadInput(
            f"agent.approval: {agent.approval} needs JupyterLab's sidebar; set it to auto for the command line"
        )
    if agent.provider == "playbook":
        return PlaybookProvider(public, seed)
    return make_provider(key=key, model=agent.model or DEFAULT_MODEL)


async def start_run(
    experiment: Experiment,
    *,
    journal: Journal,
    listener: Listener,
    out: Path,
    notebook: Path | None = None,
    key: Key | None = None,
) -> RunRecord:
    """Run ``experiment`` from the start and return its record as it then stands.

    Args:
        experiment: The config; its ``public.agent`` and ``public.seed`` hold the overrides of this run.
        journal: Where the run is recorded.
        listener: Called with every event, after it was recorded.
        out: Folder for the run's own folder, where ``notebook`` is not given.
        notebook: The notebook to work in; made if it does not exist.
        key: The anthropic provider's key.

    Raises:
        BadInput: before anything was written.
    """
    public = experiment.public.model_copy(update={"agent": choose_agent(experiment.public, key)})
    provider = provider_for(public, seed=public.seed, key=key)
    spec = organism_spec(experiment)
    _check_writable(notebook.parent if notebook else out)
    recorder = Recorder(journal, listener)
    async with _organism(spec, recorder) as organism:
        run = new_run_id()
        path = (notebook or out / f"{public.experiment_name}-{run}" / "investigation.ipynb").resolve()
        with _locked(journal, run):
            session = await NotebookSession.open(path, emit=recorder, connection=organism.connection, run=run)
            recorder.begin(
                run,
                RunStarted(
                    public=public.model_dump(mode="json"),
                    agent=_agent_name(public.agent),
                    seed=public.seed,
                    veil=session.veil,
                    notebook=str(path),
                ),
                experiment.path,
            )
            await _drive(session, organism, recorder, provider, public, events=[])
    return journal.find_run(run)


async def resume_run(
    experiment: Experiment,
    record: RunRecord,
    *,
    journal: Journal,
    listener: Listener,
    limits: Mapping[str, Any],
    key: Key | None = None,
) -> RunRecord:
    """Go on with an interrupted run; ``limits`` replace those of its agent section."""
    if record.status not in ("interrupted", "failed"):
        raise BadInput(f"run {record.id} is {record.status}; only an interrupted or failed run can be resumed")
    with _locked(journal, record.id):
        recorder = Recorder(journal, listener, run=record.id)
        entries = list(journal.entries(record.id))
        for entry in entries:
            recorder.state.apply(entry.event, entry.at)
        events = [entry.event for entry in entries]
        started = next(event for event in events if isinstance(event, RunStarted))
        public = PublicConfig.model_validate(started.public)
        agent = public.agent.model_copy(update=dict(limits))
        public = public.model_copy(update={"agent": agent})
        provider = provider_for(public, seed=started.seed, key=key)
        spec = organism_spec(experiment)
        recorder(RunResumed())
        async with _organism(spec, recorder) as organism:
            session = await NotebookSession.open(
                record.notebook, emit=recorder, connection=organism.connection, run=record.id
            )
            await _drive(session, organism, recorder, provider, public, events=events)
    return journal.find_run(record.id)


async def _drive(
    session: NotebookSession,
    organism: OrganismProcess,
    recorder: Recorder,
    provider: Provider,
    public: PublicConfig,
    *,
    events: list[Event],
) -> None:
    """Carry the run to its end, which is always recorded: finished, failed or interrupted."""
    budgets = Budgets(public.agent)
    tools = ToolSession(
        notebook=session,
        techniques={spec.name: spec for spec in organism.specs},
        state=recorder.state,
        emit=recorder,
        busy_s=organism.busy_s,
    )
    try:
        await _prepare(session, recorder, public, events)
        system = _system(public, tuple(organism.specs), budgets)
        await investigate(session=tools, provider=provider, system=system, budgets=budgets)
        recorder(RunEnded(status="finished", message=""))
    except BudgetReached as error:
        recorder(RunEnded(status="interrupted", message=str(error)))
    except InterpBenchError as error:
        recorder(RunEnded(status="failed", message=str(error)))
    except Exception as error:  # noqa: BLE001 - the run's boundary: whatever ends it is recorded
        # Its text may hold anything, and the agent can see events; the type says enough there.
        recorder(RunEnded(status="failed", message=f"an internal error ended the run ({type(error).__name__})"))
        raise
    except asyncio.CancelledError:
        recorder(RunEnded(status="interrupted", message="stopped by the user"))
        raise
    finally:
        await session.close()


async def _prepare(session: NotebookSession, recorder: Recorder, public: PublicConfig, events: list[Event]) -> None:
    """Bring notebook and kernel to where ``events`` left them, or open a new notebook with its first two cells."""
    await session.rebuild(events)
    added = {event.cell_id for event in events if isinstance(event, CellAdded)}
    finished = {event.cell_id for event in events if isinstance(event, CellFinished) and event.status == "ok"}
    assert recorder.run is not None
    if INTRO_ID not in added:
        await session.add_markdown(intro(run=recorder.run, task=public.task), cell_id=INTRO_ID)
    if SETUP_ID not in added:
        await session.add_code(SETUP, cell_id=SETUP_ID)
    if SETUP_ID in finished:
        await session.restore([cell.cell_id for cell in session.cells() if cell.cell_id in finished])
    else:
        run = await session.run_cell(SETUP_ID, timeout_s=SETUP_TIMEOUT_S)
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


def _agent_name(agent: AgentSection) -> str:
    return f"{agent.provider} {agent.model}" if agent.model else str(agent.provider)


@asynccontextmanager
async def _organism(spec: OrganismSpec, emit: Emit) -> AsyncIterator[OrganismProcess]:
    organism = await OrganismProcess.start(spec, emit=emit)
    try:
        yield organism
    finally:
        await organism.stop()


@contextmanager
def _locked(journal: Journal, run: str) -> Iterator[None]:
    """Hold the run's lock, so that no two processes drive it."""
    lock = journal.lock(run)
    try:
        lock.acquire()
    except Timeout:
        raise BadInput(f"run {run} is being driven by another process; stop that one first") from None
    try:
        yield
    finally:
        lock.release()


def _check_writable(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        probe = folder / ".interp-bench-write-test"
        probe.touch()
        probe.unlink()
    except OSError as error:
        raise BadInput(f"{folder}: cannot be written ({error.strerror}); choose another folder with --out") from None
