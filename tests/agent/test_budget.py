from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from interp_bench_ext.agent.budget import Budgets
from interp_bench_ext.agent.state import RunState
from interp_bench_ext.config import AgentSection
from interp_bench_ext.errors import BadInput, BudgetReached
from interp_bench_ext.models.prices import load_prices
from interp_bench_ext.record.events import BudgetUsed, Event, MessageSent, ProviderWaiting

from .desk import again
from .looping import Script, run_loop, working
from .messages_server import MessagesServer, Refused, Streamed, overloaded, text

PRICE = load_prices()["claude-opus-5-5"]
LIMITS: list[tuple[str, float, Callable[[RunState], float]]] = [
    ("max_tokens", 60_000, lambda state: state.figures.input_tokens + state.figures.output_tokens),
    ("max_input_tokens", 9_000, lambda state: state.figures.input_tokens - state.figures.cache_read_tokens),
    ("max_cached_tokens", 50_000, lambda state: state.figures.cache_read_tokens),
    ("max_output_tokens", 2_500, lambda state: state.figures.output_tokens),
    ("max_cost_usd", 0.11, lambda state: state.figures.cost_usd),
]


@pytest.mark.parametrize(
    ("key", "limit", "used", "counts"),
    # Without counting, the first prompt may be taken for four times as long as it is.
    [(*row, counts) for row in LIMITS for counts in (True, False) if counts or row[0] != "max_input_tokens"],
)
def test_no_budget_is_exceeded_and_little_is_left(
    tmp_path: Path, key: str, limit: float, used: Callable[[RunState], float], counts: bool
) -> None:
    with MessagesServer(Script(60, working), counts=counts) as server:
        run = run_loop(tmp_path, server, **{key: limit})
    state = run.desk.state
    assert "the budget of" in str(run.error)
    assert used(state) <= limit
    # What is left would not have held the next prompt, at the dearest rate, and a reply.
    prompt = state.measured.tokens
    next_one = {
        "max_tokens": prompt,
        "max_input_tokens": prompt,
        "max_cached_tokens": prompt,
        "max_output_tokens": 0,
        "max_cost_usd": PRICE.at_most(prompt)[0],
    }[key]
    slack = {"max_cost_usd": 0.02}.get(key, 300 if counts else 2_500)
    assert used(state) + next_one + slack >= limit
    told = [e.text for e in run.desk.events if isinstance(e, MessageSent) and e.sender == "run"]
    assert sum("Leave enough to submit" in text for text in told) == 1
    last = [event for event in run.desk.events if isinstance(event, BudgetUsed)][-1]
    assert last.used == pytest.approx(used(state), abs=1e-4)


def test_a_reply_gets_no_more_than_the_budgets_leave(tmp_path: Path) -> None:
    """The last reply is cut off at the last token, and its call is not carried out."""
    with MessagesServer(Script(30, lambda step: working(step, words=150))) as server:
        run = run_loop(tmp_path, server, max_output_tokens=4_000)
    assert run.desk.state.figures.output_tokens <= 4_000
    asked = [request["max_tokens"] for request in server.requests]
    assert asked[0] == 4_000
    left = 4_000
    for reply, tokens in zip(run.replies, asked, strict=True):
        assert tokens == left
        left -= reply.output_tokens


def test_counting_costs_no_request_until_a_budget_is_near(tmp_path: Path) -> None:
    with MessagesServer(Script(20, working)) as server:
        run = run_loop(tmp_path, server, max_tokens=1_000_000)
    assert run.error is None
    assert server.counted == []
    with MessagesServer(Script(20, working)) as server:
        (tmp_path / "b").mkdir()
        run_loop(tmp_path / "b", server, max_tokens=60_000)
    assert 0 < len(server.counted) < len(server.requests)
    counted = server.counted[0]
    assert "max_tokens" not in counted
    assert counted["tools"] == server.requests[0]["tools"]


