"""What travels between the server and its clients: the bodies of requests and replies.

Routes, all under ``<base_url>/interp_bench/api``; each is authenticated and authorized (resource ``interp_bench``).

========  ==================================  =====================  ===========================================
method    route                               body                   reply
========  ==================================  =====================  ===========================================
GET       ``/``                                                      ServerInfo
GET       ``/configs``                                               list of ConfigCard
GET       ``/runs``                                                  list of RunSummary, newest first
POST      ``/runs``                           StartRun               201 RunSummary
GET       ``/runs/{id}``                                             RunSummary
DELETE    ``/runs/{id}``                                             204; the notebook stays
POST      ``/runs/{id}/{command}``            Command, by command    RunSummary; pause, unpause, stop, resume,
                                                                     messages, approvals, agent, score
POST      ``/runs/{id}/calls``                CallTool               ToolAnswer; of a run that a person leads by hand
POST      ``/runs/{id}/fork``                 ForkRun                201 RunSummary of the fork
GET       ``/runs/{id}/events``               ``?after=seq``         list of EventEntry, the polling fallback
GET       ``/runs/{id}/stream``               ``?after=seq``         WebSocket; each message an EventBatch
GET       ``/runs/{id}/figures``              ``?at=seq``            RunFigures, now or right after an event
GET       ``/runs/{id}/report``                                      HTML, sandboxed
GET       ``/runs/{id}/report/revealed``                             the same with the ground truth; as ``/reveal``
GET       ``/runs/{id}/comparison``                                  RunComparison
GET       ``/runs/{id}/reveal``                                      Reveal; 409 before the run is scored
GET       ``/organisms``                                             list of OrganismState
POST      ``/organisms``                      UseOrganism            HeldOrganism, once it is ready
DELETE    ``/organisms/{id}``                                        204
POST      ``/organisms/{id}/ask``             AskOrganism            OrganismReply; recorded nowhere
========  ==================================  =====================  ===========================================

An error is a Problem with a fitting status: 400 bad input, 403, 404, 409 not possible now, 500.
A stream is closed with 4404 when the run was deleted, with 1001 when the server stops; come back with ``after``.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, PositiveFloat, PositiveInt

from .config import AgentSection, ProgramName
from .record.events import Approval, ApprovalDecision, RunStatus
from .record.figures import Figures, Meter, Unit

API_VERSION = 2
"""Raised when a client of the version before would break."""

Provider = Literal["playbook", "anthropic"] | ProgramName
RequestId = Annotated[str, Field(min_length=1, max_length=64)]
"""Chosen by the client: the same id again has no second effect and gives the first one's reply."""


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class InstalledProgram(_Body):
    """A person's own program that can be the agent."""

    provider: ProgramName
    title: str
    reach: str
    """What it can reach beside the run's tools, in words."""


class ServerInfo(_Body):
    """What this server can do; the sidebar checks ``api`` before anything else."""

    version: str
    api: int
    providers: list[Provider]
    """Agents that can be chosen: ``anthropic`` where a key is set, programs where they are installed."""
    programs: list[InstalledProgram]
    default_provider: Provider
    models: list[str]
    """Names of Claude models with a known price, the default one first."""
    collaboration: bool
    """Whether cells reach the open notebook through the shared document."""
    sandbox_problem: str | None
    """Why kernels cannot be sandboxed here, in one sentence; None where they are."""
    locked: dict[str, Any]
    """Fields of StartRun that the administrator has fixed, with their values."""
    locked_because: str = ""
    """The administrator's own sentence on that."""
    at_most: dict[str, float]
    """The largest budgets that the administrator allows, by the names of StartRun's fields."""
    reveals: bool = True
    """Whether a person may open the ground truth of a scored run."""


