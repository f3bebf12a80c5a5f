from __future__ import annotations

import copy
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from interp_bench_ext.agent.conversation import (
    CLEARED,
    at_most_tokens,
    before_last_results,
    cleared,
    compacted,
    cut_keeping,
    is_blank,
    prompt_at_most_tokens,
)
from interp_bench_ext.agent.state import RunState
from interp_bench_ext.agent.summary import summary_of
from interp_bench_ext.record.cell_events import CellAdded
from interp_bench_ext.record.events import (
    AgentReplied,
    ContextEdited,
    Event,
    HypothesisNoted,
    MessageSent,
    RunResumed,
    StepStarted,
    ToolReturned,
)

from .accounting import prompt_tokens
from .messages_server import _problem, text, thinking

WORDS = st.text(st.characters(codec="utf-8", exclude_categories=["Cs"]), min_size=1, max_size=900)
BLANKS = ("", " ", "\n\n", "\t\r\n", "\u00a0", "\u200b", "\ufeff\u2060", "\u3164 \u00ad", "\u2028\x00")
SAID = WORDS | st.sampled_from(BLANKS)
Messages = list[dict[str, Any]]


def replied(content: list[dict[str, Any]], stop_reason: str) -> AgentReplied:
    return AgentReplied(
        content=content,
        stop_reason=stop_reason,
        input_tokens=10,
        output_tokens=5,
        cache_read_tokens=0,
        cache_write_tokens=0,
        cost_usd=0.0,
    )


@st.composite
def events_of_a_run(draw: st.DrawFn) -> list[Event]:
    """What can happen in a run, in any order in which it can happen."""
    events: list[Event] = []
    for step in range(draw(st.integers(0, 8))):
        events.append(StepStarted(step=step + 1))
        if draw(st.booleans()):
            events.append(MessageSent(sender="person", text=draw(SAID)))
        calls = [f"t{step}.{index}" for index in range(draw(st.integers(0, 3)))]
        content = [thinking(draw(WORDS))] * draw(st.integers(0, 1)) + [text(draw(SAID))] * draw(st.integers(0, 2))
        content += [{"type": "tool_use", "id": call, "name": "run_cell", "input": {"code": "1"}} for call in calls]
        paused = not calls and draw(st.booleans())
        events.append(replied(content, "pause_turn" if paused else "tool_use"))
        for index, call in enumerate(calls):
            if draw(st.booleans()):
                events.append(MessageSent(sender="person", text=draw(SAID)))
            shown = [text(draw(st.sampled_from([f"[c{step}-{index}: ok, 0.1 s]\n", ""])) + draw(SAID))]
            events.append(
                ToolReturned(tool_use_id=call, content=shown * draw(st.integers(0, 2)), is_error=draw(st.booleans()))
            )
        if not calls and not paused:
            events.append(MessageSent(sender="run", text="Go on."))
        if draw(st.booleans()):
            events.append(RunResumed())
    return events


def fold(events: list[Event]) -> RunState:
    state = RunState()
    for at, event in enumerate(events):
        state.apply(event, float(at))
    return state


def check(messages: Messages) -> None:
    """The conversation is one that the API takes."""
    closed = (
        [*messages, {"role": "user", "content": [text("End.")]}] if messages[-1]["role"] == "assistant" else messages
    )
    assert _problem({"messages": closed}) is None
    assert all(message["role"] in ("user", "assistant") for message in messages)


def thoughts(messages: Messages) -> list[dict[str, Any]]:
    return [block for message in messages for block in message["content"] if block["type"] == "thinking"]


@given(events_of_a_run(), st.integers(0, 20), st.sampled_from(["outputs_cleared", "compacted"]), st.integers(0, 20))
def test_whatever_is_cut_the_api_takes_what_is_left(events: list[Event], place: int, kind: str, before: int) -> None:
    """Cut once at any point of any run, go on, and cut again at its end."""
    state = fold(events[:place])
    if state.pending_calls():
        # Only between two steps is a conversation shortened.
        place = len(events)
        state = fold(events)
    check(state.messages)
    whole = copy.deepcopy(state.messages)
    edit = ContextEdited(before=before, kind=kind, summary="What was before.", tokens=100)
    state.apply(edit, float(place))
    check(state.messages)
    # Each thought that is left is one that was there, unaltered and in order.
    left = iter(thoughts(whole))
    assert all(thought in left for thought in thoughts(state.messages))
    for at, event in enumerate(events[place:]):
        state.apply(event, place + 1.0 + at)
    if not state.pending_calls():
        check(state.messages)
        cut = cut_keeping(state.messages, 0.3)
        check(compacted(state.messages, cut, summary_of(state, cut, "")))
        check(cleared(state.messages, before_last_results(state.messages, 2)))
    assert fold([*events[:place], edit, *events[place:]]).messages == state.messages


