from __future__ import annotations

from typing import Any

import pytest

from interp_bench_ext.agent.provider import Prompt, ToolSpec
from interp_bench_ext.agent.request_body import RequestBodies, thinking_of

TOOLS = [
    ToolSpec(name=name, description="Runs.", input_schema={"type": "object"}) for name in ("run_cell", "edit_cell")
]
MARK = {"type": "ephemeral"}


def said(role: str, *blocks: dict[str, Any]) -> dict[str, Any]:
    return {"role": role, "content": list(blocks)}


def text(words: str) -> dict[str, Any]:
    return {"type": "text", "text": words}


def body_of(*messages: dict[str, Any], tools: list[ToolSpec] = TOOLS, **options: Any) -> dict[str, Any]:
    return RequestBodies().body(
        "m", Prompt(system="You look.", messages=list(messages), tools=tools), max_tokens=9, **options
    )


def marked(body: dict[str, Any]) -> list[tuple[int, int]]:
    """Turn and block of each mark in the conversation."""
    return [
        (turn, block)
        for turn, message in enumerate(body["messages"])
        for block, content in enumerate(message["content"])
        if content.get("cache_control") == MARK
    ]


def test_tools_system_and_the_last_two_user_turns_are_marked():
    turns = [said("user", text("a"), text("b")), said("assistant", text("c"))] * 3
    body = body_of(*turns)
    assert [tool.get("cache_control") for tool in body["tools"]] == [None, MARK]
    assert body["system"] == [{**text("You look."), "cache_control": MARK}]
    assert marked(body) == [(2, 1), (4, 1)]
    assert "cache_control" not in str(turns), "the conversation itself stays as it is"


def test_a_block_that_the_cache_refuses_is_not_marked():
    body = body_of(said("user", text("a"), text(""), {"type": "thinking", "thinking": "b", "signature": "s"}))
    assert marked(body) == [(0, 0)]
    assert marked(body_of(said("user", text("")))) == []


def test_a_question_without_tools_pays_for_no_cache():
    body = body_of(said("user", text("Summarise.")), tools=[])
    assert "tools" not in body
    assert "cache_control" not in str(body)


def test_thinking_is_asked_for_as_it_was_decided():
    assert "thinking" not in body_of(said("user", text("a")))
    adaptive = {"type": "adaptive", "display": "summarized"}
    plain = body_of(said("user", text("a")), thinking=adaptive)
    assert plain["thinking"] == adaptive
    assert "extra_headers" not in plain
    bound = body_of(said("user", text("a")), thinking={**adaptive, "block_binding": {}})
    assert list(bound["extra_headers"]) == ["anthropic-beta"]


@pytest.mark.parametrize(
    ("model", "how", "max_tokens", "kind"),
    [
        ("claude-opus-4-6", "auto", 8_000, "adaptive"),
        ("claude-sonnet-4-5-20250929", "auto", 8_000, None),
        ("anthropic.claude-3-haiku-20240307-v1:0", "auto", 8_000, None),
        ("claude-sonnet-4-5", "enabled", 8_000, 4_000),
        ("claude-sonnet-4-5", "enabled", 100_000, 8_000),
        ("claude-sonnet-4-5", "enabled", 2_048, None),
        ("claude-sonnet-4-5", "enabled", 2_050, 1_025),
        ("claude-opus-4-6", "off", 8_000, None),
        ("some-model", "adaptive", 1, "adaptive"),
    ],
)
def test_thinking_is_what_model_and_reply_have_room_for(model: str, how: Any, max_tokens: int, kind: str | int | None):
    thinking = thinking_of(model, how, max_tokens)
    assert (thinking and thinking.get("budget_tokens", thinking["type"])) == kind


def test_a_model_that_binds_its_thinking_is_told_to_drop_what_no_longer_fits():
    bound = thinking_of("claude-opus-5-5", "auto", 8_000)
    assert bound is not None
    assert bound["block_binding"] == {"prefix_mismatch_behavior": "drop_block"}
    assert "block_binding" not in (thinking_of("claude-opus-5", "auto", 8_000) or {})