def test_an_outage_uses_up_minutes_and_no_more(tmp_path: Path) -> None:
    busy = Refused(status=529, type="overloaded_error")
    with MessagesServer(Script(3, working, answers={1: [busy] * 99})) as server:
        run = run_loop(tmp_path, server, max_minutes=10)
    assert str(run.error) == "the budget of 10 minutes is used up"
    assert 300 < sum(run.slept) <= 600
    assert len(run.replies) == 1
    waits = [event for event in run.desk.events if isinstance(event, ProviderWaiting)]
    assert waits[0].reason.endswith("is overloaded (it says: Try again)")


def test_what_a_broken_reply_used_up_is_counted(tmp_path: Path) -> None:
    broken = Streamed(
        content=[text("Half")], usage={"input_tokens": 5_000, "output_tokens": 7}, break_after=5, error=overloaded()
    )
    with MessagesServer(Script(30, working, answers={2: [broken] * 20})) as server:
        run = run_loop(tmp_path, server, max_tokens=60_000)
    assert "the budget of 60,000 tokens" in str(run.error)
    assert 50_000 < run.desk.state.figures.input_tokens + run.desk.state.figures.output_tokens <= 60_000
    assert len(server.requests) < 20


def test_what_was_used_and_told_survives_a_resume(tmp_path: Path) -> None:
    with MessagesServer(Script(60, working)) as server:
        run = run_loop(tmp_path, server, max_tokens=60_000)
        desk, used = run.desk, run.desk.state.figures.input_tokens
        desk.state = again(desk.events)
        assert desk.state.figures.input_tokens == used
        second = run_loop(tmp_path, server, desk=desk, max_tokens=60_000)
        assert str(second.error) == str(run.error)
        assert len(second.replies) == len(run.replies)
        desk.state = again(desk.events)
        third = run_loop(tmp_path, server, desk=desk, max_tokens=80_000)
    assert desk.state.figures.input_tokens + desk.state.figures.output_tokens <= 80_000
    assert used < desk.state.figures.input_tokens
    told = [e.text for e in third.desk.events if isinstance(e, MessageSent) and "Leave enough" in e.text]
    assert [text.split()[3] for text in told] == ["60000", "80000"]


def test_money_is_not_limited_where_the_price_is_not_known(tmp_path: Path) -> None:
    with MessagesServer(Script(1, working)) as server:
        run = run_loop(tmp_path, server, model="somebody-elses-model", max_cost_usd=1.0)
        assert isinstance(run.error, BadInput)
        assert str(run.error).startswith("agent.max_cost_usd: what somebody-elses-model costs is not known")
        assert server.requests == []
        (tmp_path / "b").mkdir()
        run = run_loop(tmp_path / "b", server, model="somebody-elses-model", max_tokens=200_000)
    assert run.error is None
    assert run.desk.state.figures.cost_known is False
    assert {reply.cost_usd for reply in run.replies} == {None}


@pytest.mark.parametrize(
    ("limits", "words"),
    [
        ({"max_tokens": 2_000_000}, {"tokens": "2,000,000"}),
        ({"max_cost_usd": 2.5}, {"cost": "$2.50"}),
        ({"max_minutes": 90}, {"minutes": "90 min"}),
        ({"max_output_tokens": 50_000}, {"output tokens": "50,000"}),
    ],
)
def test_limits_are_described(limits: dict[str, Any], words: dict[str, str]) -> None:
    described = Budgets(AgentSection(**{"max_minutes": None, **limits})).described()
    assert described == {"steps": "60", **words}


def test_a_prompt_that_cannot_fit_is_not_sent() -> None:
    emitted: list[Event] = []
    budgets = Budgets(AgentSection(max_tokens=1_000, max_minutes=None))
    budgets.require(RunState(), emitted.append, 700, None)
    assert budgets.reply_tokens(RunState(), 700, None) == 300
    with pytest.raises(BudgetReached, match="the budget of 1,000 tokens has too little left for another step"):
        budgets.require(RunState(), emitted.append, 800, None)
    assert [event.type for event in emitted] == ["budget_used"]
