from __future__ import annotations

import json
from typing import Any

import pytest
from anthropic.types import RawMessageStreamEvent
from pydantic import TypeAdapter

from interp_bench_ext.agent.provider import MALFORMED_INPUT
from interp_bench_ext.agent.streamed import Turn
from interp_bench_ext.errors import ProviderError
from interp_bench_ext.record.events import AgentDelta, Event

EVENT: TypeAdapter[RawMessageStreamEvent] = TypeAdapter(RawMessageStreamEvent)


def begun(**usage: int) -> dict[str, Any]:
    message = {
        "id": "m", "type": "message", "role": "assistant", "model": "claude-x", "content": [], "stop_reason": None,
        "stop_sequence": None, "usage": {"input_tokens": 0, "output_tokens": 0, **usage},
    }  # fmt: skip
    return {"type": "message_start", "message": message}


def block(index: int, content: dict[str, Any], *deltas: dict[str, Any]) -> list[dict[str, Any]]:
    return [
        {"type": "content_block_start", "index": index, "content_block": content},
        *({"type": "content_block_delta", "index": index, "delta": delta} for delta in deltas),
        {"type": "content_block_stop", "index": index},
    ]


def words(*pieces: str) -> list[dict[str, Any]]:
    return block(0, {"type": "text", "text": ""}, *({"type": "text_delta", "text": piece} for piece in pieces))


def call(*pieces: str, given: object = None) -> list[dict[str, Any]]:
    content = {"type": "tool_use", "id": "t", "name": "run_cell", "input": {} if given is None else given}
    return block(0, content, *({"type": "input_json_delta", "partial_json": piece} for piece in pieces))


def ended(**usage: int) -> dict[str, Any]:
    delta = {"stop_reason": "end_turn", "stop_sequence": None}
    return {"type": "message_delta", "delta": delta, "usage": {"output_tokens": 0, **usage}}


def turn(*events: dict[str, Any] | list[dict[str, Any]], max_tokens: int = 100) -> tuple[Turn, list[Event]]:
    emitted: list[Event] = []
    made = Turn(emitted.append, max_tokens)
    for event in events:
        for one in event if isinstance(event, list) else [event]:
            made.take(EVENT.validate_python(one))
    return made, emitted


def test_pieces_come_together_and_are_told_as_they_come():
    made, emitted = turn(begun(), words("Hel", "lo."), ended())
    assert (made.content[0]["text"], made.model, made.stop_reason) == ("Hello.", "claude-x", "end_turn")
    assert emitted == [AgentDelta(kind="text", text="Hel"), AgentDelta(kind="text", text="lo.")]


def test_thinking_keeps_its_signature():
    deltas = ({"type": "thinking_delta", "thinking": "Hm."}, {"type": "signature_delta", "signature": "s"})
    made, emitted = turn(begun(), block(0, {"type": "thinking", "thinking": "", "signature": ""}, *deltas))
    assert made.content == [{"type": "thinking", "thinking": "Hm.", "signature": "s"}]
    assert emitted == [AgentDelta(kind="thinking", text="Hm.")]


@pytest.mark.parametrize(
    ("pieces", "arguments"),
    [
        (('{"code"', ': "1"}'), {"code": "1"}),
        ((), {}),
        ((" ",), {}),
        (('{"code": "1',), {MALFORMED_INPUT: '{"code": "1'}),
        (("[1]",), {MALFORMED_INPUT: "[1]"}),
        (("x" * 3_000,), {MALFORMED_INPUT: "x" * 2_000}),
    ],
)
def test_arguments_that_are_no_json_are_something_to_be_told(pieces: tuple[str, ...], arguments: dict[str, str]):
    made, _ = turn(begun(), call(*pieces))
    assert made.content[0]["input"] == arguments


def test_arguments_that_came_whole_stand_where_no_piece_came():
    assert turn(begun(), call(given={"code": "1"}))[0].content[0]["input"] == {"code": "1"}


def test_a_reply_has_begun_with_its_first_event_and_is_complete_with_its_last():
    assert (turn()[0].begun, turn()[0].complete) == (False, False)
    half, _ = turn(begun(), words("a"))
    assert (half.begun, half.complete) == (True, False)
    assert turn(begun(), {"type": "message_stop"})[0].complete
    assert turn(begun(), ended())[0].complete


def test_counts_are_totals_and_a_later_nought_takes_nothing_away():
    made, _ = turn(
        begun(input_tokens=50, cache_read_input_tokens=7, output_tokens=1),
        ended(output_tokens=30, cache_creation_input_tokens=9),
    )
    usage = made.usage
    assert (usage.input_tokens, usage.output_tokens) == (50, 30)
    assert (usage.cache_read_tokens, usage.cache_write_tokens) == (7, 9)


def test_a_reply_that_does_not_end_is_cut_off():
    with pytest.raises(ProviderError, match="longer than it was asked for"):
        turn(begun(), words("x" * 6_400, "y"))
    assert turn(begun(), words("x" * 6_400))[0].content[0]["text"]


def test_a_message_in_one_piece_is_the_same_reply():
    emitted: list[Event] = []
    made = Turn(emitted.append, 100)
    arguments = json.dumps({"code": "1"})
    content = [{"type": "text", "text": "Hello."}, {"type": "tool_use", "id": "t", "name": "n", "input": arguments}]
    made.take_whole({"model": "m" * 300, "content": content, "stop_reason": "tool_use", "usage": {"input_tokens": 4}})
    assert made.content[1]["input"] == {"code": "1"}
    assert (made.complete, made.stop_reason, made.usage.input_tokens, len(made.model or "")) == (
        True,
        "tool_use",
        4,
        200,
    )
    assert emitted == [AgentDelta(kind="text", text="Hello.")]


def test_a_message_without_model_and_usage_counts_nothing():
    made = Turn(lambda event: None, 100)
    made.take_whole({"content": [], "usage": None})
    assert (made.model, made.usage.prompt_tokens) == (None, 0)
