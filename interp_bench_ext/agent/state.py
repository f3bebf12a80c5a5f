"""What the agent's loop needs to know of a run, as a fold over its events: the same live and after a crash."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from ..record.cell_events import CellAdded
from ..record.cells import Cells
from ..record.events import (
    AgentChanged,
    AgentReplied,
    Approval,
    ApprovalAnswered,
    ApprovalDecision,
    BudgetUsed,
    ContextEdited,
    Event,
    FindingsRefused,
    FindingsSubmitted,
    HypothesisNoted,
    Lack,
    MessageSent,
    ProviderLacks,
    RunForked,
    RunResumed,
    StepStarted,
    ToolReturned,
)
from ..record.figures import Figures
from ..remembered import Remembered
from .conversation import cleared, compacted, visible
from .images import images_of
from .ledger import Ledger
from .notices import News

OPENING = "The notebook is open and the organism is connected as `organism`. Begin."
CUT_SHORT = ("max_tokens", "model_context_window_exceeded")
"""Stop reasons of a reply that did not come to its own end."""


@dataclass(frozen=True)
class Measured:
    """Tokens of the conversation, system prompt and tools included, up to a block of one of its turns."""

    tokens: int
    turns: int
    blocks: int
    """Of the last of those turns."""


@dataclass
class RunState:
    """Conversation, figures, cells and findings of one run; :meth:`apply` takes each event once, in order."""

    messages: list[dict[str, Any]] = field(default_factory=lambda: [_user([_text(OPENING)])])
    figures: Figures = field(default_factory=Figures)
    cells: Cells = field(default_factory=Cells)
    warned: dict[str, float] = field(default_factory=dict)
    """Limits by the names of the budgets, of which the agent has been told that they are nearly used up."""
    findings: FindingsSubmitted | None = None
    open_cell: str | None = None
    """The cell that the tool call now under way has added."""
    news: News = field(default_factory=News)
    noted: HypothesisNoted | FindingsRefused | None = None
    """What the tool call now under way has put on the record."""
    refusals: int = 0
    """How often the validity check has sent findings back."""
    messages_sent: int = 0
    """How many messages the agent was sent, by a person or by the run."""
    idle_replies: int = 0
    """Replies in a row that called no tool."""
    stop_reason: str = ""
    """Of the last reply."""
    ledger: Ledger = field(default_factory=Ledger)
    measured: Measured | None = None
    edits: list[ContextEdited] = field(default_factory=list)
    """How the conversation was shortened since the last reply."""
    lacks: set[Lack] = field(default_factory=set)
    """What the agent's server has turned out not to do."""
    answers: dict[str, ApprovalAnswered] = field(default_factory=dict)
    """By the id of the tool call."""
    model: str | None = None
    """The model that a person has chosen in mid-run; None: as the run began."""
    approval: Approval | None = None
    """Which cells a person wants to be asked about since they chose so in mid-run; None: as the run began."""
    decided: set[ApprovalDecision] = field(default_factory=set)
    """The person's answers since then."""
    _held: list[str] = field(default_factory=list)
    """Messages that came while the agent was replying; it could not see them yet."""
    _images: Remembered[dict[str, Any], int] = field(default_factory=lambda: Remembered(_images_in), compare=False)

    def apply(self, event: Event, at: float) -> None:
        """Take one event, recorded at ``at`` (Unix time in seconds)."""
        self.figures.apply(event, at)
        self.cells.apply(event)
        self.news.apply(event, running=self.cells.running)
        self.ledger.apply(event)
        self._decide(event)
        self._conclude(event)
        self._converse(event)
        if isinstance(event, RunForked):
            self._begin_anew()

    def images(self) -> int:
        """Number of images in the conversation."""
        return sum(self._images.of(self.messages))

    def pending_calls(self) -> list[dict[str, Any]]:
        """Tool calls of the last reply that have no result yet."""
        for index in range(len(self.messages) - 1, -1, -1):
            message = self.messages[index]
            if message["role"] == "assistant":
                done = {block.get("tool_use_id") for later in self.messages[index + 1 :] for block in later["content"]}
                return [b for b in message["content"] if b["type"] == "tool_use" and b["id"] not in done]
        return []

    def said_before_call(self) -> str:
        """What the agent said in its last reply before the tool call now under way, and after the call before it."""
        call, said = next(iter(self.pending_calls()), None), list[str]()
        for block in self._last_reply():
            if block == call:
                return "\n\n".join(said)
            if block["type"] == "text":
                said.append(block["text"])
            elif block["type"] == "tool_use":
                said.clear()
        return ""

    def place_of(self, call_id: str) -> int:
        """Which of the tool calls of its reply a pending call is, from 0."""
        calls = [block["id"] for block in self._last_reply() if block["type"] == "tool_use"]
        return calls.index(call_id) if call_id in calls else 0

    def is_cut_off(self, call: dict[str, Any]) -> bool:
        """Whether the last reply ended within this call, so that its arguments may lack their end, or was refused."""
        return self.stop_reason == "refusal" or (self.stop_reason in CUT_SHORT and self._last_reply()[-1:] == [call])

    def _last_reply(self) -> list[dict[str, Any]]:
        """Its blocks; none before the first reply."""
        replies = (message["content"] for message in reversed(self.messages) if message["role"] == "assistant")
        return next(replies, [])

    def _begin_anew(self) -> None:
        """Conversation, cells and hypotheses stand; what was asked of a person was another run's."""
        self.idle_replies = self.refusals = 0
        self.findings = self.open_cell = self.noted = None
        self.answers.clear()
        self.decided.clear()
        self.approval = self.model = None
        self.warned.clear()
        self.lacks.clear()

    def _decide(self, event: Event) -> None:
        """Take what a person has decided about the agent."""
        match event:
            case ApprovalAnswered():
                self.answers[event.approval] = event
                self.decided.add(event.decision)
            case AgentChanged():
                if event.approval is not None:
                    self.approval = event.approval
                    self.decided.clear()
                if event.model is not None:
                    self.model = event.model
                    # Another model may do what this one did not.
                    self.lacks.clear()
            case _:
                pass

    def _conclude(self, event: Event) -> None:
        match event:
            case BudgetUsed():
                self.warned[event.budget] = event.limit
            case ProviderLacks():
                self.lacks.add(event.what)
            case CellAdded():
                self.open_cell = event.cell_id
            case MessageSent():
                self.messages_sent += 1
            case HypothesisNoted():
                self.noted = event
            case FindingsRefused():
                self.noted = event
                self.refusals += 1
            case FindingsSubmitted():
                self.findings = event
            case _:
                pass

    def _converse(self, event: Event) -> None:
        match event:
            case StepStarted() | RunResumed() | RunForked():
                self._tell_held()
            case AgentReplied():
                # An empty turn would be refused when sent back.
                content = visible(event.content) or [_text("(empty reply)")]
                self._say(content)
                self.stop_reason, self.edits = event.stop_reason, []
                prompt = event.input_tokens + event.cache_read_tokens + event.cache_write_tokens
                self._measure(prompt + event.output_tokens)
                calls_tools = any(block["type"] == "tool_use" for block in content)
                self.idle_replies = 0 if calls_tools else self.idle_replies + 1
                self.open_cell = self.noted = None
                self._tell_held()
            case ToolReturned():
                self._tell(
                    {
                        "type": "tool_result",
                        "tool_use_id": event.tool_use_id,
                        "content": event.content,
                        "is_error": event.is_error,
                    }
                )
                self.open_cell = self.noted = None
            case ContextEdited():
                if event.kind == "compacted":
                    self.messages = compacted(self.messages, event.before, event.summary)
                else:
                    self.messages = cleared(self.messages, event.before)
                self.edits.append(event)
                self._measure(event.tokens)
            case MessageSent() if self.figures.clock.replying:
                self._held.append(event.text)
            case MessageSent():
                self._tell(_text(event.text))
            case _:
                pass

    def _say(self, content: list[dict[str, Any]]) -> None:
        """Add the agent's turn; one that goes on after a pause becomes part of the turn that was paused."""
        if self.messages[-1]["role"] == "assistant":
            self.messages[-1] = {"role": "assistant", "content": [*self.messages[-1]["content"], *content]}
        else:
            self.messages.append({"role": "assistant", "content": content})

    def _measure(self, tokens: int) -> None:
        self.measured = Measured(tokens, len(self.messages), len(self.messages[-1]["content"]))

    def _tell_held(self) -> None:
        for text in self._held:
            self._tell(_text(text))
        self._held.clear()

    def _tell(self, block: dict[str, Any]) -> None:
        """Add to the user turn at the end; tool results go first in it, as the Messages API asks."""
        for shown in visible([block]):
            self._add(shown)

    def _add(self, block: dict[str, Any]) -> None:
        """Have the turn at the end hold it; a turn is replaced, as what was made of it may be remembered."""
        if self.messages[-1]["role"] != "user":
            self.messages.append(_user([]))
        content = self.messages[-1]["content"]
        at = len(content)
        if block["type"] == "tool_result":
            at = sum(entry["type"] == "tool_result" for entry in content)
        self.messages[-1] = _user([*content[:at], block, *content[at:]])


def _images_in(message: dict[str, Any]) -> int:
    return len(images_of([message]))


def _text(text: str) -> dict[str, Any]:
    return {"type": "text", "text": text}


def _user(content: Sequence[dict[str, Any]]) -> dict[str, Any]:
    return {"role": "user", "content": list(content)}
