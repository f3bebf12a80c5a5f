"""All runs of a server: started, told things, stopped and resumed here, each driven by a task of its own."""

from __future__ import annotations

import asyncio
import logging
import sqlite3
import traceback
from pathlib import Path

from filelock import Timeout

from ..agent.mcp_provider import OutsideProvider
from ..api import AnswerApproval, ChangeAgent, ForkRun, ResumeRun, RunFigures, RunSummary, StartRun
from ..config import AgentSection, Experiment
from ..errors import BadInput, InterpBenchError, NotFound, NotNow
from ..notebook.readable import check_notebook
from ..notebook.renames import moved
from ..notebook.work_dir import move_work_dir
from ..organisms.placement import organism_spec, place_of
from ..paths import work_folder_of
from ..record.cells import Cell, Cells
from ..record.events import Event, RunEnded
from ..record.journal import Journal, RunRecord
from . import start
from .catalog import Catalog, calling, load_public
from .cost_estimate import check_little
from .drive import Run
from .environment import Environment
from .fork import agent_of_fork
from .kept import Kept
from .notebook_paths import Places
from .policy import Policy
from .resolve import as_installed, choose_agent, lacks_key
from .services import Services
from .summary import Tally
from .wakeups import Feed

SERVER_STOPPED = "the server was stopped"
_UNWRITTEN = "the journal could not be written; free some disk space, then resume the run"
_STOP_REPLY_S = 2.0


class _Driven:
    """A run that this server drives. It is also the listener of the run's events."""

    run: Run
    task: asyncio.Task[None]

    def __init__(self, feed: Feed) -> None:
        self._feed = feed
        self.id = ""
        """Empty while the run is being made: nobody reads it yet."""
        self.ended = False
        """Nothing more can be told to it: what is left is closing its notebook."""

    def __call__(self, event: Event) -> None:
        self.ended = self.ended or isinstance(event, RunEnded)
        self._feed.tell(self.id)


