"""Everything that can happen in a run.

A run *is* its events: notebook, conversation, budgets and report are folds over them.

No event holds anything of a config's sealed half; ``Scored`` is written by the scorer after the run has ended.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Literal, get_args

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter

from .cell_events import (
    CellAdded,
    CellEdited,
    CellFinished,
    CellOutput,
    CellOutputsCleared,
    CellsRestoring,
    CellStarted,
    KernelStarted,
    KernelWentAway,
)
from .event import JsonDict, RunEvent
from .provenance import Provenance
from .scores import Score

Lack = Literal["thinking", "token counts", "usage"]
"""What a server of the Messages API may refuse or leave out."""
RunStatus = Literal["running", "finished", "failed", "interrupted"]
Approval = Literal["auto", "ask", "ask_first"]
"""Which of the agent's cells a person is asked about: none, each, or the first."""
ApprovalDecision = Literal["run", "edit", "skip", "run_all"]
"""``run_all``: run this code, and do not ask again in this run."""


class RunStarted(RunEvent):
    type: Literal["run_started"] = "run_started"
    public: JsonDict
    """The config's public half."""
    agent: str
    seed: int
    notebook: str
    """Absolute path of the notebook."""
    provenance: Provenance | None = None
    """None in journals of 0.1.0."""


class RunResumed(RunEvent):
    """A run that had ended goes on; its kernel and organism are new."""

    type: Literal["run_resumed"] = "run_resumed"
    notebook: str | None = None
    """Absolute path of its notebook from here on, where that is another file than before."""
    provenance: Provenance | None = None
    """As of now: package, budgets or files may be others than when it started."""
    limits: dict[str, float] = {}
    """Limits of the config's agent section that are other ones from here on, by field."""


class RunForked(RunEvent):
    """What came before is another run's, up to a cell; from here on this run counts its own steps, tokens and time."""

    type: Literal["run_forked"] = "run_forked"
    parent: str
    """Id of the other run, which may be gone."""
    cell_id: str
    """The cell after which the fork goes its own way."""


class RunPaused(RunEvent):
    """The agent does nothing more until the run goes on; a cell that runs is not interrupted."""

    type: Literal["run_paused"] = "run_paused"


class RunUnpaused(RunEvent):
    type: Literal["run_unpaused"] = "run_unpaused"


class AgentChanged(RunEvent):
    """A person has chosen otherwise while the run goes on; what is None stays as it was."""

    type: Literal["agent_changed"] = "agent_changed"
    model: str | None = None
    """Replies from the next one on."""
    approval: Approval | None = None
    """Holds for the code that is written from here on; an answer to run all of it before does not."""


class OrganismLoading(RunEvent):
    type: Literal["organism_loading"] = "organism_loading"
    stage: str
    done: int
    total: int


class OrganismReady(RunEvent):
    type: Literal["organism_ready"] = "organism_ready"
    load_s: float
    device: str
    remote: bool = False
    """Whether it is out of reach for all that runs on the machine of the run; not said by 0.1.0."""


class WeightsIdentified(RunEvent):
    """Which weights this run works with, as a fingerprint that only its journal can trace to a revision."""

    type: Literal["weights_identified"] = "weights_identified"
    weights: str
    changed: bool = False
    """Whether the run before it on the same organism worked with others."""


class OrganismWentAway(RunEvent):
    type: Literal["organism_lost"] = "organism_lost"
    reason: str
    restarting: bool


class OrganismUsed(RunEvent):
    """Time that the organism's model worked since the last such event."""

    type: Literal["organism_used"] = "organism_used"
    busy_s: float


class StepStarted(RunEvent):
    type: Literal["step_started"] = "step_started"
    step: int


class AgentDelta(RunEvent):
    """Part of a reply while it streams; the whole follows as ``AgentReplied``."""

    type: Literal["agent_delta"] = "agent_delta"
    kind: Literal["text", "thinking"]
    text: str


class ProviderLacks(RunEvent):
    """The agent's server does not do something, and the run goes on without it; said once in a run."""

    type: Literal["provider_lacks"] = "provider_lacks"
    what: Lack
    text: str
    """What it does not do, in its own words where it has any, and what is done instead."""


class Spending(RunEvent):
    """What a request to the agent's provider used up."""

    input_tokens: int = 0
    output_tokens: int = 0
    cache_read_tokens: int = 0
    cache_write_tokens: int = 0
    cost_usd: float | None = 0.0
    """None: the model's price is not known."""
    estimated: bool = False
    """Whether the provider did not say all of it, so that some of the tokens are estimates."""


class AgentReplied(Spending):
    type: Literal["agent_replied"] = "agent_replied"
    content: list[JsonDict]
    """Content blocks in the shape of the Messages API."""
    stop_reason: str
    served_model: str | None = None
    """The model that the provider says has replied; None where it does not say."""


class ToolReturned(RunEvent):
    type: Literal["tool_returned"] = "tool_returned"
    tool_use_id: str
    content: list[JsonDict]
    is_error: bool


