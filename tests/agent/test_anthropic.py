from __future__ import annotations

import asyncio
import copy
import email.utils
import json
import pickle
import re
import time
from collections.abc import Awaitable
from typing import Any

import pytest

from interp_bench_ext.agent.anthropic import AnthropicProvider, make_provider
from interp_bench_ext.agent.provider import MALFORMED_INPUT, ContextTooLong, Reply, ToolSpec
from interp_bench_ext.agent.retry import RetryPolicy
from interp_bench_ext.errors import BadInput, ProviderError
from interp_bench_ext.models.key import Key
from interp_bench_ext.models.prices import DEFAULT_MODEL, Price, load_prices, price_of
from interp_bench_ext.models.usage import Usage
from interp_bench_ext.record.events import AgentDelta, Event, ProviderWaiting

from .messages_server import MessagesServer, Refused, Script, Streamed, overloaded, text, thinking, tool_use

SECRET = "sk-ant-test-0123456789"
TOOLS = [
    ToolSpec(name="add_cell", description="Adds a cell.", input_schema={"type": "object", "properties": {}}),
    ToolSpec(name="run_cell", description="Runs a cell.", input_schema={"type": "object", "properties": {}}),
]
PIXEL = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
HELLO = [{"role": "user", "content": "Begin."}]


class Session:
    """One provider against one server, without real waiting."""

    def __init__(
        self,
        server: MessagesServer,
        *,
        model: str = DEFAULT_MODEL,
        retry: RetryPolicy | None = None,
        reply_limit_s: float = 60,
        reached: bool = True,
    ) -> None:
        self.events: list[Event] = []
        self.slept: list[float] = []
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("ANTHROPIC_BASE_URL", server.url)
            self.provider = AnthropicProvider(
                key=Key(api_key=SECRET),
                model=model,
                prices=load_prices(),
                retry=retry,
                sleep=self._sleep,
                reply_limit_s=reply_limit_s,
            )
        self.reached = reached

    async def _sleep(self, seconds: float) -> None:
        self.slept.append(seconds)

    def turns(self, *conversations: list[dict[str, Any]]) -> list[Reply]:
        async def run() -> list[Reply]:
            try:
                return [await self._reply(messages) for messages in conversations]
            finally:
                await self.provider.aclose()

        return asyncio.run(run())

    async def _reply(self, messages: list[dict[str, Any]]) -> Reply:
        return await self.provider.patience.insist(
            lambda: self.provider.reply(
                system="You investigate.", messages=messages, tools=TOOLS, max_tokens=500, emit=self.events.append
            ),
            emit=self.events.append,
            reached=self.reached,
        )


def ask(script: Script, **options: Any) -> tuple[Reply, Session, MessagesServer]:
    with MessagesServer(script) as server:
        session = Session(server, **options)
        return session.turns(HELLO)[0], session, server


def refused(script: Script, **options: Any) -> str:
    with MessagesServer(script) as server, pytest.raises(ProviderError) as caught:
        Session(server, **options).turns(HELLO)
    assert SECRET not in str(caught.value)
    assert "\n" not in str(caught.value)
    return str(caught.value)


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


@pytest.mark.parametrize(
    "answer",
    [
        Refused(status=400, type="invalid_request_error", message="prompt is too long: 208310 tokens > 200000 maximum"),
        Refused(status=400, message="input length and `max_tokens` exceed context limit: 199000 + 16000 > 200000"),
        Refused(status=413, type="request_too_large", message="Request exceeds the maximum size"),
    ],
)
def test_a_conversation_that_is_too_long_can_be_told_from_other_refusals(answer: Refused):
    with MessagesServer([answer]) as server, pytest.raises(ContextTooLong, match="no longer fits"):
        Session(server).turns(HELLO)
    assert len(server.requests) == 1


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


@pytest.mark.parametrize(
    ("headers", "low", "high"),
    [
        ({"retry-after": "3"}, 3, 4),
        ({"retry-after-ms": "250", "retry-after": "9"}, 0.25, 0.5),
        ({"retry-after": "soon"}, 0.5, 1),
        ({}, 0.5, 1),
    ],
)
def test_a_rate_limit_waits_as_long_as_the_server_asks(headers: dict[str, str], low: float, high: float):
    limited = Refused(status=429, type="rate_limit_error", headers=headers)
    reply, session, _ = ask([limited, Streamed(content=[text("Yes.")])])
    assert reply.content == [text("Yes.")]
    assert len(session.slept) == 1
    assert low <= session.slept[0] <= high
    assert session.events[0] == ProviderWaiting(reason="Anthropic's rate limit is reached", wait_s=session.slept[0])


def test_a_date_as_retry_after():
    at = email.utils.formatdate(time.time() + 30, usegmt=True)
    _, session, _ = ask([Refused(status=429, headers={"retry-after": at}), Streamed()])
    assert 25 <= session.slept[0] <= 31


