"""A run's events as what a report tells between its cells: what was said, done and found, step by step."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from ..record.agents import renamed
from ..record.cell_events import CellAdded, CellEdited, CellOutput, CellOutputsCleared, KernelStarted, KernelWentAway
from ..record.cells import Cell, Cells
from ..record.events import (
    AgentChanged,
    AgentReplied,
    ContextEdited,
    Event,
    Finding,
    FindingsRefused,
    FindingsSubmitted,
    HypothesisNoted,
    InputsWritten,
    MessageSent,
    OrganismReady,
    OrganismWentAway,
    ProviderLacks,
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
from ..record.figures import Figures
from ..record.scores import Score


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
    seconds: float = 0.0
    """How long the run was driven in it."""
    cells: list[Cell] = field(default_factory=list)
    tools: list[str] = field(default_factory=list)
    errors: int = 0


@dataclass(frozen=True)
class Reading:
    """What was thought of a hypothesis at one time."""

    seq: int
    step: int
    after_s: float
    """How long the run had been driven by then."""
    event: HypothesisNoted


@dataclass
class Story:
    """Everything that a report shows, in the order in which it happened."""

    figures: Figures = field(default_factory=Figures)
    cells: Cells = field(default_factory=Cells)
    started: RunStarted | None = None
    agent: str = ""
    first: float | None = None
    status: RunStatus = "running"
    message: str = ""
    organism: OrganismReady | None = None
    veil: str | None = None
    items: list[Cell | Note] = field(default_factory=list)
    steps: list[Step] = field(default_factory=list)
    step_of: dict[str, int] = field(default_factory=dict)
    """The step that added each cell."""
    changed_seq: dict[str, int] = field(default_factory=dict)
    """The place in the run of the last edit of each cell, or of the last change to its output after it had ended."""
    hypotheses: dict[str, list[Reading]] = field(default_factory=dict)
    findings: list[Finding] | None = None
    """None: the run never said what it found."""
    findings_seq: int = 0
    problems: list[str] = field(default_factory=list)
    """What the validity check still missed in the findings."""
    refusals: int = 0
    """How often the validity check has sent findings back."""
    summary: str = ""
    score: Score | None = None
    waited_s: float = 0.0
    """For the agent's provider."""

    def take(self, seq: int, at: float, event: Event) -> None:
        """Adds one event; those that a report does not show only move the clock."""
        before = self.figures.minutes()
        self.figures.apply(event, at)
        self.cells.apply(event)
        if self.steps:
            self.steps[-1].seconds += max(0.0, 60 * (self.figures.minutes() - before))
        self.first = at if self.first is None else self.first
        for kind, apply in _READERS:
            if isinstance(event, kind):
                apply(self, event, seq)

    @property
    def step(self) -> int:
        """The number of the step that is under way; 0 before the first."""
        return self.steps[-1].number if self.steps else 0


def fold(events: Iterable[tuple[int, float, Event]]) -> Story:
    """The story that ``events`` tell, given as (number in the run, unix time, event)."""
    story = Story()
    for seq, at, event in events:
        story.take(seq, at, event)
    return story


def _started(story: Story, event: RunStarted, seq: int) -> None:
    story.started, story.agent, story.status = event, event.agent, "running"


def _resumed(story: Story, event: RunResumed, seq: int) -> None:
    story.status, story.message = "running", ""
    story.items.append(Note("run", "The run was resumed here."))


def _forked(story: Story, event: RunForked, seq: int) -> None:
    """What the other run did in which step is not this one's."""
    story.steps.clear()
    text = f"This run is a fork: everything up to here is a copy of run {event.parent}, up to cell {event.cell_id}."
    story.items.append(Note("run", text))


def _ended(story: Story, event: RunEnded, seq: int) -> None:
    story.status, story.message = event.status, event.message


def _organism_ready(story: Story, event: OrganismReady, seq: int) -> None:
    story.organism = event


def _organism_lost(story: Story, event: OrganismWentAway, seq: int) -> None:
    after = " It was started again." if event.restarting else ""
    story.items.append(Note("trouble", f"The organism was lost: {event.reason}{after}"))


def _kernel_started(story: Story, event: KernelStarted, seq: int) -> None:
    story.veil = event.veil
    if event.restored_cells:
        story.items.append(Note("run", f"A new kernel ran {event.restored_cells} earlier cells again."))