class RunManager:
    """Drives runs in tasks that belong to nobody's connection. Its methods are called on the event loop's thread.

    Args:
        services: What its runs have in common.
        catalog: The configs that can be started by name.
        places: Where its runs' notebooks may be.
        policy: What may be chosen.
        log: Gets what happens to runs that nobody is told otherwise.
    """

    def __init__(
        self, services: Services, *, catalog: Catalog, places: Places, policy: Policy, log: logging.Logger
    ) -> None:
        self.feed = Feed()
        self.services, self.catalog = services, catalog
        self.journal = services.journal
        self._places, self._policy = places, policy
        self._log = log
        self._driven: dict[str, _Driven] = {}
        self._unwritten: set[str] = set()
        """Runs that ended because they could not be recorded, so that the journal does not say why."""
        self._kept = Kept(catalog, places)
        self._reader: Journal | None = None
        self._reading = asyncio.Lock()
        self._starting = asyncio.Lock()

    async def start(self, asked: StartRun, *, outside: OutsideProvider | None = None) -> RunSummary:
        """Start a run and return as soon as it is recorded; its organism loads afterwards.

        Args:
            asked: What to start.
            outside: Who leads the run in place of the agent that was asked for.

        Raises:
            BadInput: The config, the notebook or a choice is wrong; nothing was recorded.
            NotNow: The notebook is in use, or as much is under way as may be.
        """
        found = await asyncio.to_thread(self.catalog.load, asked.config, by_file=outside is None)
        experiment = self._policy.experiment(found, asked)
        async with self._starting:
            notebook = await self._notebook(asked.notebook, experiment)
            driven = _Driven(self.feed)
            environment = self._environment(experiment, driven, outside)
            agent = await asyncio.to_thread(choose_agent, experiment.public, environment.key, outside)
            self._check_possible(experiment, agent, confirmed=asked.confirmed)
            driven.run = start.begin(
                experiment,
                environment=environment,
                notebook=notebook,
                out=self._places.root,
            )
            await driven.run.begin_notebook()
            return self._drive(driven)

    async def resume(self, run: str, asked: ResumeRun, *, outside: OutsideProvider | None = None) -> RunSummary:
        """Go on with a run that ended early. Raises as :meth:`start` does, NotFound and WeakerVeil."""
        record = self.record(run)
        if record.status not in ("interrupted", "failed"):
            raise NotNow(f"run {run} is {record.status}; only an interrupted or failed run can be resumed")
        if self._places.shown(record.notebook) is None:
            raise NotNow(f"run {run} works in a notebook outside this server's folder; `interp-bench resume {run}` can")
        limits = self._policy.limits(asked)
        experiment = await asyncio.to_thread(load_public, record.config, called=record.experiment)
        # A reader that looks whether a run is still driven holds that run's lock for a moment.
        async with self._starting, self._reading:
            await self._free(record.notebook)
            recorded = start.recorded_public(self.journal, run).agent.model_copy(update=limits)
            agent = await asyncio.to_thread(as_installed, recorded)
            self._check_possible(experiment, agent, confirmed=True)  # as it was when the run began
            driven = _Driven(self.feed)
            driven.run = start.resume(
                experiment,
                record,
                environment=self._environment(experiment, driven, outside),
                limits=limits,
                weaker_veil=asked.weaker_veil,
            )
            return self._drive(driven)

    async def fork(self, run: str, asked: ForkRun, *, outside: OutsideProvider | None = None) -> RunSummary:
        """Start a new run from a cell of another, under way or not. Raises as :meth:`resume` does."""
        parent = self.record(run)
        changes = self._policy.changes(asked)
        experiment = await asyncio.to_thread(load_public, parent.config, called=parent.experiment)
        async with self._starting:
            notebook = await self._notebook(asked.notebook, experiment)
            recorded = start.recorded_public(self.journal, run)
            driven = _Driven(self.feed)
            environment = self._environment(experiment, driven, outside)
            agent = await asyncio.to_thread(agent_of_fork, recorded, changes, environment)
            self._check_possible(experiment, agent, confirmed=asked.confirmed)
            driven.run = start.fork(
                experiment,
                parent,
                at=asked.at,
                message=asked.message,
                changes=changes,
                environment=environment,
                out=self._places.root,
                notebook=notebook,
                weaker_veil=asked.weaker_veil,
            )
            return self._drive(driven)

    async def stop(self, run: str) -> RunSummary:
        """Stop a run at once; the summary is of its end, unless its kernel takes long to go."""
        driven = self._here(run)
        driven.run.stop()
        await asyncio.wait([driven.task], timeout=_STOP_REPLY_S)
        return self.summary(run)

    async def pause(self, run: str) -> RunSummary:
        await self._here(run).run.pause()
        return self.summary(run)

    async def unpause(self, run: str) -> RunSummary:
        await self._here(run).run.unpause()
        return self.summary(run)

    async def tell(self, run: str, text: str) -> RunSummary:
        """Send the agent a message."""
        self._here(run).run.tell(text)
        return self.summary(run)

    async def choose(self, run: str, asked: ChangeAgent) -> RunSummary:
        """Go on with another model, or with other cells to be approved. Raises BadInput where that cannot be."""
        driving = self._here(run).run
        changes = self._policy.chosen(asked)
        recorded = start.recorded_public(self.journal, run).agent
        agent = recorded.model_copy(update=changes)
        if agent != recorded:
            self._check_allowed(driving.experiment, agent)
            driving.choose(**{"model": None, "approval": None, **changes})
        return self.summary(run)

    async def answer(self, run: str, asked: AnswerApproval) -> RunSummary:
        """Answer for the code that waits to be run. Raises NotNow where it does not wait any more."""
        driving = self._here(run).run
        waiting = driving.recorder.state.figures.clock.approval
        if waiting is None or waiting.approval != asked.approval:
            raise NotNow("this cell is not waiting for an approval any more; the sidebar shows what is")
        driving.answer(asked.approval, asked.decision, asked.code)
        return self.summary(run)

    async def delete(self, run: str) -> None:
        """Forget a run; its notebook stays."""
        await self.closed(run)
        if self.record(run).status == "running":
            raise NotNow(f"run {run} is still under way; stop it first")
        try:
            with self.journal.lock(run):
                self.journal.delete_run(run)
        except Timeout:
            raise NotNow(f"run {run} has just been resumed elsewhere; stop it first") from None
        self._kept.forget(run)
        self.feed.tell(run)

    def renamed(self, old: str, new: str) -> None:
        """Somebody has renamed a notebook, or a folder, by these paths of the server's clients: its runs go along."""
        before, after = self._places.root / old, self._places.root / new
        for record in self.journal.runs_below(before):
            driven, notebook = self._driven.get(record.id), moved(record.notebook, before, after)
            # What another process drives, it goes on writing where it was.
            if notebook is not None and (driven is not None or record.status != "running"):
                self.journal.move_run(record.id, config=record.config, notebook=notebook)
                if driven is not None:
                    driven.run.notebook = notebook
                self.feed.tell(record.id)
                if not any(other.run.notebook == notebook for other in self._driven.values()):
                    move_work_dir(record.notebook, notebook)

    def record(self, run: str) -> RunRecord:
        """The run with this id. Raises NotFound."""
        record = self.journal.run(run)
        if record is None:
            raise NotFound(f"there is no run {run}; it may have been deleted")
        return record

    def notice_end(self, run: str) -> None:
        """Record that a run was cut off, where its process has died: its readers would wait for ever."""
        if run not in self._driven and self.journal.end_if_cut_off(run):
            self.feed.tell(run)

    def newest_cell(self, run: str) -> Cell | None:
        """The code cell that the run has added last, as it stands; None before there is one."""
        driven = self._driven.get(run)
        cells = Cells.of(self.journal.events(run)) if driven is None else driven.run.recorder.state.cells
        return next((cell for cell in reversed(cells.by_id.values()) if cell.kind == "code"), None)

    def figures(self, run: str, *, at: int | None = None) -> RunFigures:
        """What a run has used up by now, or right after its event number ``at``. Raises NotFound."""
        driven = self._driven.get(run)
        if at is not None:
            self.record(run)
            return RunFigures.of(Tally().read_on(self.journal, run, until=at).figures)
        if driven is not None:
            return RunFigures.of(driven.run.recorder.state.figures, self.journal.clock())
        running = self.record(run).status == "running"
        return RunFigures.of(self._kept.tally(run, self.journal).figures, self.journal.clock() if running else None)

    def summary(self, run: str) -> RunSummary:
        return self._summarised(self.record(run), self.journal)

    async def summaries(self) -> list[RunSummary]:
        """All runs of the journal, newest first, whoever drives them."""
        async with self._reading:
            return await asyncio.to_thread(self._read_summaries)

    def taken(self, path: str) -> bool:
        """Whether there is a notebook at a client's path, or a work folder beside it. Raises BadInput."""
        notebook = self._places.notebook(path)
        return notebook.exists() or work_folder_of(notebook).exists()

    def runs_in(self, path: str) -> list[str]:
        """Ids of the runs that have worked in the notebook at a client's path. Raises BadInput."""
        return [record.id for record in self.journal.runs_in(self._places.notebook(path))]

    def under_way(self, *, waiting: bool = True) -> list[str]:
        """Ids of the runs that this server drives; without those that wait for a person, if asked."""
        return [
            run
            for run, driven in self._driven.items()
            if not driven.ended and (waiting or not driven.run.recorder.state.figures.clock.waits)
        ]

    async def close(self) -> None:
        """Stop all runs; returns when their kernels have gone. What they ran on is closed by whoever opened it."""
        tasks = [driven.task for driven in self._driven.values()]
        for driven in list(self._driven.values()):
            if not driven.ended:
                driven.run.stop(SERVER_STOPPED)
        await asyncio.gather(*tasks)
        self.feed.close()
        async with self._reading:
            if self._reader is not None:
                self._reader.close()

    def _drive(self, driven: _Driven) -> RunSummary:
        driven.id = driven.run.id
        self._driven[driven.id] = driven
        self._unwritten.discard(driven.id)
        driven.task = asyncio.create_task(self._to_its_end(driven))
        self.feed.tell(driven.id)
        return self.summary(driven.id)

    async def _to_its_end(self, driven: _Driven) -> None:
        run = driven.id
        try:
            await driven.run.drive()
        except asyncio.CancelledError:
            pass  # it was stopped, and has recorded that
        except InterpBenchError as error:
            self._log.info("run %s failed: %s", run, error)
        except sqlite3.Error as error:
            self._unwritten.add(run)
            self._log.error("run %s was cut off: the journal cannot be written (%s)", run, error)
        except Exception as error:  # noqa: BLE001 - the task's boundary; the run has recorded that it failed
            # Without the error's own text, which may quote anything.
            frames = "".join(traceback.format_tb(error.__traceback__))
            self._log.error("run %s was ended by an internal error (%s):\n%s", run, type(error).__name__, frames)
        finally:
            del self._driven[run]
            self.feed.tell(run)

    def _environment(self, experiment: Experiment, driven: _Driven, outside: OutsideProvider | None) -> Environment:
        name = self._name_of(experiment)
        return self.services.environment(name, listener=driven, attended=True, outside=outside)

    def _name_of(self, experiment: Experiment) -> str:
        return self.catalog.name_of(experiment.path, experiment=experiment.public.experiment_name)

    async def _notebook(self, path: str | None, experiment: Experiment) -> Path:
        if path is None:
            taken = {driven.run.notebook for driven in self._driven.values()}
            return self._places.fresh(experiment.public.experiment_name, taken=taken)
        notebook = self._places.notebook(path)
        await asyncio.to_thread(check_notebook, notebook)
        await self._free(notebook)
        return notebook

    async def _free(self, notebook: Path) -> None:
        """Return when no run works in the notebook; one that closes it is waited for. Raises NotNow."""
        for run in [run for run, driven in self._driven.items() if driven.run.notebook == notebook]:
            await self.closed(run)
        for record in self.journal.runs_in(notebook):
            if record.status == "running":
                raise NotNow(f"run {record.id} works in {notebook.name}; stop it first, or choose another notebook")

    async def closed(self, run: str) -> None:
        """Return once a run that has ended, but still closes its notebook, is done with that."""
        driven = self._driven.get(run)
        if driven is not None and driven.ended:
            await asyncio.wait([driven.task])

    def _check_possible(self, experiment: Experiment, agent: AgentSection, *, confirmed: bool) -> None:
        if len(self.under_way()) >= self._policy.max_runs:
            raise NotNow(f"{self._policy.max_runs} runs are under way, as many as this server drives; stop one first")
        self._check_allowed(experiment, agent)
        if agent.provider == "anthropic" and lacks_key(agent, self.services.key):
            raise BadInput(
                "this server has no API key for Claude; choose the playbook, or restart the server with"
                " ANTHROPIC_API_KEY set"
            )
        with calling(experiment, self._name_of(experiment)):
            self.services.organisms.check_room(organism_spec(experiment))
            if not confirmed:
                check_little(experiment, agent)

    def _check_allowed(self, experiment: Experiment, agent: AgentSection) -> None:
        place = place_of(experiment)
        gpu_type = experiment.public.gpu_type
        self._policy.rules.check(agent, place=place.name, gpu_type=gpu_type, veil=place.veil())

    def _here(self, run: str) -> _Driven:
        """The run, which is under way here. Raises NotFound and NotNow."""
        driven = self._driven.get(run)
        if driven is not None and not driven.ended:
            return driven
        status = self.record(run).status
        if status == "running":
            raise NotNow(f"run {run} is driven by another process; pause or stop it where it was started")
        raise NotNow(
            f"run {run} is {status}, and nobody drives it" + ("" if status == "finished" else "; resume it first")
        )

    def _read_summaries(self) -> list[RunSummary]:
        if self._reader is None:
            self._reader = Journal(self.journal.path)
        return [self._summarised(record, self._reader) for record in self._reader.runs()]

    def _summarised(self, record: RunRecord, journal: Journal) -> RunSummary:
        driven = self._driven.get(record.id)
        here = driven is not None and not driven.ended
        made = self._kept.summary(record, journal, driven=driven is not None, here=here)
        return made.model_copy(update={"message": _UNWRITTEN}) if record.id in self._unwritten else made
