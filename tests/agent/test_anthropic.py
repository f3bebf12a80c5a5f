from __future__ import annotations

import asyncio
import copy
import json
from typing import Any

import pytest

from interp_bench_ext.agent.anthropic import AnthropicProvider
from interp_bench_ext.agent.provider import MALFORMED_INPUT, Prompt, Reply
from interp_bench_ext.agent.request_body import RequestBodies
from interp_bench_ext.errors import BadInput, ProviderError
from interp_bench_ext.models.prices import DEFAULT_MODEL
from interp_bench_ext.models.usage import Usage
from interp_bench_ext.record.events import AgentDelta

from .asking import HELLO, SECRET, TOOLS, Session, ask
from .messages_server import MessagesServer, Streamed, text, thinking, tool_use

PIXEL = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="


def test_streams_text_and_thinking_and_returns_the_whole_turn():
    content = [thinking("Start with a control."), text("I begin."), tool_use("add_cell", {"source": "1 + 1"})]
    reply, session, server = ask([Streamed(content=content, stop_reason="tool_use")])
    assert reply.content == content
    assert reply.stop_reason == "tool_use"
    deltas = [event for event in session.events if isinstance(event, AgentDelta)]
    assert "".join(d.text for d in deltas if d.kind == "thinking") == "Start with a control."
    assert "".join(d.text for d in deltas if d.kind == "text") == "I begin."
    assert len(deltas) > 3
    request = server.requests[0]
    assert request["model"] == DEFAULT_MODEL
    assert request["max_tokens"] == 500
    assert request["thinking"]["type"] == "adaptive"
    assert request["thinking"]["display"] == "summarized"
    assert "temperature" not in request
    assert "tool_choice" not in request
    assert SECRET in str(server.headers[0])


def test_each_turn_is_sent_as_the_request_has_it_with_whatever_is_in_its_text():
    odd = 'a "quote", a \\ and \n\u2028, é, 語, \U0001f98a, </script>'
    longer = [*HELLO, {"role": "assistant", "content": [text(odd)]}, {"role": "user", "content": [text("Go on.")]}]
    last = [*longer, {"role": "assistant", "content": [text("3")]}, {"role": "user", "content": [text(odd)]}]
    with MessagesServer([Streamed(content=[text("Yes.")])] * 4) as server:
        Session(server).turns(HELLO, longer, last, longer)
        requests = server.requests
    for asked, request in zip((HELLO, longer, last, longer), requests, strict=True):
        prompt = Prompt(system="You investigate.", messages=asked, tools=TOOLS)
        thought = request["thinking"]
        wanted = RequestBodies().body(DEFAULT_MODEL, prompt, max_tokens=500, thinking=thought)
        assert {name: value for name, value in wanted.items() if name != "extra_headers"} == {
            name: value for name, value in request.items() if name != "stream"
        }


def test_an_older_model_is_not_asked_for_adaptive_thinking():
    _, _, server = ask([Streamed(content=[text("Yes.")])], model="claude-haiku-4-5-20251001")
    assert "thinking" not in server.requests[0]


def test_thinking_and_images_go_back_unchanged_and_the_conversation_is_not_mutated():
    first = Streamed(content=[thinking("Look."), tool_use("run_cell", {"id": "c1"})], stop_reason="tool_use")
    image = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": PIXEL}}
    result = {"type": "tool_result", "tool_use_id": "toolu_1", "content": [text("2"), image]}
    with MessagesServer([first, Streamed(content=[text("Done.")])]) as server:
        session = Session(server)
        reply = session.turns(HELLO)[0]
        conversation = [
            *HELLO,
            {"role": "assistant", "content": reply.content},
            {"role": "user", "content": [result]},
        ]
        before = copy.deepcopy(conversation)
        session = Session(server)
        assert session.turns(conversation)[0].content == [text("Done.")]
    assert conversation == before
    sent = server.requests[1]["messages"]
    assert sent[1]["content"] == first.content
    assert sent[2]["content"][0]["content"] == [text("2"), image]


def test_the_server_notices_an_altered_thinking_block():
    altered = {**thinking("Look."), "thinking": "Look away."}
    with MessagesServer([Streamed()]) as server, pytest.raises(ProviderError, match="was modified"):
        Session(server).turns([*HELLO, {"role": "assistant", "content": [altered]}, *HELLO])