def _kernel_died(story: Story, event: KernelWentAway, seq: int) -> None:
    story.items.append(Note("trouble", f"The kernel died: {event.reason}"))


def _waiting(story: Story, event: ProviderWaiting, seq: int) -> None:
    story.waited_s += event.wait_s


def _lacks(story: Story, event: ProviderLacks, seq: int) -> None:
    story.items.append(Note("run", event.text))


def _shortened(story: Story, event: ContextEdited, seq: int) -> None:
    what = "summarised" if event.kind == "compacted" else "cleared of old outputs"
    story.items.append(Note("run", f"The conversation with the agent became long and was {what} here."))


def _inputs(story: Story, event: InputsWritten, seq: int) -> None:
    said = f"An auxiliary model wrote {len(event.inputs)} inputs ({event.kind}) from the hint: {event.hint}"
    story.items.append(Note("run", said))


def _agent_changed(story: Story, event: AgentChanged, seq: int) -> None:
    story.agent = renamed(story.agent, event)
    if event.model is not None:
        story.items.append(Note("run", f"From here on the agent's model is {event.model}."))


def _message(story: Story, event: MessageSent, seq: int) -> None:
    story.items.append(Note(event.sender, event.text))


def _step(story: Story, event: StepStarted, seq: int) -> None:
    # After a resume the reply that was under way is asked for again, in the same step.
    if story.step != event.step:
        story.steps.append(Step(event.step))


def _replied(story: Story, event: AgentReplied, seq: int) -> None:
    for block in event.content:
        kind = block.get("type")
        if kind in ("text", "thinking") and str(block.get(kind, "")).strip():
            story.items.append(Note(kind, str(block[kind])))
        elif kind == "tool_use" and story.steps:
            story.steps[-1].tools.append(str(block.get("name")))


def _tool_returned(story: Story, event: ToolReturned, seq: int) -> None:
    if event.is_error and story.steps:
        story.steps[-1].errors += 1


def _cell_added(story: Story, event: CellAdded, seq: int) -> None:
    if event.cell_id in story.step_of:
        return
    cell = story.cells.by_id[event.cell_id]
    story.step_of[event.cell_id] = story.step
    story.items.append(cell)
    if story.steps:
        story.steps[-1].cells.append(cell)


def _cell_edited(story: Story, event: CellEdited, seq: int) -> None:
    story.changed_seq[event.cell_id] = seq


def _output_changed(story: Story, event: CellOutput | CellOutputsCleared, seq: int) -> None:
    cell = story.cells.by_id.get(event.cell_id)
    if cell is not None and cell.changed_late:
        story.changed_seq[event.cell_id] = seq


def _hypothesis(story: Story, event: HypothesisNoted, seq: int) -> None:
    reading = Reading(seq, story.step, story.figures.clock.active_s, event)
    story.hypotheses.setdefault(event.claim, []).append(reading)


def _findings(story: Story, event: FindingsSubmitted, seq: int) -> None:
    story.findings, story.summary, story.findings_seq = event.findings, event.summary, seq
    story.problems = event.problems


def _refused(story: Story, event: FindingsRefused, seq: int) -> None:
    story.refusals += 1
    story.items.append(Note("run", f"The validity check sent the findings back. {' '.join(event.problems)}"))


def _scored(story: Story, event: Scored, seq: int) -> None:
    story.score = event.score


_READERS: tuple[tuple[Any, Any], ...] = (
    (RunStarted, _started),
    (RunResumed, _resumed),
    (RunForked, _forked),
    (AgentChanged, _agent_changed),
    (RunEnded, _ended),
    (OrganismReady, _organism_ready),
    (OrganismWentAway, _organism_lost),
    (KernelStarted, _kernel_started),
    (KernelWentAway, _kernel_died),
    (ProviderWaiting, _waiting),
    (ProviderLacks, _lacks),
    (ContextEdited, _shortened),
    (InputsWritten, _inputs),
    (MessageSent, _message),
    (StepStarted, _step),
    (AgentReplied, _replied),
    (ToolReturned, _tool_returned),
    (CellAdded, _cell_added),
    (CellEdited, _cell_edited),
    (CellOutput, _output_changed),
    (CellOutputsCleared, _output_changed),
    (HypothesisNoted, _hypothesis),
    (FindingsRefused, _refused),
    (FindingsSubmitted, _findings),
    (Scored, _scored),
)
