"""Servers that speak the Messages API in their own way: what each of them refuses, leaves out and says."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from interp_bench_ext.agent.anthropic import AnthropicProvider, make_provider
from interp_bench_ext.agent.provider import ContextTooLong, Prompt
from interp_bench_ext.config import AgentSection, messages_root
from interp_bench_ext.errors import ProviderError
from interp_bench_ext.models.key import Key
from interp_bench_ext.record.events import AgentReplied, ContextEdited, Event, ProviderLacks

from .asking import Session, refused
from .desk import again
from .looping import Run, Script, run_loop, working
from .messages_server import Answer, MessagesServer, Raw, Refused, Streamed, text, thinking, tool_use

MODEL = "qwen3-coder"
GATEWAY = {"type": "error", "error": {"type": "invalid_request_error"}}
LITELLM_REFUSAL = Raw(
    400,
    {
        "error": {
            "message": "litellm.UnsupportedParamsError: groq does not support parameters: ['reasoning_effort'], for"
            " model=qwen3-coder. To drop these, set `litellm.drop_params=True`",
            "type": "invalid_request_error",
            "code": "400",
        }
    },
)
FASTAPI_REFUSAL = Raw(
    422,
    {
        "detail": [
            {"loc": ["body", "thinking", "type"], "msg": "Input should be 'enabled' or 'disabled'", "type": "enum"}
        ]
    },
)


@dataclass(frozen=True, kw_only=True)
class Dialect:
    """One server, as its source has it."""

    overflow: Raw
    refuses_thinking: Raw | None = None
    counts: bool | Raw = True
    usage: dict[str, int] = field(default_factory=dict)
    """What the reply begins with; empty where it is true."""
    final_usage: dict[str, int] = field(default_factory=dict)

    @property
    def lacks(self) -> set[str]:
        """What a run that comes near a limit learns of it."""
        lacks = {"thinking"} if self.refuses_thinking else set()
        return lacks | ({"token counts"} if self.counts is not True else set()) | ({"usage"} if self.usage else set())


DIALECTS = {
    "vllm": Dialect(
        overflow=Raw(
            400,
            {
                "type": "error",
                "error": {
                    "type": "BadRequestError",
                    "message": "The decoder prompt (length 9013) is longer than the maximum model length of 8192.",
                },
            },
        ),
        counts=Raw(400, "this router does not count tokens"),
    ),
    "llama.cpp": Dialect(
        overflow=Raw(
            400,
            {
                "error": {
                    "code": 400,
                    "message": "request (9013 tokens) exceeds the available context size (8192 tokens), try"
                    " increasing it",
                    "type": "exceed_context_size_error",
                    "n_prompt_tokens": 9013,
                    "n_ctx": 8192,
                }
            },
        ),
    ),
    "ollama": Dialect(
        overflow=Raw(400, {"error": "the input length exceeds the context length"}),
        refuses_thinking=Raw(
            400,
            {**GATEWAY, "error": {"type": "invalid_request_error", "message": '"qwen3" does not support thinking'}},
        ),
        counts=Raw(404, "404 page not found"),
        usage={"input_tokens": 0, "output_tokens": 0},
        final_usage={"output_tokens": 120},
    ),
    "sglang": Dialect(
        overflow=Raw(
            400,
            {
                "object": "error",
                "message": "The input (9013 tokens) is longer than the model's context length (8192 tokens).",
                "type": "BadRequestError",
            },
        ),
        counts=Raw(405, {"detail": "Method Not Allowed"}),
    ),
    "lm studio": Dialect(
        overflow=Raw(
            400,
            {
                "error": "Trying to keep the first 9013 tokens when context the overflows. However, the model is loaded"
                " with context length of only 8192 tokens, which is not enough."
            },
        ),
        counts=Raw(200, {"error": "Unexpected endpoint or method. (POST /v1/messages/count_tokens)"}),
        usage={"input_tokens": 0, "output_tokens": 0},
        final_usage={"output_tokens": 0},
    ),
    "litellm": Dialect(
        overflow=Raw(
            400,
            {
                "error": {
                    "message": "litellm.ContextWindowExceededError: This model's maximum context length is 8192.",
                    "code": "context_length_exceeded",
                }
            },
        ),
        refuses_thinking=LITELLM_REFUSAL,
        counts=Raw(501, {"error": {"message": "not supported", "type": "not_supported_error"}}),
    ),
    "fastapi": Dialect(
        overflow=Raw(422, {"detail": "prompt too long; exceeded max context length by 821 tokens"}),
        refuses_thinking=FASTAPI_REFUSAL,
        counts=Raw(500, "Internal Server Error: NotImplementedError"),
    ),
}


def spoken(dialect: Dialect, script: Callable[[dict[str, Any]], Answer]) -> Callable[[dict[str, Any]], Answer]:
    """The script's replies as the dialect gives them."""

    def answer(request: dict[str, Any]) -> Answer:
        if dialect.refuses_thinking and "thinking" in request:
            return dialect.refuses_thinking
        said = script(request)
        if not (isinstance(said, Streamed) and dialect.usage):
            return said
        usage = {"usage": dialect.usage, "final_usage": dialect.final_usage}
        return Streamed(content=said.content, stop_reason=said.stop_reason, **usage)

    return answer