@pytest.mark.parametrize("blank", BLANKS)
def test_what_shows_nothing_is_not_said(blank: str) -> None:
    call = {"type": "tool_use", "id": "t", "name": "run_cell", "input": {"code": "1"}}
    state = fold(
        [
            StepStarted(step=1),
            replied([text(blank), call], "tool_use"),
            ToolReturned(tool_use_id="t", content=[text(blank), text(blank)], is_error=False),
            MessageSent(sender="person", text=blank),
            StepStarted(step=2),
            replied([text(blank)], "end_turn"),
            MessageSent(sender="person", text=f"{blank}Look at é, 研 and 👍🏽{blank}"),
        ]
    )
    result = {"type": "tool_result", "tool_use_id": "t", "content": [text("(no visible text)")], "is_error": False}
    assert [message["content"] for message in state.messages[1:]] == [
        [call],
        [result],
        [text("(empty reply)")],
        [text(f"{blank}Look at é, 研 and 👍🏽{blank}")],
    ]


@given(WORDS)
def test_what_shows_something_is_said(said: str) -> None:
    """Every printable character but a few fillers is seen."""
    if any(letter.isalnum() and letter.isascii() for letter in said):
        assert not is_blank(said)


@given(events_of_a_run(), st.integers(0, 20))
def test_nothing_that_goes_in_is_changed(events: list[Event], before: int) -> None:
    messages = fold(events).messages
    whole = copy.deepcopy(messages)
    cleared(messages, before)
    compacted(messages, before, "s")
    assert messages == whole


@given(events_of_a_run())
def test_no_conversation_is_longer_than_its_bound(events: list[Event]) -> None:
    messages = fold(events).messages
    tools = [{"name": "run_cell", "description": "Runs.", "input_schema": {"type": "object"}}]
    body = {"model": "m", "system": [text("Investigate.")], "tools": tools, "messages": messages}
    assert prompt_tokens(body) <= prompt_at_most_tokens("Investigate.", tools, messages)
    for message in messages:
        assert prompt_tokens({"model": "m", "messages": [message]}) <= at_most_tokens(message["content"])


def test_a_cleared_output_says_how_to_read_it_again():
    image = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "AAAA"}}
    content = [text("[c7: ok, 1.0 s]\n" + "number\n" * 400), image]
    call = {"type": "tool_use", "id": "a", "name": "run_cell", "input": {}}
    state = fold([replied([call], "tool_use"), ToolReturned(tool_use_id="a", content=content, is_error=True)])
    [result] = cleared(state.messages, 3)[2]["content"]
    assert result["is_error"] is True
    assert result["content"] == [text(f'[c7: ok, 1.0 s]\n{CLEARED}; read_notebook(cell_ids=["c7"]) shows it again]')]
    assert cleared(state.messages, 2) == state.messages
    again = cleared(cleared(state.messages, 3), 3)
    assert again == cleared(state.messages, 3)


def test_a_short_output_stays():
    call = {"type": "tool_use", "id": "a", "name": "note_hypothesis", "input": {}}
    state = fold([replied([call], "tool_use"), ToolReturned(tool_use_id="a", content=[text("noted")], is_error=False)])
    assert cleared(state.messages, 3) == state.messages


def test_a_summary_holds_what_must_not_be_forgotten():
    noted = HypothesisNoted(claim="It adores the quokka", status="open", evidence=["c3"], effect_size=None, n=None)
    later = noted.model_copy(update={"status": "supported", "effect_size": 0.4, "n": 30})
    call = {"type": "tool_use", "id": "a", "name": "run_cell", "input": {}}
    shown = text("[c3: ok, 1.0 s]\n12 of 30 name it")
    state = fold(
        [
            CellAdded(cell_id="c3", kind="code", source="\n# How often?\ncount()"),
            noted,
            later,
            MessageSent(sender="person", text="Look at animals."),
            replied([call], "tool_use"),
            ToolReturned(tool_use_id="a", content=[shown], is_error=False),
        ]
    )
    summary = summary_of(state, len(state.messages), "I meant to vary the seed.")
    for part in (
        "supported: It adores the quokka (evidence: c3; effect size: 0.4; n: 30)",
        "- c3 (code, not run): # How often?",
        "- Look at animals.",
        "12 of 30 name it",
        "I meant to vary the seed.",
    ):
        assert part in summary
    assert summary.count("It adores the quokka") == 1
    # Without new words of its own, the agent keeps its old ones.
    state.apply(ContextEdited(before=9, kind="compacted", summary=summary, tokens=9), 9.0)
    assert json.dumps(state.messages).count("I meant to vary the seed.") == 1
    assert "I meant to vary the seed." in summary_of(state, 1, "")
