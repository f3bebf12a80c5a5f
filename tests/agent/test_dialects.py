"""Servers that speak the Messages API in their own way: what each of them refuses, leaves out and says."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from interp_bench_ext.addresses import messages_root
from interp_bench_ext.agent.anthropic import AnthropicProvider
from interp_bench_ext.agent.provider import ContextTooLong, Prompt
from interp_bench_ext.config import AgentSection
from interp_bench_ext.errors import ProviderError
from interp_bench_ext.models.key import Key
from interp_bench_ext.record.events import AgentReplied, ContextEdited

from .asking import Session, refused
from .desk import again
from .dialects import DIALECTS, MODEL, asked_of, lacks, spoken
from .looping import Script, run_loop, working
from .messages_server import MessagesServer, Raw, Refused, Streamed, text, thinking, tool_use


@pytest.mark.parametrize("name", DIALECTS)
def test_a_run_goes_on_where_a_server_differs(tmp_path: Path, name: str) -> None:
    """It thinks where it may, outlives an overflow, is limited, and says what its server does not do."""
    dialect = DIALECTS[name]
    script = Script(60, working, answers={6: [dialect.overflow]})
    with MessagesServer(spoken(dialect, script), counts=dialect.counts) as server:
        run = run_loop(tmp_path, server, model=MODEL, max_tokens=150_000)
    assert str(run.error).startswith("the budget of 150,000 tokens has too little left for another step"), run.error
    assert run.slept == []
    assert [edit.kind for edit in run.desk.events if isinstance(edit, ContextEdited)] == ["compacted"]
    assert set(lacks(list(run.desk.events))) == dialect.lacks
    asked = [request for request in server.requests if "thinking" in request]
    assert len(asked) == (1 if dialect.refuses_thinking else len(server.requests))
    assert 100_000 < run.desk.state.figures.tokens <= 150_000
    assert run.desk.state.figures.estimated is bool(dialect.usage)
    # Counting is tried once where it fails.
    assert len(server.counted) == 1 or dialect.counts is True


@pytest.mark.parametrize("name", DIALECTS)
@pytest.mark.parametrize("status", [None, 500])
def test_an_overflow_is_recognised(name: str, status: int | None) -> None:
    overflow = DIALECTS[name].overflow
    raw = Raw(status or overflow.status, overflow.body)
    with MessagesServer(lambda request: raw) as server, pytest.raises(ContextTooLong):
        asked_of(server)
    assert len(server.requests) == 1


def test_an_overflow_within_a_stream_is_recognised() -> None:
    error = {"type": "error", "error": {"type": "api_error", "message": "maximum context length is 8192 tokens"}}
    with MessagesServer([Streamed(break_after=1, error=error)]) as server, pytest.raises(ContextTooLong):
        asked_of(server)


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (Raw(403, {"detail": "not your model"}), "This key may not use qwen3-coder: not your model."),
        (Raw(401, "token expired"), "did not accept the key: check ANTHROPIC_AUTH_TOKEN. It says: token expired."),
        (Raw(402, {"message": "pay first"}), "for want of credit; resume the run once there is some: pay first."),
        (Raw(404, {"error": "model 'qwen3-coder' not found"}), "does not know the model 'qwen3-coder': model"),
        (Raw(404, "404 page not found"), "or has no Messages API there: 404 page not found."),
        (Raw(404, ""), "or has no Messages API there: no reason given."),
        (Raw(400, {"detail": {"error": {"message": "nested"}}}), "refused the request: nested."),
        (Raw(501, {"error": "not here"}), "refused the request: not here."),
        (Raw(400, "<html><title>Bad\nRequest</title>"), "refused the request: Bad Request."),
        (Raw(200, {"error": "Unexpected endpoint"}), "refused the request: Unexpected endpoint."),
        (Raw(400, {"error": {"message": "sk-ant-0123456789 is no key"}}), "refused the request: … is no key."),
    ],
)
def test_a_servers_own_sentence_is_shown(answer: Raw, said: str) -> None:
    with MessagesServer(lambda request: answer) as server, pytest.raises(ProviderError) as caught:
        asked_of(server)
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)


def test_what_a_server_says_while_it_is_waited_for_is_shown() -> None:
    with MessagesServer([Raw(503, "model is loading"), Streamed(content=[text("Yes.")])]) as server:
        session = Session(server)
        session.turns([{"role": "user", "content": "Begin."}])
    assert [event.reason for event in session.events if event.type == "provider_waiting"] == [
        "Anthropic had an internal error (503) (it says: model is loading)"
    ]


QUOTA = {"error": {"message": "You exceeded your current quota, please check your plan.", "code": "insufficient_quota"}}


def test_a_quota_that_is_used_up_is_not_waited_for() -> None:
    said = refused(lambda request: Raw(429, QUOTA))
    assert said.endswith("for want of credit; resume the run once there is some: You exceeded your current quota,"
                         " please check your plan.")  # fmt: skip
    limited = Refused(status=429, message="You exceeded your current quota.", headers={"retry-after": "3"})
    with MessagesServer([limited, Streamed(content=[text("Yes.")])]) as server:
        session = Session(server)
        assert session.turns([{"role": "user", "content": "Begin."}])[0].content == [text("Yes.")]
    assert 3 <= session.slept[0] <= 4


@pytest.mark.parametrize("path", ["", "/", "/v1", "/v1/", "/v1/messages"])
def test_an_address_may_end_in_the_apis_version(path: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with MessagesServer(lambda request: Streamed(content=[text("Yes.")])) as server:
        section = AgentSection(base_url=server.url + path)
        assert section.base_url == server.url
        monkeypatch.setenv("ANTHROPIC_BASE_URL", server.url + path)

        async def ask() -> Any:
            provider = AnthropicProvider(key=Key(api_key="k"), model=MODEL)
            prompt = Prompt(system="s", messages=[{"role": "user", "content": [text("Begin.")]}])
            try:
                return await provider.reply(prompt, max_tokens=99, emit=lambda event: None)
            finally:
                await provider.aclose()

        assert asyncio.run(ask()).content == [text("Yes.")]
    assert messages_root("https://openrouter.ai/api/v1") == "https://openrouter.ai/api"


def test_a_server_that_ignores_stream_is_understood() -> None:
    content = [thinking("Hm."), text("I begin."), tool_use("run_cell", {"code": "1"})]
    whole = Streamed(content=content, stop_reason="tool_use", whole=True, usage={"input_tokens": 900})
    with MessagesServer([whole]) as server:
        events, [reply] = asked_of(server)
    assert reply.content == content
    assert (reply.stop_reason, reply.usage.input_tokens, reply.usage.estimated) == ("tool_use", 900, False)
    assert [event.text for event in events if event.type == "agent_delta"] == ["Hm.", "I begin."]


def test_a_stream_may_end_without_its_last_event() -> None:
    with MessagesServer([Streamed(content=[text("Yes.")], stops=False)]) as server:
        _, [reply] = asked_of(server)
    assert reply.content == [text("Yes.")]


@pytest.mark.parametrize("body", [{"content": "text"}, {"content": [{"type": "text"}]}, {"content": [7]}])
def test_an_answer_that_is_none_of_the_api_is_one_sentence(body: dict[str, Any]) -> None:
    with MessagesServer(lambda request: Raw(200, body)) as server:
        with pytest.raises(ProviderError) as caught:
            asked_of(server)
        assert str(caught.value) == f"The server at {server.url} sent an answer that is none of the Messages API."


def test_a_broken_connection_names_the_server_within_the_sentence() -> None:
    with MessagesServer([Streamed(content=[text("Half")], break_after=5)]) as server:
        with pytest.raises(ProviderError) as caught:
            asked_of(server)
        assert str(caught.value) == f"The connection to the server at {server.url} broke off."


def test_a_gateway_without_its_token_says_that_none_was_sent() -> None:
    with MessagesServer(lambda request: Refused(status=401, message="who are you?")) as server:

        async def ask() -> None:
            provider = AnthropicProvider(key=Key(api_key="sk-ant-0123456789"), model=MODEL, base_url=server.url)
            prompt = Prompt(system="s", messages=[{"role": "user", "content": [text("Begin.")]}])
            try:
                await provider.reply(prompt, max_tokens=99, emit=lambda event: None)
            finally:
                await provider.aclose()

        with pytest.raises(ProviderError) as caught:
            asyncio.run(ask())
    assert "did not accept the key: none was sent; set ANTHROPIC_AUTH_TOKEN to the one that it wants" in str(
        caught.value
    )
    assert "who are you?" in str(caught.value)
    assert "sk-ant" not in json.dumps(server.headers)


def test_what_a_server_lacks_is_remembered_when_the_run_is_resumed(tmp_path: Path) -> None:
    dialect = DIALECTS["ollama"]
    script = Script(4, working)
    with MessagesServer(spoken(dialect, script), counts=dialect.counts) as server:
        run = run_loop(tmp_path, server, model=MODEL, max_steps=2)
        run.desk.state = again(run.desk.events)
        second = run_loop(tmp_path, server, model=MODEL, desk=run.desk)
    assert second.error is None
    assert sum("thinking" in request for request in server.requests) == 1
    assert len(lacks(list(run.desk.events))) == 2
    assert {reply.estimated for reply in run.desk.events if isinstance(reply, AgentReplied)} == {True}


def test_the_configs_that_the_docs_give_are_configs() -> None:
    page = (Path(__file__).parents[2] / "docs" / "agent.md").read_text(encoding="utf-8")
    configs = [YAML(typ="safe").load(line.split("`")[-2]) for line in page.splitlines() if "`{provider:" in line]
    assert len(configs) == 6
    assert [AgentSection(**config).base_url for config in configs] == [config["base_url"] for config in configs]
