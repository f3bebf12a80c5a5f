"""What a fork takes along of its parent: the events up to a cell, cut so that a conversation can go on from them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ..agent.state import RunState
from ..agent.tools.rendering import describe_outputs
from ..config import AgentSection, PublicConfig
from ..errors import BadInput
from ..notebook.opening import intro
from ..record.cell_events import CellAdded, CellEvent, CellFinished, CellStarted
from ..record.cells import Cells
from ..record.events import (
    AgentReplied,
    ApprovalAnswered,
    ApprovalAsked,
    ContextEdited,
    Event,
    HypothesisNoted,
    InputsWritten,
    MessageSent,
    StepStarted,
    ToolReturned,
)
from .environment import Environment
from .resolve import choose_agent

_TAKEN_ALONG = (
    CellEvent,
    StepStarted,
    AgentReplied,
    ToolReturned,
    ApprovalAsked,
    ApprovalAnswered,
    MessageSent,
    ContextEdited,
    InputsWritten,
    HypothesisNoted,
)
"""What conversation and cells are made of; all else was true of the parent only, or is told by these as well."""
_NAMED = 12


@dataclass(frozen=True)
class Past:
    """What a run was when one of its cells had ended."""

    cell_id: str
    events: tuple[Event, ...]


def past_of(events: Sequence[Event], *, run: str, at: str | None) -> Past:
    """The run as it stood right after the cell ``at``; None: after the cell that ended last.

    A cell that was run again stands as it was when the next cell was added. A reply's calls that had not been carried
    out by then were never made.

    Raises:
        BadInput: No such cell has ended.
    """
    end = _end_of(events, run=run, at=at)
    cell_id = _ended_cell(events[end - 1])
    state = RunState()
    for event in events[:end]:
        state.apply(event, 0.0)
    past, pending = list(events[:end]), [call["id"] for call in state.pending_calls()]
    if pending:
        rest = _rest_of_call(events[end:], pending[0])
        if not rest and cell_id in (state.open_cell, state.pending_calls()[0]["input"].get("cell_id")):
            rest = [_result(past, cell_id, pending[0])]
        past += rest
        _withdraw(past, set(pending[1:] if rest else pending))
    return Past(cell_id, tuple(event for event in past if isinstance(event, _TAKEN_ALONG)))


def headed(past: Past, *, parent: str, fork: str, task: str) -> list[Event]:
    """The events of ``past``, in which the first cell says which run this is; what a person wrote there stays."""
    before = tuple(intro(run=parent, task=task, by_hand=by_hand) for by_hand in (False, True))
    text = f"{intro(run=fork, task=task)}\nUp to cell {past.cell_id} it is a copy of run {parent}.\n"
    return [
        event.model_copy(update={"source": text})
        if isinstance(event, CellAdded) and event.source.startswith(before)
        else event
        for event in past.events
    ]


def agent_of_fork(parent: PublicConfig, changes: Mapping[str, Any], environment: Environment) -> AgentSection:
    """The parent's agent with ``changes``; where the parent was a replay, an agent that can go on."""
    before = parent.agent
    if before.provider == "replay":
        before = before.model_copy(update={"provider": None, "model": None})
    agent = before.led_by(changes.get("provider"), changes.get("model"))
    agent = agent.model_copy(update={name: changes[name] for name in changes.keys() - {"provider", "model"}})
    return choose_agent(parent.model_copy(update={"agent": agent}), environment.key, environment.outside)


def check_can_go_on(agent: AgentSection, before: AgentSection, past: Past) -> None:
    """Raises BadInput for an agent that can make nothing of what another one has done."""
    if agent.provider == "playbook" != before.provider and any(isinstance(e, AgentReplied) for e in past.events):
        raise BadInput(
            "the playbook follows its own protocol from the first cell, so it cannot go on with another agent's work;"
            " fork with another agent, or start a new run"
        )


def _end_of(events: Sequence[Event], *, run: str, at: str | None) -> int:
    """The number of events until the cell had ended."""
    ends = [(index + 1, cell) for index, event in enumerate(events) if (cell := _ended_cell(event))]
    if at is None:
        ran = [end for end, _ in ends if isinstance(events[end - 1], CellFinished)]
        if not ran:
            raise BadInput(f"no cell of run {run} has ended yet; wait for the first one, or start a new run")
        return ran[-1]
    own = [end for end, cell in ends if cell == at]
    if not own:
        known = list(dict.fromkeys(cell for _, cell in ends))
        raise BadInput(f"run {run} has no cell {at!r} that has ended; choose one of {_listed(known)}")
    added = next(index for index, event in enumerate(events) if isinstance(event, CellAdded) and event.cell_id == at)
    following = (index for index in range(added + 1, len(events)) if isinstance(events[index], CellAdded))
    until = next(following, len(events))
    return max((end for end in own if end <= until), default=own[0])


def _ended_cell(event: Event) -> str:
    """The cell that ended with this event; a text cell does as it is added. Empty for other events."""
    if isinstance(event, CellFinished) or (isinstance(event, CellAdded) and event.kind == "markdown"):
        return event.cell_id
    return ""


def _rest_of_call(later: Iterable[Event], call: str) -> list[Event]:
    """The events up to the result of a tool call, where it came before anything else was begun; else none."""
    rest: list[Event] = []
    for event in later:
        if isinstance(event, AgentReplied | StepStarted | CellAdded | CellStarted):
            return []
        rest.append(event)
        if isinstance(event, ToolReturned) and event.tool_use_id == call:
            return rest
    return []


def _result(past: Sequence[Event], cell_id: str, call: str) -> ToolReturned:
    """The result of the call that ran the cell, which was not recorded any more."""
    cell = Cells.of(past).by_id[cell_id]
    content = describe_outputs(f"[{cell_id}: {cell.status or 'added'}]", cell_id, cell.outputs)
    return ToolReturned(tool_use_id=call, content=content, is_error=cell.status not in ("ok", None))


def _withdraw(past: list[Event], calls: set[str]) -> None:
    """Take ``calls`` out of the last reply, which is dropped where it asked for nothing else."""
    last = max(index for index, event in enumerate(past) if isinstance(event, AgentReplied))
    reply = past[last]
    assert isinstance(reply, AgentReplied)
    content = [block for block in reply.content if block["type"] != "tool_use" or block["id"] not in calls]
    if any(block["type"] == "tool_use" for block in content):
        past[last] = reply.model_copy(update={"content": content})
    else:
        del past[last]


def _listed(cell_ids: Sequence[str]) -> str:
    shown = cell_ids if len(cell_ids) <= _NAMED else [*cell_ids[: _NAMED // 2], "…", *cell_ids[-_NAMED // 2 :]]
    return ", ".join(shown) or "none: nothing has ended yet"
