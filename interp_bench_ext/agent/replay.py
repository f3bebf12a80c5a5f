"""A recorded run's agent: the same replies in the same order, whatever comes of them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ..errors import RecordingEnded
from ..record.cell_events import CellAdded
from ..record.events import AgentReplied, Emit, Event, ToolReturned
from .provider import Prompt, Reply

_OPENING_CELLS = ("intro", "setup")
_NO_IDS = ("code", "text", "claim", "summary")
"""Arguments of tools that hold whatever the agent wrote."""


@dataclass
class ReplayProvider:
    """Gives the recorded replies, one after the other. They cost nothing again."""

    run: str
    """Id of the recorded run."""
    replies: tuple[AgentReplied, ...]
    given: int = 0
    """How many of them the replay has had: its conversation may hold two of them as one turn."""

    @classmethod
    def of(cls, run: str, events: Sequence[Event], *, replay: Sequence[Event] = ()) -> ReplayProvider:
        """The replies of ``run``, with those of their tool calls that were carried out to their end.

        Args:
            run: Id of the recorded run.
            events: What was recorded of it.
            replay: What was recorded of the replay, where that goes on.
        """
        done = {event.tool_use_id for event in events if isinstance(event, ToolReturned)}
        names = names_in_fresh_notebook(events)
        kept = (_kept(event, done, names) for event in events if isinstance(event, AgentReplied))
        given = sum(isinstance(event, AgentReplied) for event in replay)
        return cls(run, tuple(reply for reply in kept if reply is not None), given)

    async def reply(self, prompt: Prompt, *, max_tokens: int, emit: Emit) -> Reply:
        del prompt, max_tokens, emit
        if self.given >= len(self.replies):
            raise RecordingEnded(f"the recording of run {self.run} ends here")
        recorded = self.replies[self.given]
        self.given += 1
        return Reply(content=recorded.content, stop_reason=recorded.stop_reason)


def _kept(reply: AgentReplied, done: set[str], names: Mapping[str, str]) -> AgentReplied | None:
    """The reply with the calls that were carried out; None where it asked for others only."""
    blocks = [block for block in reply.content if block["type"] != "tool_use" or block["id"] in done]
    if len(blocks) < len(reply.content) and not any(block["type"] == "tool_use" for block in blocks):
        return None
    content = [
        {**block, "input": _renamed(block["input"], names)} if block["type"] == "tool_use" else block
        for block in blocks
    ]
    return reply.model_copy(update={"content": content})


def names_in_fresh_notebook(events: Iterable[Event]) -> dict[str, str]:
    """Ids of the run's cells, in order, to those that they get in a notebook of their own.

    They differ where other cells were in the recorded run's notebook before.
    """
    added = dict.fromkeys(event.cell_id for event in events if isinstance(event, CellAdded))
    return {recorded: _fresh_name(number) for number, recorded in enumerate(added, start=1)}


def _fresh_name(number: int) -> str:
    return _OPENING_CELLS[number - 1] if number <= len(_OPENING_CELLS) else f"c{number}"


def _renamed(value: Any, names: Mapping[str, str]) -> Any:
    """A tool call's arguments with the ids of cells in them replaced."""
    match value:
        case str():
            return names.get(value, value)
        case list():
            return [_renamed(item, names) for item in value]
        case dict():
            return {key: item if key in _NO_IDS else _renamed(item, names) for key, item in value.items()}
    return value