def test_back_off_grows_and_is_bounded():
    policy = RetryPolicy(first_s=1, longest_s=20)
    assert [policy.wait_s(n, None, draw=0) for n in range(1, 8)] == [0.5, 1, 2, 4, 8, 10, 10]
    assert policy.wait_s(3, None, draw=0.999) < 4
    assert policy.wait_s(5000, None, draw=0) == 10


@pytest.mark.parametrize("status", [429, 500, 503, 529])
def test_an_outage_of_half_an_hour_is_bridged(status: int):
    waited = 0.0

    def script(request: dict[str, Any]) -> Streamed | Refused:
        return Refused(status=status) if sum(session.slept) < 1800 else Streamed(content=[text("Back.")])

    with MessagesServer(script) as server:
        session = Session(server)
        assert session.turns(HELLO)[0].content == [text("Back.")]
    waited = sum(session.slept)
    assert 1800 <= waited <= 1900
    assert waited == pytest.approx(sum(e.wait_s for e in session.events if isinstance(e, ProviderWaiting)))


def test_an_outage_without_end_ends_the_run():
    message = refused(lambda request: Refused(status=529, type="overloaded_error"))
    assert re.fullmatch(
        r"Anthropic is overloaded, and \d\d attempts did not get through: resume the run later\.", message
    )


def test_a_wait_beyond_reason_ends_the_run():
    message = refused([Refused(status=429, headers={"retry-after": "7200"})])
    assert message == "Anthropic's rate limit is reached and asks to wait 120 minutes: resume the run then."


def test_a_monthly_limit_is_not_waited_for():
    spent = Refused(
        status=429,
        type="rate_limit_error",
        message="You have reached your API usage limits: you will regain access on 2026-12-01.",
        details={"error_code": "enforced_spend_limit_reached"},
    )
    with MessagesServer([spent]) as server, pytest.raises(ProviderError, match="for want of credit; resume the run"):
        Session(server).turns(HELLO)
    assert len(server.requests) == 1


def test_a_failed_attempt_is_paid_for_as_well():
    broken = Streamed(
        content=[text("Half")], usage={"input_tokens": 900, "output_tokens": 4}, break_after=5, error=overloaded()
    )
    _, session, _ = ask([broken, Streamed(content=[text("Whole")])])
    waiting = next(event for event in session.events if isinstance(event, ProviderWaiting))
    assert (waiting.input_tokens, waiting.output_tokens) == (900, 4)
    assert waiting.cost_usd == pytest.approx((900 * 4 + 4 * 20) / 1e6)


def test_a_reply_that_only_pings_is_cut_off():
    endless = Streamed(content=[text("Well")], forever={"type": "ping"}, pace_s=0.001)
    reply, session, _ = ask([endless, Streamed(content=[text("Done.")])], reply_limit_s=0.5)
    assert reply.content == [text("Done.")]
    reason = next(event.reason for event in session.events if isinstance(event, ProviderWaiting))
    assert reason.startswith("Anthropic sent a reply that did not end within")


def test_a_reply_without_end_is_cut_off():
    more = {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "and on " * 200}}
    endless = Streamed(content=[text("On")], forever=more)
    assert "longer than it was asked for" in refused([endless])


def test_an_error_in_the_middle_of_a_stream_is_tried_again():
    broken = Streamed(content=[text("Half of a sentence")], break_after=6, error=overloaded())
    reply, session, _ = ask([broken, Streamed(content=[text("A whole sentence.")])])
    assert reply.content == [text("A whole sentence.")]
    kinds = [event.type for event in session.events]
    assert kinds.index("provider_waiting") > kinds.index("agent_delta")
    assert session.events[kinds.index("provider_waiting")].reason == "Anthropic is overloaded"


def test_a_stream_that_just_ends_is_tried_again():
    reply, session, _ = ask([Streamed(content=[text("Half")], break_after=5), Streamed(content=[text("Whole")])])
    assert reply.content == [text("Whole")]
    assert "broke off" in next(e.reason for e in session.events if isinstance(e, ProviderWaiting))


def test_an_invalid_request_in_a_stream_is_final():
    error = {"type": "error", "error": {"type": "invalid_request_error", "message": "Not like this"}}
    assert refused([Streamed(break_after=2, error=error)]) == "Anthropic refused the request: Not like this."


@pytest.mark.parametrize("status", [500, 502, 503, 504])
def test_server_errors_are_tried_again(status: int):
    reply, session, _ = ask([Refused(status=status), Streamed(content=[text("Yes.")])])
    assert reply.content == [text("Yes.")]
    assert len(session.slept) == 1


