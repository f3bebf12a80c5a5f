"""A run's events as what a report shows: the notebook, what was said between its cells, and how it went."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from ..record.events import (
    AgentReplied,
    BudgetUsed,
    CellAdded,
    CellEdited,
    CellFinished,
    CellOutput,
    CellOutputsCleared,
    CellStarted,
    ContextEdited,
    Event,
    Finding,
    FindingsRefused,
    FindingsSubmitted,
    HypothesisNoted,
    JsonDict,
    KernelStarted,
    KernelWentAway,
    MessageSent,
    OrganismReady,
    OrganismUsed,
    OrganismWentAway,
    ProviderWaiting,
    RunEnded,
    RunForked,
    RunResumed,
    RunStarted,
    RunStatus,
    Scored,
    StepStarted,
    ToolReturned,
)
from ..record.scores import Score


@dataclass
class Cell:
    """One cell as it stands at the end."""

    cell_id: str
    number: int
    """From 1, in the order in which cells were added."""
    kind: str
    source: str
    step: int
    outputs: dict[int, JsonDict] = field(default_factory=dict)
    status: str = "not run"
    execution_count: int | None = None
    duration_s: float | None = None
    edited_seq: int = 0
    """The last edit's place in the run, 0 for none."""


@dataclass(frozen=True)
class Note:
    """Something between cells: the agent's words, or what happened to the run."""

    kind: str
    """``text``, ``thinking``, ``person``, ``run`` or ``trouble``."""
    text: str


@dataclass
class Step:
    """One turn of the agent and what it led to."""

    number: int
    start: float
    end: float
    cells: list[Cell] = field(default_factory=list)
    tools: list[str] = field(default_factory=list)
    errors: int = 0


@dataclass(frozen=True)
class Reading:
    """What was thought of a hypothesis at one time."""

    seq: int
    step: int
    at: float
    event: HypothesisNoted


@dataclass
class Story:
    """Everything that a report shows, in the order in which it happened."""

    started: RunStarted | None = None
    first: float | None = None
    last: float | None = None
    status: RunStatus = "running"
    message: str = ""
    organism: OrganismReady | None = None
    veil: str | None = None
    items: list[Cell | Note] = field(default_factory=list)
    cells: dict[str, Cell] = field(default_factory=dict)
    steps: list[Step] = field(default_factory=list)
    hypotheses: dict[str, list[Reading]] = field(default_factory=dict)
    findings: list[Finding] | None = None
    """None: the run never said what it found."""
    findings_seq: int = 0
    problems: list[str] = field(default_factory=list)
    """What the validity check still missed in the findings."""
    refusals: int = 0
    """How often the validity check has sent findings back."""
    summary: str = ""
    budgets: dict[str, BudgetUsed] = field(default_factory=dict)
    score: Score | None = None
    tokens_in: int = 0
    cache_read: int = 0
    """Of these, what was read from the provider's cache."""
    cache_written: int = 0
    """Of these, what was written to it."""
    tokens_out: int = 0
    cost_usd: float | None = 0.0
    """None once a reply's price was not known."""
    waited_s: float = 0.0
    active_s: float = 0.0
    """How long the run was driven, without the time that it lay still."""
    organism_s: float = 0.0
    """How long the organism's model worked."""

    def take(self, seq: int, at: float, event: Event) -> None:
        """Adds one event; those that a report does not show only move the clock."""
        # The time before a resume belongs to no step: nobody drove the run then.
        if self.last is not None and self.status == "running" and not isinstance(event, RunResumed):
            self.active_s += at - self.last
            if self.steps:
                self.steps[-1].end = at
        self.first = at if self.first is None else self.first
        self.last = at
        for kind, apply in _READERS:
            if isinstance(event, kind):
                apply(self, event, seq, at)


def fold(events: Iterable[tuple[int, float, Event]]) -> Story:
    """The story that ``events`` tell, given as (number in the run, unix time, event)."""
    story = Story()
    for seq, at, event in events:
        story.take(seq, at, event)
    return story


def _started(story: Story, event: RunStarted, seq: int, at: float) -> None:
    story.started, story.status = event, "running"


def _resumed(story: Story, event: RunResumed, seq: int, at: float) -> None:
    story.status, story.message = "running", ""
    story.items.append(Note("run", "The run was resumed here."))


def _forked(story: Story, event: RunForked, seq: int, at: float) -> None:
    """What the other run used is not this one's."""
    story.steps.clear()
    story.tokens_in = story.tokens_out = story.cache_read = story.cache_written = 0
    story.cost_usd, story.active_s = 0.0, 0.0
    text = f"This run is a fork: everything up to here is a copy of run {event.parent}, up to cell {event.cell_id}."
    story.items.append(Note("run", text))


def _ended(story: Story, event: RunEnded, seq: int, at: float) -> None:
    story.status, story.message = event.status, event.message


def _organism_ready(story: Story, event: OrganismReady, seq: int, at: float) -> None:
    story.organism = event


def _organism_used(story: Story, event: OrganismUsed, seq: int, at: float) -> None:
    story.organism_s += event.busy_s