class ConfigCard(_Body):
    """A config as the sidebar shows it: its public half, or what is wrong with it."""

    name: str
    """What StartRun calls it: the experiment's name, with a number after it where an earlier config has that name."""
    group: str
    """``Bundled``, ``My configs``, ``Installed`` (elsewhere on the Jupyter path), or an administrator's folder."""
    file: str
    """The file's name without its suffix. It may tell what the organism is: for a person, never for an agent."""
    title: str
    description: str = ""
    task: str = ""
    techniques: list[str] = []
    access: str = ""
    place: str = ""
    """Where the organism runs, by the name that configs use."""
    gpu_type: str | None = None
    veil: str = ""
    """How strong the veil of a run here would be."""
    agent: AgentSection | None = None
    estimate: str | None = None
    """GPU memory, time to load, and what it costs, in one line; None where it costs nothing, or is not known."""
    problem: str | None = None
    """What is wrong with it, in one sentence; it is listed all the same."""
    obstacle: str | None = None
    """What a person must do before it can be started here, in one sentence."""


class Command(_Body):
    """Body of pause, unpause, stop and score."""

    request_id: RequestId


class _Limits(Command):
    max_steps: PositiveInt | None = None
    max_cost_usd: PositiveFloat | None = None
    max_minutes: PositiveFloat | None = None


class _AgentChoices(_Limits):
    provider: Provider | Literal["person"] | None = None
    """``person``: whoever asks leads the run by hand."""
    model: str | None = None
    approval: Approval | None = None
    confirmed: bool = False
    """Whether a person has said that it may cost more than ``model.modal.confirm_above_usd``."""


class StartRun(_AgentChoices):
    """Start an investigation; a field that is None is as the config has it."""

    config: str
    """As its card has it; from a person its file's name without suffix will do."""
    notebook: str | None = None
    """Path below the server's root folder; None: a new notebook."""
    seed: Annotated[int, Field(ge=0, lt=2**31)] | None = None


class ChangeAgent(Command):
    """Choose otherwise while a run goes on; a field that is None stays as it is."""

    model: str | None = None
    """For an agent of the Messages API, of the same provider."""
    approval: Approval | None = None


class ResumeRun(_Limits):
    """Go on with a run that has ended early; a limit that is None stays as it was."""

    weaker_veil: bool = False
    """Whether a person has said that it may go on without the sandbox that it had."""


class ForkRun(_AgentChoices):
    """Go another way from a cell of a run, in a new run; a field that is None is as that run had it."""

    at: str | None = None
    """The cell after which the fork goes its own way; None: the one that ended last."""
    message: Annotated[str, Field(min_length=1, max_length=20_000)] | None = None
    """What the agent is told before it goes on."""
    notebook: str | None = None
    """Path below the server's root folder, where nothing is yet; None: a new notebook."""
    weaker_veil: bool = False
    """Whether a person has said that the run's code may be run without the sandbox that it had."""


class SendMessage(Command):
    text: Annotated[str, Field(min_length=1, max_length=20_000)]


class AnswerApproval(Command):
    approval: str
    decision: ApprovalDecision
    code: str | None = None
    """With ``edit``: what is run instead."""


class CallTool(Command):
    """One call of the agent's tools, by a person who leads a run by hand."""

    name: Annotated[str, Field(min_length=1, max_length=60)]
    arguments: dict[str, Any] = {}


class ToolAnswer(_Body):
    """What came of a call, in words and as the cell shows it."""

    text: str
    is_error: bool
    cell: str | None = None
    """Id of the cell that has run."""
    outputs: list[dict[str, Any]] = []
    """Of that cell, as nbformat has them, after the output filter."""
    over: bool
    """Whether the run has ended."""


class BudgetMeter(_Body):
    """One budget of a run, in numbers and in the words that every reader shows."""

    budget: str
    """Its name, as in BudgetUsed."""
    field: str
    """Of the config's agent section: the limit."""
    unit: Unit
    used: float | None
    """None: the price of the agent's model is not known."""
    limit: float | None
    """None: there is no limit."""
    share: float | None
    """Of the limit, what is used; more than 1 where the last step went beyond it."""
    used_text: str
    """For example ``$0.07``."""
    limit_text: str
    """For example ``$2``; empty without a limit."""

    @classmethod
    def of(cls, meter: Meter) -> BudgetMeter:
        return cls(
            budget=meter.budget.name,
            field=meter.budget.field,
            unit=meter.budget.unit,
            used=meter.used if meter.known else None,
            limit=meter.limit,
            share=meter.share,
            used_text=meter.used_text,
            limit_text=meter.limit_text,
        )