class ApprovalAsked(RunEvent):
    """The agent wants to run code, and a person must answer first; there is no time limit."""

    type: Literal["approval_asked"] = "approval_asked"
    approval: str
    """Id of the tool call."""
    tool: str
    cell_id: str
    """The cell that the code goes to, which may not exist yet."""
    code: str


class ApprovalAnswered(RunEvent):
    type: Literal["approval_answered"] = "approval_answered"
    approval: str
    decision: ApprovalDecision
    code: str | None = None
    """What is run in place of the agent's code, for ``edit``."""


class MessageSent(RunEvent):
    """A message to the agent: from the person, or from the run itself when the agent must be told something."""

    type: Literal["message_sent"] = "message_sent"
    sender: Literal["person", "run"]
    text: str


class ProviderWaiting(Spending):
    """A request failed and is sent again after ``wait_s``; what it used up until then is counted."""

    type: Literal["provider_waiting"] = "provider_waiting"
    reason: str
    wait_s: float


class ContextEdited(Spending):
    """The conversation was shortened: from here on the agent is sent what is left of it."""

    type: Literal["context_edited"] = "context_edited"
    before: int
    """Number of turns, counted from the first, that it was done to."""
    kind: Literal["outputs_cleared", "compacted"]
    """``outputs_cleared``: their tool results are one line each. ``compacted``: ``summary`` stands in their place."""
    summary: str = ""
    tokens: int
    """How long the conversation is then, with system prompt and tools: counted, or an upper bound."""


class InputsWritten(Spending):
    """An auxiliary model has written inputs for a technique, from what the agent told it."""

    type: Literal["inputs_written"] = "inputs_written"
    kind: str
    hint: str
    inputs: list[str]
    """Empty where none could be had."""


class HypothesisNoted(RunEvent):
    type: Literal["hypothesis_noted"] = "hypothesis_noted"
    claim: str
    status: Literal["open", "supported", "refuted"]
    evidence: list[str]
    """Ids of the cells that bear on it."""
    effect_size: float | None
    """Difference between organism and control, as a share of n."""
    n: int | None


class Finding(BaseModel):
    """One claim with its evidence."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)
    claim: str
    """One plain sentence that names the thing itself, and the condition where there is one."""
    evidence: list[str]
    """Ids of the cells that show it."""
    control: list[str] = []
    """Ids of the cells that show its control; a cell that measured both stands in evidence too."""
    effect_size: float | None = None
    """Share of samples in which the organism did it, minus the control's share: from -1 to 1."""
    n: int | None = None
    """Samples on the organism's side of that comparison."""


class FindingsRefused(RunEvent):
    """The validity check sent findings back to the agent, which may mend them."""

    type: Literal["findings_refused"] = "findings_refused"
    problems: list[str]


class FindingsSubmitted(RunEvent):
    """An empty list says: nothing found."""

    type: Literal["findings_submitted"] = "findings_submitted"
    findings: list[Finding]
    summary: str
    problems: list[str] = []
    """What the validity check still missed when the agent had used up its attempts; ``Finding 2: …`` is about one."""


class BudgetUsed(RunEvent):
    """Share of a budget that is used: 0.8 is a warning, 1 ends the run."""

    type: Literal["budget_used"] = "budget_used"
    budget: str
    used: float
    limit: float
    unit: str = ""
    """``USD``, ``min``, or empty where its name says it."""


class ProgramReported(Spending):
    """What a program that plays the agent says of itself, and of what its session has used up so far.

    It is the program's own count. The newest of a session holds, and a resume begins another session.
    """

    type: Literal["program_reported"] = "program_reported"
    program: str
    version: str
    model: str | None = None
    """Of its newest reply; None where it does not say."""
    cost_usd: float | None = None
    """None: it does not say, or not yet."""


class RunEnded(RunEvent):
    type: Literal["run_ended"] = "run_ended"
    status: Literal["finished", "failed", "interrupted"]
    message: str


class Scored(RunEvent):
    type: Literal["scored"] = "scored"
    score: Score


Event = Annotated[
    RunStarted
    | RunResumed
    | RunForked
    | RunPaused
    | RunUnpaused
    | AgentChanged
    | OrganismLoading
    | OrganismReady
    | WeightsIdentified
    | OrganismWentAway
    | OrganismUsed
    | KernelStarted
    | CellsRestoring
    | KernelWentAway
    | CellAdded
    | CellEdited
    | CellStarted
    | CellOutput
    | CellOutputsCleared
    | CellFinished
    | StepStarted
    | AgentDelta
    | AgentReplied
    | ToolReturned
    | ApprovalAsked
    | ApprovalAnswered
    | MessageSent
    | ProviderWaiting
    | ProviderLacks
    | ContextEdited
    | InputsWritten
    | HypothesisNoted
    | FindingsRefused
    | FindingsSubmitted
    | BudgetUsed
    | ProgramReported
    | RunEnded
    | Scored,
    Field(discriminator="type"),
]
Emit = Callable[[Event], None]
EVENT: TypeAdapter[Event] = TypeAdapter(Event)
EVENT_TYPES: tuple[type[BaseModel], ...] = get_args(get_args(Event)[0])
"""Every kind of event."""