def lacks(events: list[Event]) -> dict[str, str]:
    told = [event for event in events if isinstance(event, ProviderLacks)]
    assert len({event.what for event in told}) == len(told), "each is said once"
    return {event.what: event.text for event in told}


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


def budgeted(folder: Path, usage: dict[str, int], final: dict[str, int]) -> Run:
    folder.mkdir()
    dialect = Dialect(overflow=Raw(400, ""), usage=usage, final_usage=final)
    with MessagesServer(spoken(dialect, Script(30, working))) as server:
        return run_loop(folder, server, model=MODEL, max_tokens=60_000)


def test_budgets_bind_by_own_count_where_the_server_does_not_say(tmp_path: Path) -> None:
    counted = budgeted(tmp_path / "true", {}, {})
    missing = budgeted(tmp_path / "none", {"input_tokens": 0}, {"output_tokens": 0})
    assert counted.desk.state.figures.estimated is False
    figures = missing.desk.state.figures
    assert figures.estimated is True
    assert 2 <= len(missing.replies) <= len(counted.replies)
    assert figures.input_tokens / len(missing.replies) < 2 * counted.desk.state.figures.input_tokens / len(
        counted.replies
    )
    [meter] = [meter for meter in figures.meters() if meter.budget.name == "tokens"]
    assert meter.text == f"about {figures.tokens:,} of 60,000"
    assert again(missing.desk.events).figures.meters() == figures.meters()


def test_a_zero_at_the_end_does_not_undo_a_true_count(tmp_path: Path) -> None:
    run = budgeted(tmp_path / "a", {"input_tokens": 9_000}, {"input_tokens": 0, "output_tokens": 20})
    assert {(reply.input_tokens, reply.estimated) for reply in run.replies} == {(9_000, False)}
    assert str(run.error).startswith("the budget of 60,000 tokens")


@pytest.mark.parametrize(
    "answer",
    [
        Raw(404, "404 page not found"),
        Raw(200, {"error": "Unexpected endpoint or method. (POST /v1/messages/count_tokens)"}),
        Raw(200, "not JSON"),
        Raw(200, {"input_tokens": 0}),
        Raw(400, "doesn't support counting tokens"),
        Raw(401, {"error": {"message": "no key"}}),
        Raw(405, {"detail": "Method Not Allowed"}),
        Raw(422, {"detail": "no"}),
        Raw(500, "NotImplementedError"),
        Raw(501, {"error": {"type": "not_supported_error"}}),
        Raw(502, "<html><head><title>502 Bad Gateway</title></head></html>", "text/html"),
    ],
)
def test_whatever_counting_answers_it_ends_nothing(answer: Raw) -> None:
    events: list[Event] = []

    async def count(server: MessagesServer) -> list[int | None]:
        provider = make_provider(model=MODEL, key=Key(auth_token="t"), base_url=server.url)
        prompt = Prompt(system="s", messages=[{"role": "user", "content": [text("Begin.")]}])
        counted = [await provider.count_tokens(prompt, emit=events.append) for _ in range(3)]
        await provider.aclose()
        return counted

    with MessagesServer([], counts=answer) as server:
        assert asyncio.run(count(server)) == [None, None, None]
    assert len(server.counted) == 1
    assert list(lacks(events)) == ["token counts"]


