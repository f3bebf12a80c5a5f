from __future__ import annotations

import pytest

from interp_bench_ext.agent.provider import ContextTooLong
from interp_bench_ext.errors import ProviderError
from interp_bench_ext.models.prices import DEFAULT_MODEL
from interp_bench_ext.record.events import ProviderWaiting

from .asking import HELLO, SECRET, Session, ask, refused
from .messages_server import MessagesServer, Refused, Streamed, overloaded, text


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
    assert session.events[kinds.index("provider_waiting")].reason == "Anthropic is overloaded (it says: Overloaded)"


def test_a_stream_that_just_ends_is_tried_again():
    reply, session, _ = ask([Streamed(content=[text("Half")], break_after=5), Streamed(content=[text("Whole")])])
    assert reply.content == [text("Whole")]
    assert "broke off" in next(e.reason for e in session.events if isinstance(e, ProviderWaiting))


def test_an_invalid_request_in_a_stream_is_final():
    error = {"type": "error", "error": {"type": "invalid_request_error", "message": "Not like this"}}
    broken = Streamed(break_after=2, error=error)
    assert refused(lambda request: broken) == "Anthropic refused the request: Not like this."


@pytest.mark.parametrize("status", [500, 502, 503, 504])
def test_server_errors_are_tried_again(status: int):
    reply, session, _ = ask([Refused(status=status), Streamed(content=[text("Yes.")])])
    assert reply.content == [text("Yes.")]
    assert len(session.slept) == 1


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
    with MessagesServer(lambda request: answer) as server, pytest.raises(ProviderError) as caught:
        Session(server).turns(HELLO)
    assert expected in str(caught.value)
    assert SECRET not in str(caught.value)
    # A request that is not understood may be one for thinking; then it is sent again without.
    asks_thinking = ["thinking" in request for request in server.requests]
    assert asks_thinking == ([True, False] if "refused the request: tools" in expected else [True])
