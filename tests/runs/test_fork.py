"""What a fork takes along of its parent's events."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from interp_bench_ext.agent.state import RunState
from interp_bench_ext.errors import BadInput
from interp_bench_ext.notebook.opening import intro
from interp_bench_ext.record.cell_events import CellAdded, CellEdited, CellFinished, CellOutput, CellStarted
from interp_bench_ext.record.cells import Cells
from interp_bench_ext.record.events import (
    AgentReplied,
    ApprovalAsked,
    Event,
    FindingsSubmitted,
    HypothesisNoted,
    MessageSent,
    RunEnded,
    RunForked,
    RunPaused,
    RunResumed,
    RunStarted,
    StepStarted,
    ToolReturned,
)
from interp_bench_ext.runs.fork import headed, past_of

STARTED = RunStarted(public={"task": "t"}, agent="anthropic x", seed=0, notebook="/n.ipynb")


def replied(*calls: str, cell: str = "") -> AgentReplied:
    arguments = {"cell_id": cell} if cell else {}
    blocks: list[dict[str, Any]] = [{"type": "text", "text": "why"}]
    blocks += [{"type": "tool_use", "id": call, "name": "run_cell", "input": arguments} for call in calls]
    return AgentReplied(
        content=blocks,
        stop_reason="tool_use",
        input_tokens=10,
        output_tokens=5,
        cache_read_tokens=0,
        cache_write_tokens=0,
        cost_usd=0.5,
    )


def ran(cell: str, status: Any = "ok") -> list[Event]:
    output = {"output_type": "stream", "name": "stdout", "text": f"{cell} says"}
    return [
        CellStarted(cell_id=cell),
        CellOutput(cell_id=cell, index=0, output=output),
        CellFinished(cell_id=cell, status=status, execution_count=1, duration_s=1.0),
    ]


def added(cell: str, status: Any = "ok") -> list[Event]:
    return [CellAdded(cell_id=cell, kind="code", source=f"# {cell}"), *ran(cell, status)]


def returned(call: str) -> ToolReturned:
    return ToolReturned(tool_use_id=call, content=[{"type": "text", "text": f"result of {call}"}], is_error=False)


OPENING = [STARTED, CellAdded(cell_id="intro", kind="markdown", source="# x"), *added("setup")]
RUN: list[Event] = [
    *OPENING,
    StepStarted(step=1),
    replied("t1"),
    *added("c3"),
    returned("t1"),
    StepStarted(step=2),
    replied("t2", "t3"),
    *added("c4"),
    returned("t2"),
    HypothesisNoted(claim="x", status="open", evidence=["c4"], effect_size=None, n=None),
    *added("c5"),
    returned("t3"),
    StepStarted(step=3),
    replied("t4"),
    FindingsSubmitted(findings=[], summary="none"),
    returned("t4"),
    RunEnded(status="finished", message=""),
]


def standing(events: list[Event], at: str | None = None) -> RunState:
    """The state of a fork."""
    past = past_of(events, run="p", at=at)
    state = RunState()
    for event in [STARTED, *past.events, RunForked(parent="p", cell_id=past.cell_id)]:
        state.apply(event, 7.0)
    return state


def calls_and_results(state: RunState) -> tuple[list[str], list[str]]:
    blocks = [block for message in state.messages for block in message["content"]]
    return (
        [block["id"] for block in blocks if block["type"] == "tool_use"],
        [block["tool_use_id"] for block in blocks if block["type"] == "tool_result"],
    )


def test_a_fork_stands_where_its_parent_stood_and_has_used_nothing():
    state = standing(RUN, "c3")
    assert calls_and_results(state) == (["t1"], ["t1"])
    assert state.messages[-1]["role"] == "user"
    assert (
        state.figures.steps,
        state.figures.input_tokens,
        state.figures.output_tokens,
        state.figures.cost_usd,
        state.figures.clock.active_s,
    ) == (0, 0, 0, 0.0, 0.0)
    assert len(state.cells.by_id) == 3
    assert state.findings is None


def test_by_default_it_is_the_cell_that_ended_last():
    past = past_of(RUN, run="p", at=None)
    assert past.cell_id == "c5"
    assert any(isinstance(event, HypothesisNoted) for event in past.events)
    assert not any(isinstance(event, FindingsSubmitted | RunEnded) for event in past.events)
    assert standing(RUN).findings is None


def test_calls_that_had_not_been_carried_out_were_never_made():
    assert calls_and_results(standing(RUN, "c4")) == (["t1", "t2"], ["t1", "t2"])


def test_a_result_that_was_not_recorded_any_more_is_made_from_the_cell():
    cut = RUN[: RUN.index(returned("t2"))]
    state = standing(cut, "c4")
    assert calls_and_results(state) == (["t1", "t2"], ["t1", "t2"])
    assert "c4 says" in state.messages[-1]["content"][0]["content"][0]["text"]
    failed = [*OPENING, StepStarted(step=1), replied("t1"), *added("c3", "interrupted")]
    assert standing(failed).messages[-1]["content"][0]["is_error"] is True


def test_a_cell_that_ended_in_the_background_leaves_a_conversation_that_can_go_on():
    code = CellAdded(cell_id="c3", kind="code", source="x")
    begun, ended = [code, CellStarted(cell_id="c3")], ran("c3")[-1]
    while_replying = [*OPENING, StepStarted(step=1), replied("t1"), *begun, returned("t1"), StepStarted(step=2), ended]
    state = standing(while_replying)
    assert calls_and_results(state) == (["t1"], ["t1"])
    state.apply(MessageSent(sender="person", text="hello"), 8.0)
    assert state.messages[-1]["content"][-1]["text"] == "hello"
    asked = ApprovalAsked(approval="t2", tool="run_cell", cell_id="c4", code="y")
    while_asking = [*while_replying[:-1], replied("t2"), asked, RunPaused(), ended]
    state = standing(while_asking)
    assert calls_and_results(state) == (["t1"], ["t1"])
    assert not state.figures.clock.waits


def test_a_cell_that_was_mended_at_once_stands_mended_and_one_that_was_changed_later_as_it_was():
    mended = [
        *OPENING,
        StepStarted(step=1),
        replied("t1"),
        *added("c3", "error"),
        returned("t1"),
        replied("t2", cell="c3"),
        CellEdited(cell_id="c3", source="better"),
        *ran("c3"),
        returned("t2"),
        replied("t3"),
        *added("c4"),
        returned("t3"),
        replied("t4", cell="c3"),
        CellEdited(cell_id="c3", source="other"),
        *ran("c3"),
    ]
    cells = Cells.of(past_of(mended, run="p", at="c3").events).by_id
    assert (cells["c3"].source, cells["c3"].status, list(cells)) == ("better", "ok", ["intro", "setup", "c3"])
    last = past_of(mended, run="p", at=None)
    assert (last.cell_id, Cells.of(last.events).by_id["c3"].source) == ("c3", "other")
    assert calls_and_results(standing(mended))[1] == ["t1", "t2", "t3", "t4"]


def test_what_the_parent_was_resumed_from_is_no_part_of_it():
    message = MessageSent(sender="person", text="look here")
    resumed = [*OPENING, StepStarted(step=1), message, RunResumed(), StepStarted(step=1), replied("t1"), *added("c3")]
    state = standing(resumed)
    assert state.messages[0]["content"][-1]["text"] == "look here"
    assert not any(isinstance(event, RunResumed) for event in past_of(resumed, run="p", at=None).events)


def test_a_cell_that_has_not_ended_is_refused():
    with pytest.raises(BadInput, match="no cell 'c9' that has ended; choose one of intro, setup, c3, c4, c5"):
        past_of(RUN, run="p", at="c9")
    with pytest.raises(BadInput, match="no cell of run p has ended yet"):
        past_of([STARTED], run="p", at=None)


def test_the_first_cell_says_which_run_it_is_also_in_a_fork_of_a_fork():
    first = CellAdded(cell_id="intro", kind="markdown", source=intro(run="p", task="t"))
    past = past_of([STARTED, first, *added("setup")], run="p", at="setup")
    events = headed(past, parent="p", fork="f", task="t")
    source = Cells.of(events).by_id["intro"].source
    assert source.startswith("# Investigation f")
    assert "Up to cell setup it is a copy of run p." in source
    again = headed(past_of([STARTED, *events], run="f", at="setup"), parent="f", fork="g", task="t")
    assert "a copy of run f" in Cells.of(again).by_id["intro"].source
    own_words = past_of([STARTED, *OPENING[1:]], run="p", at="setup")
    assert headed(own_words, parent="p", fork="f", task="t") == list(own_words.events)


@st.composite
def histories(draw: st.DrawFn) -> list[Event]:
    """A run of steps with several calls each, cells that fail or are run in the background, cut off anywhere."""
    events: list[Event] = [*OPENING]
    cell, call, behind = 2, 0, ""
    for step in range(1, draw(st.integers(1, 5)) + 1):
        events.append(StepStarted(step=step))
        calls = [f"t{call + number}" for number in range(draw(st.integers(0, 3)))]
        call += len(calls)
        events.append(replied(*calls))
        for name in calls:
            cell += 1
            kind = draw(st.sampled_from(["code", "text", "background", "none"]))
            own = f"c{cell}"
            if kind == "code":
                events += added(own, draw(st.sampled_from(["ok", "error"])))
            elif kind == "text":
                events.append(CellAdded(cell_id=own, kind="markdown", source="text"))
            elif kind == "background" and not behind:
                events += added(own)[:-1]
                behind = own
            events.append(returned(name))
            if behind and draw(st.booleans()):
                events.append(ran(behind)[-1])
                behind = ""
    return events[: draw(st.integers(len(OPENING), len(events)))]


@settings(max_examples=200)
@given(histories(), st.data())
def test_no_call_is_ever_without_its_result(events, data):
    ended = [event.cell_id for event in events if isinstance(event, CellFinished)]
    at = data.draw(st.sampled_from([None, *ended]))
    state = standing(events, at)
    calls, results = calls_and_results(state)
    assert sorted(calls) == sorted(results)
    assert state.pending_calls() == []
    assert all(one["role"] != other["role"] for one, other in zip(state.messages, state.messages[1:], strict=False))
    past = past_of(events, run="p", at=at)
    assert past_of([STARTED, *past.events], run="f", at=past.cell_id).events == past.events