def test_an_unreachable_server():
    with MessagesServer([]) as server:
        pass
    session = Session(server, reached=False)
    with pytest.raises(ProviderError, match=r"cannot be reached, and \d attempts did not get through"):
        session.turns(HELLO)
    assert sum(session.slept) <= RetryPolicy().unreached_s
    patient = Session(server)
    with pytest.raises(ProviderError, match="cannot be reached"):
        patient.turns(HELLO)
    assert 1800 <= sum(patient.slept) <= RetryPolicy().patience_s


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (Refused(status=401, message=f"invalid x-api-key {SECRET}"), "did not accept the key"),
        (Refused(status=402, message="No credit"), "for want of credit; resume the run once there is some: No credit."),
        (
            Refused(status=400, message="Your credit balance is too low to access the Anthropic API."),
            "for want of credit; resume the run once there is some: Your credit balance is too low",
        ),
        (
            Refused(status=400, message="You have reached your specified API usage limits."),
            "for want of credit",
        ),
        (Refused(status=403, message=f"not for {SECRET}"), f"may not use {DEFAULT_MODEL}: not for …."),
        (
            Refused(status=404, message="model: nope"),
            f"does not know the model '{DEFAULT_MODEL}': model: nope.",
        ),
        (Refused(status=400, message="tools.0:\n no"), "refused the request: tools.0: no."),
        (
            Refused(status=429, message="Spend limit reached", headers={"x-should-retry": "false"}),
            "Spend limit",
        ),
    ],
)
def test_final_errors_are_one_sentence_without_the_key(answer: Refused, expected: str):
    with MessagesServer([answer]) as server, pytest.raises(ProviderError) as caught:
        Session(server).turns(HELLO)
    assert expected in str(caught.value)
    assert SECRET not in str(caught.value)
    assert len(server.requests) == 1


def test_cancelling_stops_the_wait():
    async def run(server: MessagesServer) -> None:
        provider = AnthropicProvider(key=Key(auth_token=SECRET), base_url=server.url)
        first = asyncio.Event()

        def emit(event: Event) -> None:
            waiting.append(event)
            first.set()

        def attempt() -> Awaitable[Reply]:
            return provider.reply(system="s", messages=HELLO, tools=TOOLS, max_tokens=9, emit=emit)

        task = asyncio.create_task(provider.patience.insist(attempt, emit=emit))
        await first.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await provider.aclose()

    waiting: list[Event] = []
    with MessagesServer([Refused(status=429, headers={"retry-after": "60"})]) as server:
        asyncio.run(run(server))
    assert waiting[0].type == "provider_waiting"


def test_a_script_may_answer_by_what_was_asked():
    def script(request: dict[str, Any]) -> Streamed:
        return Streamed(content=[text(request["messages"][-1]["content"][-1]["text"].upper())])

    assert ask(script)[0].content == [text("BEGIN.")]


def test_the_key_leaves_the_environment_and_prints_as_nothing():
    environ = {"ANTHROPIC_API_KEY": SECRET, "ANTHROPIC_AUTH_TOKEN": "token-1", "HOME": "/"}
    key = Key.from_environment(environ)
    assert environ == {"HOME": "/"}
    assert SECRET not in repr(key)
    assert SECRET not in repr(AnthropicProvider(key=key))
    with pytest.raises(TypeError):
        pickle.dumps(key)
    assert Key.from_environment(environ) is None
    assert isinstance(Key.from_environment({"ANTHROPIC_AUTH_TOKEN": "token-1"}), Key)


def test_make_provider_takes_key_and_address_from_the_environment(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delenv("ANTHROPIC_AUTH_TOKEN", raising=False)
    monkeypatch.setenv("ANTHROPIC_API_KEY", SECRET)
    with MessagesServer([Streamed(content=[text("Yes.")])]) as server:
        monkeypatch.setenv("ANTHROPIC_BASE_URL", server.url)

        async def run() -> Reply:
            provider = make_provider(model="claude-opus-5-5")
            reply = await provider.reply(system="s", messages=HELLO, tools=[], max_tokens=5, emit=lambda _: None)
            await provider.aclose()
            return reply

        assert asyncio.run(run()).content == [text("Yes.")]
    assert "tools" not in server.requests[0]
    with pytest.raises(BadInput, match="needs a key: set ANTHROPIC_API_KEY, or run with --agent playbook"):
        make_provider(model="claude-opus-5-5")


def test_the_shipped_prices_know_the_default_model_and_dated_names():
    prices = load_prices()
    million = Usage(input_tokens=1_000_000)
    assert DEFAULT_MODEL in prices
    assert price_of(prices, "claude-haiku-4-5-20251001").of(million) == 1
    assert price_of(prices, "claude-haiku-5-5").of(million) == 0.5
    assert price_of(prices, "claude-haiku-5-5").of(Usage(input_tokens=100_000)) == pytest.approx(0.01)
    assert all(price.cache_read < price.input < price.output for price in prices.values())


def test_a_users_prices_win(tmp_path):
    own = tmp_path / "prices.json"
    own.write_text('{"my-model": {"input": 1, "output": 2, "cache_read": 0, "cache_write": 0}}')
    prices = load_prices(own)
    assert prices["my-model"] == Price(input=1, output=2, cache_read=0, cache_write=0)
    assert DEFAULT_MODEL in prices
    own.write_text('{"my-model": {"input": "much"}}')
    with pytest.raises(BadInput, match=r"prices\.json: not a table of prices: my-model\.input.*in dollars per million"):
        load_prices(own)
