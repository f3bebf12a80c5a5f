from __future__ import annotations

import asyncio
import email.utils
import re
import time
from collections.abc import Awaitable
from typing import Any

import pytest

from interp_bench_ext.agent.anthropic import AnthropicProvider
from interp_bench_ext.agent.provider import Prompt, Reply
from interp_bench_ext.agent.retry import RetryPolicy
from interp_bench_ext.errors import ProviderError
from interp_bench_ext.models.key import Key
from interp_bench_ext.record.events import Event, ProviderWaiting

from .asking import HELLO, SECRET, TOOLS, Session, ask, refused
from .messages_server import MessagesServer, Refused, Streamed, text


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
    assert session.events[0] == ProviderWaiting(
        reason="Anthropic's rate limit is reached (it says: Try again)", wait_s=session.slept[0]
    )


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
        r"Anthropic is overloaded \(it says: Try again\), and \d\d attempts did not get through: resume the run .*\.",
        message,
    )


def test_a_wait_beyond_reason_ends_the_run():
    message = refused([Refused(status=429, headers={"retry-after": "7200"})])
    assert (
        message
        == "Anthropic's rate limit is reached (it says: Try again) and asks to wait 120 minutes: resume the run then."
    )


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


def test_cancelling_stops_the_wait():
    async def run(server: MessagesServer) -> None:
        provider = AnthropicProvider(key=Key(auth_token=SECRET), base_url=server.url)
        first = asyncio.Event()

        def emit(event: Event) -> None:
            waiting.append(event)
            first.set()

        def attempt() -> Awaitable[Reply]:
            return provider.reply(Prompt(system="s", messages=HELLO, tools=TOOLS), max_tokens=9, emit=emit)

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
