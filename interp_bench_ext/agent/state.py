"""What the agent's loop needs to know of a run, as a fold over its events: the same live and after a crash."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from ..events import (
    AgentReplied,
    ApprovalAnswered,
    ApprovalAsked,
    CellAdded,
    Event,
    FindingsSubmitted,
    MessageSent,
    OrganismReady,
    OrganismUsed,
    RunPaused,
    RunResumed,
    RunUnpaused,
    StepStarted,
    ToolReturned,
)

OPENING = "The notebook is open and the organism is connected as `organism`. Begin."


@dataclass
class RunState:
    """Conversation, counters and findings of one run; :meth:`apply` takes each event once, in order."""

    messages: list[dict[str, Any]] = field(default_factory=lambda: [_user([_text(OPENING)])])
    steps: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    cost_usd: float = 0.0
    active_s: float = 0.0
    gpu_s: float = 0.0
    findings: FindingsSubmitted | None = None
    open_cell: str | None = None
    """The cell that the tool call now under way has added."""
    cells_added: int = 0
    idle_replies: int = 0
    """Replies in a row that called no tool."""
    paused: bool = False
    approval: ApprovalAsked | None = None
    """What waits for a person's answer."""
    answers: dict[str, ApprovalAnswered] = field(default_factory=dict)
    """By the id of the tool call."""
    _last_at: float | None = None
    _on_gpu: bool = False
    _replying: bool = False
    _held: list[str] = field(default_factory=list)
    """Messages that came while the agent was replying; it could not see them yet."""

    def apply(self, event: Event, at: float) -> None:
        if self._last_at is not None and not isinstance(event, RunResumed) and not self.waits:
            self.active_s += at - self._last_at
        self._last_at = at
        self._count(event)
        self._wait_or_go_on(event)
        self._converse(event)

    @property
    def waits(self) -> bool:
        """Whether the run lies still until a person does something."""
        return self.paused or self.approval is not None

    def minutes(self) -> float:
        """Minutes that the run was driven, the present one's included; the time while it lay still is not."""
        now = time.time() - self._last_at if self._last_at is not None and not self.waits else 0.0
        return (self.active_s + max(now, 0.0)) / 60

    def pending_calls(self) -> list[dict[str, Any]]:
        """Tool calls of the last reply that have no result yet."""
        for index in range(len(self.messages) - 1, -1, -1):
            message = self.messages[index]
            if message["role"] == "assistant":
                done = {block.get("tool_use_id") for later in self.messages[index + 1 :] for block in later["content"]}
                return [b for b in message["content"] if b["type"] == "tool_use" and b["id"] not in done]
        return []

    def _count(self, event: Event) -> None:
        match event:
            case StepStarted():
                self.steps = event.step
            case OrganismReady():
                self._on_gpu = event.device.startswith(("cuda", "mps"))
            case OrganismUsed() if self._on_gpu:
                self.gpu_s += event.busy_s
            case AgentReplied():
                self.input_tokens += event.input_tokens + event.cache_read_tokens + event.cache_write_tokens
                self.output_tokens += event.output_tokens
                self.cost_usd += event.cost_usd or 0.0
            case CellAdded():
                self.open_cell = event.cell_id
                self.cells_added += 1
            case FindingsSubmitted():
                self.findings = event
            case _:
                pass

    def _wait_or_go_on(self, event: Event) -> None:
        match event:
            case RunPaused():
                self.paused = True
            case RunUnpaused() | RunResumed():
                self.paused = False
            case ApprovalAsked():
                self.approval = event
            case ApprovalAnswered():
                self.approval = None
                self.answers[event.approval] = event
            case _:
                pass

    def _converse(self, event: Event) -> None:
        match event:
            case StepStarted() | RunResumed():
                self._replying = False
                self._tell_held()
                self._replying = isinstance(event, StepStarted)
            case AgentReplied():
                # An empty turn would be refused when sent back.
                content = event.content or [_text("(empty reply)")]
                self.messages.append({"role": "assistant", "content": content})
                calls_tools = any(block["type"] == "tool_use" for block in content)
                self.idle_replies = 0 if calls_tools else self.idle_replies + 1
                self.open_cell = None
                self._replying = False
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
                self.open_cell = None
            case MessageSent() if self._replying:
                self._held.append(event.text)
            case MessageSent():
                self._tell(_text(event.text))
            case _:
                pass

    def _tell_held(self) -> None:
        for text in self._held:
            self._tell(_text(text))
        self._held.clear()

    def _tell(self, block: dict[str, Any]) -> None:
        """Add to the user turn at the end; tool results go first in it, as the Messages API asks."""
        if self.messages[-1]["role"] != "user":
            self.messages.append(_user([]))
        content = self.messages[-1]["content"]
        if block["type"] == "tool_result":
            results = sum(entry["type"] == "tool_result" for entry in content)
            content.insert(results, block)
        else:
            content.append(block)


def _text(text: str) -> dict[str, Any]:
    return {"type": "text", "text": text}


def _user(content: Sequence[dict[str, Any]]) -> dict[str, Any]:
    return {"role": "user", "content": list(content)}