def test_cached_prefixes_are_the_same_from_request_to_request():
    call = Streamed(content=[tool_use("run_cell", {})], stop_reason="tool_use")
    result = [{"type": "tool_result", "tool_use_id": "toolu_1", "content": "2"}]
    answered = [*HELLO, {"role": "assistant", "content": call.content}, {"role": "user", "content": result}]
    with MessagesServer([call, Streamed(content=[text("Done.")])]) as server:
        Session(server).turns(HELLO, answered)
    first, second = server.requests
    assert first["tools"] == second["tools"]
    assert first["system"] == second["system"]
    assert first["messages"] == second["messages"][:1]
    marks = [json.dumps(request).count("cache_control") for request in (first, second)]
    assert marks == [3, 4]
    assert "cache_control" in first["tools"][-1]
    assert "cache_control" not in first["tools"][0]
    assert "cache_control" in second["messages"][-1]["content"][-1]


@pytest.mark.parametrize("arguments", ['{"source": "1 +', "[1, 2]", "not json"])
def test_malformed_tool_arguments_are_handed_on_as_such(arguments: str):
    call = tool_use("add_cell", arguments)
    reply, _, _ = ask([Streamed(content=[call], stop_reason="tool_use")])
    assert reply.content == [{**call, "input": {MALFORMED_INPUT: arguments}}]


def test_a_call_without_arguments_is_an_empty_object():
    reply, _, _ = ask([Streamed(content=[tool_use("add_cell", "")], stop_reason="tool_use")])
    assert reply.content[0]["input"] == {}


@pytest.mark.parametrize(
    ("given", "mapped"),
    [
        *((r, r) for r in ("end_turn", "tool_use", "max_tokens", "refusal", "pause_turn")),
        ("model_context_window_exceeded", "model_context_window_exceeded"),
        ("stop_sequence", "end_turn"),
    ],
)
def test_stop_reasons(given: str, mapped: str):
    reply, _, _ = ask([Streamed(content=[text("So far")], stop_reason=given)])
    assert reply.stop_reason == mapped


@pytest.mark.parametrize("blank", ["", "\n\n", "\u200b"])
def test_blank_text_is_left_out(blank: str):
    call = tool_use("run_cell", {})
    assert ask([Streamed(content=[text(blank), call], stop_reason="tool_use")])[0].content == [call]


def test_a_refusal_may_have_no_content():
    reply, _, _ = ask([Streamed(stop_reason="refusal")])
    assert (reply.content, reply.stop_reason) == ([], "refusal")


def test_usage_and_cost():
    usage = {"input_tokens": 100, "cache_read_input_tokens": 2000, "cache_creation_input_tokens": 300}
    reply, _, _ = ask(
        [Streamed(content=[text("Yes.")], usage=usage, final_usage={"output_tokens": 40})],
        model="claude-opus-5-5",
    )
    assert reply.usage == Usage(input_tokens=100, output_tokens=40, cache_read_tokens=2000, cache_write_tokens=300)
    assert reply.cost_usd == pytest.approx((100 * 4 + 40 * 20 + 2000 * 0.2 + 300 * 5) / 1e6)


def test_later_usage_replaces_earlier_usage():
    reply, _, _ = ask([Streamed(usage={"input_tokens": 5}, final_usage={"input_tokens": 7, "output_tokens": 3})])
    assert (reply.usage.input_tokens, reply.usage.output_tokens) == (7, 3)


def test_an_unknown_model_has_no_cost():
    reply, _, _ = ask([Streamed(content=[text("Yes.")])], model="somebody-elses-model")
    assert reply.cost_usd is None


def test_a_script_may_answer_by_what_was_asked():
    def script(request: dict[str, Any]) -> Streamed:
        return Streamed(content=[text(request["messages"][-1]["content"][-1]["text"].upper())])

    assert ask(script)[0].content == [text("BEGIN.")]


def test_the_provider_takes_key_and_address_from_the_environment(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delenv("ANTHROPIC_AUTH_TOKEN", raising=False)
    monkeypatch.setenv("ANTHROPIC_API_KEY", SECRET)
    with MessagesServer([Streamed(content=[text("Yes.")])]) as server:
        monkeypatch.setenv("ANTHROPIC_BASE_URL", server.url)

        async def run() -> Reply:
            provider = AnthropicProvider(model="claude-opus-5-5")
            prompt = Prompt(system="s", messages=HELLO)
            reply = await provider.reply(prompt, max_tokens=5, emit=lambda _: None)
            await provider.aclose()
            return reply

        assert asyncio.run(run()).content == [text("Yes.")]
    assert "tools" not in server.requests[0]
    with pytest.raises(BadInput, match="needs a key: set ANTHROPIC_API_KEY, or run with --agent playbook"):
        AnthropicProvider(model="claude-opus-5-5")
