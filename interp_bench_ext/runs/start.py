"""How a run comes about: new, resumed, as a fork of another, or as a replay. It is recorded before it is driven."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from filelock import BaseFileLock, Timeout

from ..agent.provider import Provider
from ..agent.replay import ReplayProvider
from ..config import AgentSection, Experiment, PublicConfig
from ..contracts import Veil
from ..errors import BadInput
from ..installed import experiment_techniques
from ..organisms.placement import check_startable
from ..paths import notebook_path
from ..record.cell_events import KernelStarted
from ..record.events import AgentChanged, ApprovalAnswered, Event, MessageSent, RunForked, RunResumed, RunStarted
from ..record.journal import Journal, RunRecord, new_run_id
from .drive import Run
from .environment import Environment
from .fork import agent_of_fork, check_can_go_on, headed, past_of
from .provenance import provenance_of
from .recorder import Recorder
from .resolve import agent_name, as_installed, choose_agent, provider_for
from .veil import veil_for_code_of


def begin(experiment: Experiment, *, environment: Environment, out: Path, notebook: Path | None = None) -> Run:
    """A new run, recorded from here on.

    Args:
        experiment: The config; its ``public.agent`` and ``public.seed`` hold the overrides of this run.
        environment: Where it happens, and who hears of it.
        out: Folder for the run's own folder, where ``notebook`` is not given.
        notebook: The notebook to work in; made if it does not exist.

    Raises:
        BadInput: before anything was written.
    """
    agent = choose_agent(experiment.public, environment.key, environment.outside)
    public = experiment.public.model_copy(update={"agent": agent})
    return _recorded(_with(experiment, public), environment=environment, out=out, notebook=notebook)


def resume(
    experiment: Experiment,
    record: RunRecord,
    *,
    environment: Environment,
    limits: Mapping[str, Any],
    notebook: Path | None = None,
    weaker_veil: bool = False,
) -> Run:
    """A run that ended early, going on where it stopped.

    Args:
        experiment: Its config, for the sealed half; the public one is as recorded.
        record: The run.
        environment: Where it happens, and who hears of it.
        limits: What is different in its agent section from here on.
        notebook: Where it works from here on, written anew if it is not there; None: where it did before.
        weaker_veil: Whether a person has said that it may go on without the sandbox that it had.

    Raises:
        BadInput: It is finished, driven elsewhere, or cannot be run here.
        WeakerVeil: It had a sandbox, and there is none here.
    """
    if record.status not in ("interrupted", "failed"):
        raise BadInput(f"run {record.id} is {record.status}; only an interrupted or failed run can be resumed")
    journal = environment.journal
    path = notebook_path(notebook or record.notebook)
    if not path.parent.is_dir() and journal.last(record.id, KernelStarted) is not None:
        raise BadInput(
            f"run {record.id} works in {path}, and that folder is not on this machine; say where it goes on with"
            f" `interp-bench resume {record.id} --notebook PATH`, which is written anew if it is not there"
        )
    veil = veil_for_code_of(journal, record.id, weaker=weaker_veil)
    lock = _locked(journal, record.id)
    try:
        public = recorded_public(journal, record.id)
        agent = as_installed(public.agent.model_copy(update=dict(limits)))
        public = public.model_copy(update={"agent": agent})
        as_recorded = _with(experiment, public)
        provider = _provider(public, environment, journal.events(record.id))
        journal.move_run(record.id, config=experiment.path, notebook=path)
        run = _standing(as_recorded, provider, record.id, environment=environment, lock=lock, veil=veil)
        run.recorder(
            RunResumed(
                notebook=str(path) if path != record.notebook else None,
                limits=dict(limits),
                provenance=provenance_of(as_recorded, key=journal.conditions.key()),
            )
        )
    except BaseException:
        lock.release()
        raise
    return run


def fork(
    experiment: Experiment,
    parent: RunRecord,
    *,
    at: str | None,
    message: str | None,
    changes: Mapping[str, Any],
    environment: Environment,
    out: Path,
    notebook: Path | None = None,
    weaker_veil: bool = False,
) -> Run:
    """A new run that stands where ``parent`` stood right after one of its cells, in a notebook of its own.

    Args:
        experiment: The parent's config, for the sealed half; the public one is as recorded.
        parent: The run, under way or not; nothing of it changes.
        at: Id of the cell; None: the one that ended last.
        message: What the agent is told before it goes on.
        changes: What is different in the agent section.
        environment: Where it happens, and who hears of it.
        out: Folder for the fork's own folder, where ``notebook`` is not given.
        notebook: A file that does not exist yet.
        weaker_veil: Whether a person has said that the parent's code may run without the sandbox that it had.

    Raises:
        BadInput: before anything was written.
        WeakerVeil: likewise; the parent had a sandbox, and there is none here.
    """
    journal = environment.journal
    past = past_of(journal.events(parent.id), run=parent.id, at=at)
    public = recorded_public(journal, parent.id)
    agent = agent_of_fork(public, changes, environment)
    check_can_go_on(agent, public.agent, past)
    if notebook is not None and notebook.exists():
        raise BadInput(f"{notebook} is there already; a fork writes a notebook of its own, so name a new file")

    def then(run: str) -> list[Event]:
        told = [MessageSent(sender="person", text=message)] if message else []
        own = RunForked(parent=parent.id, cell_id=past.cell_id)
        return [*headed(past, parent=parent.id, fork=run, task=public.task), own, *told]

    return _recorded(
        _with(experiment, public.model_copy(update={"agent": agent})),
        environment=environment,
        out=out,
        notebook=notebook,
        then=then,
        veil=veil_for_code_of(journal, parent.id, weaker=weaker_veil),
    )


def replay(
    experiment: Experiment,
    recorded: RunRecord,
    *,
    environment: Environment,
    out: Path,
    weaker_veil: bool = False,
) -> Run:
    """A new run that carries out the recorded decisions again: the agent's replies, and what a person approved.

    Args:
        experiment: The config of the organism to try them on; the public half is as recorded.
        recorded: The run.
        environment: Where it happens, and who hears of it.
        out: Folder for the run's own folder.
        weaker_veil: Whether a person has said that the recorded code may run without the sandbox that it had.

    Raises:
        BadInput: before anything was written.
        WeakerVeil: likewise; the recorded run had a sandbox, and there is none here.
    """
    events = environment.journal.events(recorded.id)
    public = recorded_public(environment.journal, recorded.id)
    agent = AgentSection(provider="replay", model=recorded.id, max_steps=len(events) + 1, max_minutes=None)
    answers = [event for event in events if isinstance(event, ApprovalAnswered)]
    return _recorded(
        _with(experiment, public.model_copy(update={"agent": agent})),
        environment=environment,
        out=out,
        then=lambda run: answers,
        veil=veil_for_code_of(environment.journal, recorded.id, weaker=weaker_veil),
    )


def recorded_public(journal: Journal, run: str) -> PublicConfig:
    """The public half of a run's config as it was recorded, with its overrides and what was chosen since."""
    started = journal.last(run, RunStarted)
    assert started is not None  # a run and its first event are recorded together
    agent = dict(started.public.get("agent") or {})
    for _, event in journal.skim(run, RunResumed, AgentChanged):
        match event:
            case RunResumed():
                agent |= event.limits
            case AgentChanged():
                agent |= event.model_dump(include={"model", "approval"}, exclude_none=True)
            case _:
                pass
    return PublicConfig.model_validate({**started.public, "agent": agent})


