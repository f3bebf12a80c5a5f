from __future__ import annotations

import asyncio
from typing import Any

import pytest

from interp_bench_ext.agent.provider import Prompt
from interp_bench_ext.agent.replay import ReplayProvider
from interp_bench_ext.errors import RecordingEnded
from interp_bench_ext.record.cell_events import CellAdded
from interp_bench_ext.record.events import AgentReplied, Event, ToolReturned


def replied(*blocks: dict[str, Any], cost: float = 0.5) -> AgentReplied:
    return AgentReplied(
        content=list(blocks),
        stop_reason="tool_use",
        input_tokens=100,
        output_tokens=10,
        cache_read_tokens=0,
        cache_write_tokens=0,
        cost_usd=cost,
    )


def call(name: str, id: str, **arguments: Any) -> dict[str, Any]:
    return {"type": "tool_use", "id": id, "name": name, "input": arguments}


def text(words: str) -> dict[str, Any]:
    return {"type": "text", "text": words}


def returned(id: str) -> ToolReturned:
    return ToolReturned(tool_use_id=id, content=[text("…")], is_error=False)


def given(provider: ReplayProvider) -> list[list[dict[str, Any]]]:
    """All replies of the provider, which must be free of charge."""

    async def next_reply() -> list[dict[str, Any]]:
        reply = await provider.reply(Prompt(system="", messages=[]), max_tokens=1, emit=lambda event: None)
        assert (reply.cost_usd, reply.usage.input_tokens, reply.usage.output_tokens) == (0.0, 0, 0)
        return reply.content

    async def all_of_them() -> list[list[dict[str, Any]]]:
        replies = [await next_reply() for _ in provider.replies[provider.given :]]
        with pytest.raises(RecordingEnded, match="run abcd ends here"):
            await next_reply()
        return replies

    return asyncio.run(all_of_them())


def test_calls_without_a_recorded_result_are_not_made_again():
    talk, both = replied(text("hm")), replied(text("a"), call("run_cell", "t1"), call("run_cell", "t2"))
    last = replied(text("b"), call("run_cell", "t3"))
    provider = ReplayProvider.of("abcd", [talk, both, returned("t1"), last])
    assert given(provider) == [[text("hm")], [text("a"), call("run_cell", "t1")]]


def test_a_replay_that_is_resumed_goes_on_where_it_was():
    events: list[Event] = [replied(text("one")), replied(text("two")), replied(text("three"))]
    provider = ReplayProvider.of("abcd", events, replay=[replied(text("one")), replied(text("two"))])
    assert given(provider) == [[text("three")]]


@pytest.mark.parametrize(
    ("arguments", "renamed"),
    [
        ({"cell_id": "c7"}, {"cell_id": "c3"}),
        ({"cell_ids": ["c7", "c9", "other"]}, {"cell_ids": ["c3", "c4", "other"]}),
        ({"findings": [{"claim": "c7", "evidence": ["c9"]}]}, {"findings": [{"claim": "c7", "evidence": ["c4"]}]}),
        ({"code": "c7", "text": "c7"}, {"code": "c7", "text": "c7"}),
    ],
)
def test_cells_are_called_what_they_are_called_in_a_notebook_of_their_own(arguments, renamed):
    added = [CellAdded(cell_id=name, kind="code", source="") for name in ("intro-x", "setup-x", "c7", "c9")]
    provider = ReplayProvider.of("abcd", [*added, replied(call("tool", "t1", **arguments)), returned("t1")])
    assert given(provider) == [[call("tool", "t1", **renamed)]]