class RunFigures(_Body):
    """What a run has used up, as the server counts it; docs/agent.md has the rules."""

    steps: int
    tokens: int
    """All that the agent's model read, from its cache too, and wrote."""
    estimated: bool = False
    """Whether the provider left some of them out, so that they are estimates."""
    cost_usd: float | None
    """None: the price of the agent's model is not known."""
    minutes: float
    """Time that it was driven."""
    organism_minutes: float
    """Time that the organism's model worked for it, on any device."""
    failed_attempts: int
    resumes: int
    meters: list[BudgetMeter]
    """All budgets, those without a limit too."""

    @classmethod
    def of(cls, figures: Figures, now: float | None = None) -> RunFigures:
        """As they stand at ``now`` (Unix time), or at the run's last event."""
        return cls(
            steps=figures.steps,
            tokens=figures.tokens,
            estimated=figures.estimated,
            cost_usd=figures.cost,
            minutes=figures.minutes(now),
            organism_minutes=figures.organism_s / 60,
            failed_attempts=figures.failed_attempts,
            resumes=figures.resumes,
            meters=[BudgetMeter.of(meter) for meter in figures.meters(now)],
        )


class RunSummary(_Body):
    """One run in a list; its events tell the rest."""

    id: str
    experiment: str
    config: str
    """Name of its config, for a new run like it."""
    notebook: str | None
    """Path below the server's root folder; None where it lies elsewhere."""
    status: RunStatus
    waiting: Literal["approval", "paused"] | None
    here: bool
    """Whether this server drives it, so that it can be paused, stopped and told things."""
    agent: str
    seed: int
    forked_from: str | None = None
    """Id of the run that it began as a copy of; that one may be gone."""
    veil: str
    client_reach: str = ""
    """What the MCP client that leads it can reach beside its cells, in words; empty for other agents."""
    created: float
    """Unix time in seconds."""
    figures: RunFigures
    findings: int | None
    """Number of claims; None before any were submitted."""
    claims: list[str] = []
    """Those that were submitted."""
    message: str
    """Why it ended as it did."""
    verdict: str
    """The score in a few words; empty before it is scored."""


class RunComparison(_Body):
    """A scored run's verdict among the runs of its condition, as they stand now."""

    lines: list[str]
    """One fact each, worded as the report and ``show`` word it."""


class Passage(_Body):
    """A stretch of text, and whether claim and truth have it in common."""

    text: str
    matched: bool = False


class Reveal(_Body):
    """The ground truth beside a scored run's claims. Made for a person who asks, and kept nowhere."""

    secret: list[Passage] | None
    """None: a null organism."""
    trigger: list[Passage] | None
    """The condition under which the secret shows; None: always."""
    claims: list[list[Passage]]
    """Of all findings, in their order."""
    named_by: int | None
    """Index of the first claim that names the secret."""
    aliases: list[str]
    """A claim that holds one of these names the secret."""


class EventEntry(_Body):
    """One event of a run's journal; ``event`` has the shape of ``events.Event``."""

    seq: int
    at: float
    event: dict[str, Any]


class EventBatch(_Body):
    """A message of a run's stream: what has happened since the one before, and what the run has used up by now."""

    entries: list[EventEntry]
    """Empty where only time has passed."""
    figures: RunFigures


class OrganismState(_Body):
    """An organism that this server holds."""

    id: str
    config: str
    state: Literal["loading", "ready", "busy", "lost"]
    stage: str
    """What loads now, for ``loading``; why it went, for ``lost``."""
    done: int
    total: int
    device: str
    runs: list[str]
    """Ids of the runs that use it."""


class UseOrganism(Command):
    config: str
    """As StartRun has it."""


class HeldOrganism(_Body):
    """An organism for a person's own notebook: what ``connect()`` needs."""

    organism: OrganismState
    url: str
    token: str


class AskOrganism(Command):
    """A person's question to a loaded organism, outside of any run."""

    prompt: Annotated[str, Field(min_length=1, max_length=4000)]


class OrganismReply(_Body):
    text: str
    """Its likeliest reply."""
    ended: bool
    """Whether it came to its own end, and was not cut off at the greatest length."""


class Problem(_Body):
    """An error: ``message`` is one sentence that says what is wrong and what to do."""

    code: str
    message: str