def _recorded(
    experiment: Experiment,
    *,
    environment: Environment,
    out: Path,
    notebook: Path | None = None,
    then: Callable[[str], Sequence[Event]] = lambda run: (),
    veil: Veil | None = None,
) -> Run:
    """A run that begins with ``RunStarted`` and what ``then`` gives for its id: all of that recorded, or nothing."""
    journal, public = environment.journal, experiment.public
    provider = _provider(public, environment)
    check_startable(experiment)
    run = new_run_id()
    path = notebook_path(notebook or out / f"{public.experiment_name}-{run}" / "investigation.ipynb")
    _check_writable(path.parent if notebook else out)
    started = RunStarted(
        public=public.model_dump(mode="json"),
        agent=agent_name(public.agent),
        seed=public.seed,
        notebook=str(path),
        provenance=provenance_of(experiment, key=journal.conditions.key()),
    )
    lock = _locked(journal, run)
    try:
        journal.create_run(
            run,
            experiment=public.experiment_name,
            config=experiment.path,
            notebook=path,
            first=started,
            then=then(run),
        )
        made = _standing(experiment, provider, run, environment=environment, lock=lock, veil=veil)
        environment.listener(started)
    except BaseException:
        lock.release()
        raise
    return made


def _standing(
    experiment: Experiment,
    provider: Provider,
    run: str,
    *,
    environment: Environment,
    lock: BaseFileLock,
    veil: Veil | None,
) -> Run:
    """The run as its journal says that it stands."""
    journal = environment.journal
    recorder = Recorder(journal, run, environment.listener)
    record, entries = journal.run(run), list(journal.entries(run))
    assert record is not None
    for entry in entries:
        recorder.state.apply(entry.event, entry.at)
    return Run(
        experiment,
        experiment.public,
        provider,
        environment=environment,
        recorder=recorder,
        lock=lock,
        record=record,
        events=[entry.event for entry in entries],
        veil=veil,
    )


def _provider(public: PublicConfig, environment: Environment, events: Sequence[Event] = ()) -> Provider:
    """The agent's provider for a run that ``events`` are recorded of. Raises BadInput."""
    agent = public.agent
    if agent.provider != "replay":
        return provider_for(public, seed=public.seed, environment=environment, events=events)
    if agent.model is None:
        raise BadInput(
            "agent.provider: replay needs the recorded run's id as agent.model; or use `interp-bench replay`"
        )
    recorded = environment.journal.find_run(agent.model)
    provider = ReplayProvider.of(recorded.id, environment.journal.events(recorded.id), replay=events)
    if not provider.replies:
        raise BadInput(f"run {recorded.id} holds no decision of an agent yet; there is nothing to replay")
    return provider


def _with(experiment: Experiment, public: PublicConfig) -> Experiment:
    """The config with this public half. Raises BadInput where one of its techniques is gone."""
    found = experiment_techniques(experiment.folder)
    missing = [name for name in public.techniques if name not in found]
    if missing:
        raise BadInput(f"the run uses the technique {missing[0]}, and there is no file {missing[0]}.py any more")
    return experiment.with_public(public)


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


async def start_run(
    experiment: Experiment, *, environment: Environment, out: Path, notebook: Path | None = None
) -> RunRecord:
    """Run ``experiment`` from the start and return its record as it then stands; see :func:`start.begin`.

    Raises:
        BadInput: and nothing is left of the run.
    """
    run = begin(experiment, environment=environment, out=out, notebook=notebook)
    return await carry_through(run, environment.journal)


async def carry_through(run: Run, journal: Journal) -> RunRecord:
    """Drive a run that has only just come about; one that cannot be opened (BadInput) is forgotten."""
    try:
        return await run.drive()
    except BadInput:
        journal.delete_run(run.id)
        raise