def test_a_busy_moment_is_no_lack() -> None:
    events: list[Event] = []

    async def count(server: MessagesServer) -> list[int | None]:
        provider = make_provider(model=MODEL, key=Key(auth_token="t"), base_url=server.url)
        prompt = Prompt(system="s", messages=[{"role": "user", "content": [text("Begin.")]}])
        counted = [await provider.count_tokens(prompt, emit=events.append) for _ in range(2)]
        await provider.aclose()
        return counted

    with MessagesServer([], counts=Raw(429, {"error": {"message": "slow down"}})) as server:
        assert asyncio.run(count(server)) == [None, None]
    assert len(server.counted) == 2
    assert events == []


def asked_of(server: MessagesServer, times: int = 1, **options: Any) -> tuple[list[Event], list[Any]]:
    """The events and replies of a run's first requests."""
    events: list[Event] = []

    async def ask() -> list[Any]:
        provider = AnthropicProvider(key=Key(auth_token="t"), model=MODEL, base_url=server.url, **options)
        prompt = Prompt(system="s", messages=[{"role": "user", "content": [text("Begin.")]}])
        try:
            return [await provider.reply(prompt, max_tokens=5_000, emit=events.append) for _ in range(times)]
        finally:
            await provider.aclose()

    return events, asyncio.run(ask())


@pytest.mark.parametrize(
    ("how", "sent"),
    [
        ("auto", {"type": "adaptive", "display": "summarized"}),
        ("adaptive", {"type": "adaptive", "display": "summarized"}),
        ("enabled", {"type": "enabled", "budget_tokens": 2_500}),
        ("off", None),
    ],
)
def test_what_the_config_says_of_thinking_is_what_is_asked(how: Any, sent: dict[str, Any] | None) -> None:
    with MessagesServer([Streamed(content=[text("Yes.")])]) as server:
        events, _ = asked_of(server, thinking=how)
    assert server.requests[0].get("thinking") == sent
    assert lacks(events) == {}


def test_a_refusal_of_thinking_is_told_in_the_servers_own_words() -> None:
    def script(request: dict[str, Any]) -> Answer:
        return FASTAPI_REFUSAL if "thinking" in request else Streamed(content=[text("Yes.")])

    with MessagesServer(script) as server:
        events, [reply] = asked_of(server)
        said = lacks(events)["thinking"]
    assert reply.content == [text("Yes.")]
    assert said == (
        f"The server at {server.url} refused the request: body.thinking.type: Input should be 'enabled' or 'disabled'."
        " It answers without thinking, which it is not asked for any more."
    )


def test_where_thinking_has_worked_a_refusal_is_about_something_else() -> None:
    answers = [Streamed(content=[thinking("Hm."), text("Yes.")]), Raw(400, "no"), Streamed(content=[text("Never.")])]
    with MessagesServer(answers) as server, pytest.raises(ProviderError, match=r"refused the request: no\.$"):
        asked_of(server, times=2)
    assert len(server.requests) == 2


def test_a_server_that_refuses_everything_is_asked_twice_and_quoted() -> None:
    with MessagesServer(lambda request: Raw(400, "no such thing")) as server:
        with pytest.raises(ProviderError, match=r"refused the request: no such thing\.$"):
            asked_of(server)
        assert len(server.requests) == 2


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