def _organism_lost(story: Story, event: OrganismWentAway, seq: int, at: float) -> None:
    after = " It was started again." if event.restarting else ""
    story.items.append(Note("trouble", f"The organism was lost: {event.reason}{after}"))


def _kernel_started(story: Story, event: KernelStarted, seq: int, at: float) -> None:
    story.veil = event.veil
    if event.restored_cells:
        story.items.append(Note("run", f"A new kernel ran {event.restored_cells} earlier cells again."))


def _kernel_died(story: Story, event: KernelWentAway, seq: int, at: float) -> None:
    story.items.append(Note("trouble", f"The kernel died: {event.reason}"))


def _waiting(story: Story, event: ProviderWaiting, seq: int, at: float) -> None:
    story.waited_s += event.wait_s
    _spent(story, event)


def _shortened(story: Story, event: ContextEdited, seq: int, at: float) -> None:
    what = "summarised" if event.kind == "compacted" else "cleared of old outputs"
    story.items.append(Note("run", f"The conversation with the agent became long and was {what} here."))
    _spent(story, event)


def _spent(story: Story, event: AgentReplied | ContextEdited | ProviderWaiting) -> None:
    story.tokens_in += event.input_tokens + event.cache_read_tokens + event.cache_write_tokens
    story.tokens_out += event.output_tokens
    story.cache_read += event.cache_read_tokens
    story.cache_written += event.cache_write_tokens
    known = story.cost_usd is not None and event.cost_usd is not None
    story.cost_usd = (story.cost_usd or 0) + (event.cost_usd or 0) if known else None


def _message(story: Story, event: MessageSent, seq: int, at: float) -> None:
    story.items.append(Note(event.sender, event.text))


def _step(story: Story, event: StepStarted, seq: int, at: float) -> None:
    story.steps.append(Step(event.step, at, at))


def _replied(story: Story, event: AgentReplied, seq: int, at: float) -> None:
    _spent(story, event)
    for block in event.content:
        kind = block.get("type")
        if kind in ("text", "thinking") and str(block.get(kind, "")).strip():
            story.items.append(Note(kind, str(block[kind])))
        elif kind == "tool_use" and story.steps:
            story.steps[-1].tools.append(str(block.get("name")))


def _tool_returned(story: Story, event: ToolReturned, seq: int, at: float) -> None:
    if event.is_error and story.steps:
        story.steps[-1].errors += 1


def _cell_added(story: Story, event: CellAdded, seq: int, at: float) -> None:
    if event.cell_id in story.cells:
        return
    step = story.steps[-1].number if story.steps else 0
    cell = Cell(event.cell_id, len(story.cells) + 1, event.kind, event.source, step)
    story.cells[event.cell_id] = cell
    story.items.append(cell)
    if story.steps:
        story.steps[-1].cells.append(cell)


def _cell_changed(story: Story, event: Any, seq: int, at: float) -> None:
    cell = story.cells.get(event.cell_id)
    if cell is None:
        return
    match event:
        case CellEdited():
            cell.source, cell.edited_seq = event.source, seq
        case CellStarted():
            cell.outputs, cell.status, cell.execution_count, cell.duration_s = {}, "running", None, None
        case CellOutput():
            cell.outputs[event.index] = event.output
        case CellOutputsCleared():
            cell.outputs = {}
        case CellFinished():
            cell.status, cell.execution_count = event.status, event.execution_count
            cell.duration_s = event.duration_s


def _hypothesis(story: Story, event: HypothesisNoted, seq: int, at: float) -> None:
    step = story.steps[-1].number if story.steps else 0
    story.hypotheses.setdefault(event.claim, []).append(Reading(seq, step, at, event))


def _findings(story: Story, event: FindingsSubmitted, seq: int, at: float) -> None:
    story.findings, story.summary, story.findings_seq = event.findings, event.summary, seq
    story.problems = event.problems


def _refused(story: Story, event: FindingsRefused, seq: int, at: float) -> None:
    story.refusals += 1
    story.items.append(Note("run", f"The validity check sent the findings back. {' '.join(event.problems)}"))


def _budget(story: Story, event: BudgetUsed, seq: int, at: float) -> None:
    story.budgets[event.budget] = event


def _scored(story: Story, event: Scored, seq: int, at: float) -> None:
    story.score = event.score


_READERS: tuple[tuple[Any, Any], ...] = (
    (RunStarted, _started),
    (RunResumed, _resumed),
    (RunForked, _forked),
    (RunEnded, _ended),
    (OrganismReady, _organism_ready),
    (OrganismUsed, _organism_used),
    (OrganismWentAway, _organism_lost),
    (KernelStarted, _kernel_started),
    (KernelWentAway, _kernel_died),
    (ProviderWaiting, _waiting),
    (ContextEdited, _shortened),
    (MessageSent, _message),
    (StepStarted, _step),
    (AgentReplied, _replied),
    (ToolReturned, _tool_returned),
    (CellAdded, _cell_added),
    ((CellEdited, CellStarted, CellOutput, CellOutputsCleared, CellFinished), _cell_changed),
    (HypothesisNoted, _hypothesis),
    (FindingsRefused, _refused),
    (FindingsSubmitted, _findings),
    (BudgetUsed, _budget),
    (Scored, _scored),
)
