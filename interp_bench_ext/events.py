"""Everything that can happen in a run.

A run *is* its events: notebook, conversation, budgets and report are folds over them.

No event holds anything of a config's sealed half; ``Scored`` is written by the scorer after the run has ended.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter

JsonDict = dict[str, Any]
CellKind = Literal["code", "markdown"]
CellStatus = Literal["ok", "error", "interrupted", "timeout", "kernel_died"]
RunStatus = Literal["running", "finished", "failed", "interrupted"]
ApprovalDecision = Literal["run", "edit", "skip", "run_all"]
"""``run_all``: run this code, and do not ask again in this run."""


class _Event(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class RunStarted(_Event):
    type: Literal["run_started"] = "run_started"
    public: JsonDict
    """The config's public half."""
    agent: str
    seed: int
    notebook: str
    """Absolute path of the notebook."""


class RunResumed(_Event):
    """A run that had ended goes on; its kernel and organism are new."""

    type: Literal["run_resumed"] = "run_resumed"


class RunPaused(_Event):
    """The agent does nothing more until the run goes on; a cell that runs is not interrupted."""

    type: Literal["run_paused"] = "run_paused"


class RunUnpaused(_Event):
    type: Literal["run_unpaused"] = "run_unpaused"


class OrganismLoading(_Event):
    type: Literal["organism_loading"] = "organism_loading"
    stage: str
    done: int
    total: int


class OrganismReady(_Event):
    type: Literal["organism_ready"] = "organism_ready"
    load_s: float
    device: str


class OrganismWentAway(_Event):
    type: Literal["organism_lost"] = "organism_lost"
    reason: str
    restarting: bool


class OrganismUsed(_Event):
    """Time that the organism's model worked since the last such event."""

    type: Literal["organism_used"] = "organism_used"
    busy_s: float


class KernelStarted(_Event):
    type: Literal["kernel_started"] = "kernel_started"
    veil: str
    restored_cells: int = 0
    """Earlier code cells run again in it, so that their variables exist."""


class KernelWentAway(_Event):
    type: Literal["kernel_died"] = "kernel_died"
    reason: str


class CellAdded(_Event):
    type: Literal["cell_added"] = "cell_added"
    cell_id: str
    kind: CellKind
    source: str


class CellEdited(_Event):
    type: Literal["cell_edited"] = "cell_edited"
    cell_id: str
    source: str


class CellStarted(_Event):
    """The cell runs (again): its outputs are empty from here."""

    type: Literal["cell_started"] = "cell_started"
    cell_id: str


class CellOutput(_Event):
    """Output number ``index`` of the cell is now ``output`` (an nbformat output); an index may be written again."""

    type: Literal["cell_output"] = "cell_output"
    cell_id: str
    index: int
    output: JsonDict


class CellOutputsCleared(_Event):
    type: Literal["cell_outputs_cleared"] = "cell_outputs_cleared"
    cell_id: str


class CellFinished(_Event):
    type: Literal["cell_finished"] = "cell_finished"
    cell_id: str
    status: CellStatus
    execution_count: int | None
    duration_s: float


class StepStarted(_Event):
    type: Literal["step_started"] = "step_started"
    step: int


class AgentDelta(_Event):
    """Part of a reply while it streams; the whole follows as ``AgentReplied``."""

    type: Literal["agent_delta"] = "agent_delta"
    kind: Literal["text", "thinking"]
    text: str


class AgentReplied(_Event):
    type: Literal["agent_replied"] = "agent_replied"
    content: list[JsonDict]
    """Content blocks in the shape of the Messages API."""
    stop_reason: str
    input_tokens: int
    output_tokens: int
    cache_read_tokens: int
    cache_write_tokens: int
    cost_usd: float | None
    """None: the model's price is not known."""


class ToolReturned(_Event):
    type: Literal["tool_returned"] = "tool_returned"
    tool_use_id: str
    content: list[JsonDict]
    is_error: bool


class ApprovalAsked(_Event):
    """The agent wants to run code, and a person must answer first; there is no time limit."""

    type: Literal["approval_asked"] = "approval_asked"
    approval: str
    """Id of the tool call."""
    tool: str
    cell_id: str
    """The cell that the code goes to, which may not exist yet."""
    code: str


class ApprovalAnswered(_Event):
    type: Literal["approval_answered"] = "approval_answered"
    approval: str
    decision: ApprovalDecision
    code: str | None = None
    """What is run in place of the agent's code, for ``edit``."""


class MessageSent(_Event):
    """A message to the agent: from the person, or from the run itself when the agent must be told something."""

    type: Literal["message_sent"] = "message_sent"
    sender: Literal["person", "run"]
    text: str


class ProviderWaiting(_Event):
    type: Literal["provider_waiting"] = "provider_waiting"
    reason: str
    wait_s: float


class HypothesisNoted(_Event):
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

    model_config = ConfigDict(frozen=True, extra="forbid")
    claim: str
    evidence: list[str]
    effect_size: float | None = None
    n: int | None = None


class FindingsSubmitted(_Event):
    """An empty list says: nothing found."""

    type: Literal["findings_submitted"] = "findings_submitted"
    findings: list[Finding]
    summary: str


class BudgetUsed(_Event):
    """Share of a budget that is used: 0.8 is a warning, 1 ends the run."""

    type: Literal["budget_used"] = "budget_used"
    budget: str
    used: float
    limit: float


class RunEnded(_Event):
    type: Literal["run_ended"] = "run_ended"
    status: Literal["finished", "failed", "interrupted"]
    message: str


class Scored(_Event):
    type: Literal["scored"] = "scored"
    score: JsonDict


Event = Annotated[
    RunStarted
    | RunResumed
    | RunPaused
    | RunUnpaused
    | OrganismLoading
    | OrganismReady
    | OrganismWentAway
    | OrganismUsed
    | KernelStarted
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
    | HypothesisNoted
    | FindingsSubmitted
    | BudgetUsed
    | RunEnded
    | Scored,
    Field(discriminator="type"),
]
Emit = Callable[[Event], None]
EVENT: TypeAdapter[Event] = TypeAdapter(Event)
