from __future__ import annotations

import pytest

from interp_bench_ext.agent.budget import Budgets
from interp_bench_ext.agent.state import RunState
from interp_bench_ext.config import AgentSection
from interp_bench_ext.errors import BudgetReached
from interp_bench_ext.record.cell_events import CellAdded
from interp_bench_ext.record.events import (
    AgentReplied,
    BudgetUsed,
    MessageSent,
    OrganismReady,
    OrganismUsed,
    RunEnded,
    RunResumed,
    Scored,
    StepStarted,
    ToolReturned,
)
from interp_bench_ext.record.scores import Score


def replied(*calls: str, tokens: int = 0, cost: float | None = 0.0) -> AgentReplied:
    content = [{"type": "tool_use", "id": call, "name": "run_cell", "input": {"code": "1"}} for call in calls]
    return AgentReplied(
        content=content or [{"type": "text", "text": "hm"}],
        stop_reason="tool_use",
        input_tokens=tokens,
        output_tokens=0,
        cache_read_tokens=0,
        cache_write_tokens=0,
        cost_usd=cost,
    )


def returned(call: str) -> ToolReturned:
    return ToolReturned(tool_use_id=call, content=[{"type": "text", "text": "ok"}], is_error=False)


def folded(*events) -> RunState:
    state = RunState()
    for at, event in enumerate(events):
        state.apply(event, float(at))
    return state


def test_tool_results_lead_the_user_turn():
    state = folded(replied("a", "b"), MessageSent(sender="person", text="hello"), returned("a"), returned("b"))
    turn = state.messages[-1]
    assert turn["role"] == "user"
    assert [block["type"] for block in turn["content"]] == ["tool_result", "tool_result", "text"]
    assert [block.get("tool_use_id") for block in turn["content"]][:2] == ["a", "b"]


def test_a_message_sent_while_the_agent_replies_comes_after_the_reply():
    message = MessageSent(sender="person", text="hello")
    state = folded(StepStarted(step=1), message, replied("a"), returned("a"))
    assert [turn["role"] for turn in state.messages] == ["user", "assistant", "user"]
    assert [block["type"] for block in state.messages[-1]["content"]] == ["tool_result", "text"]
    cut_off = folded(StepStarted(step=1), message, RunResumed(), StepStarted(step=1), replied("a"))
    assert [turn["role"] for turn in cut_off.messages] == ["user", "assistant"]
    assert cut_off.messages[0]["content"][-1]["text"] == "hello"


def test_calls_without_result_are_pending():
    state = folded(replied("a", "b"), returned("a"))
    assert [call["id"] for call in state.pending_calls()] == ["b"]
    state.apply(returned("b"), 9.0)
    assert state.pending_calls() == []


def test_the_cell_of_a_call_under_way_is_known():
    state = folded(replied("a"), CellAdded(cell_id="c1", kind="code", source="1"))
    assert state.open_cell == "c1"
    state.apply(returned("a"), 9.0)
    assert state.open_cell is None


def test_time_while_a_run_lay_still_does_not_count():
    state = RunState()
    state.apply(StepStarted(step=1), 0.0)
    state.apply(StepStarted(step=2), 30.0)
    state.apply(RunResumed(), 10_000.0)
    state.apply(StepStarted(step=3), 10_030.0)
    assert state.figures.clock.active_s == 60.0


def test_a_step_whose_reply_was_cut_off_is_taken_again():
    assert folded(StepStarted(step=1), RunResumed()).figures.steps == 0
    assert folded(StepStarted(step=1), replied("a"), RunResumed(), returned("a")).figures.steps == 1


def test_what_is_recorded_after_the_end_takes_no_time():
    state = folded(StepStarted(step=1), RunEnded(status="finished", message=""))
    state.apply(Scored(score=Score(kind="null", correct=True, named=False, n_claims=0, false_claims=0)), 90_000.0)
    assert state.figures.clock.active_s == 1.0


def test_only_a_gpu_uses_gpu_minutes():
    on_cpu = folded(OrganismReady(load_s=1, device="cpu"), OrganismUsed(busy_s=60))
    on_gpu = folded(OrganismReady(load_s=1, device="cuda"), OrganismUsed(busy_s=60))
    assert (on_cpu.figures.gpu_s, on_gpu.figures.gpu_s) == (0.0, 60.0)


def test_budgets_warn_once_and_end():
    emitted = []
    budgets = Budgets(AgentSection(max_steps=10, max_minutes=None))
    assert budgets.check(folded(StepStarted(step=7)), emitted.append) == []
    assert budgets.check(folded(StepStarted(step=8)), emitted.append) == [BudgetUsed(budget="steps", used=8, limit=10)]
    assert budgets.check(folded(StepStarted(step=8), *emitted, StepStarted(step=9)), emitted.append) == []
    with pytest.raises(BudgetReached, match="10 steps"):
        budgets.check(folded(StepStarted(step=10)), emitted.append)
    assert len(emitted) == 2


@pytest.mark.parametrize(
    ("limits", "events"),
    [
        ({"max_tokens": 100}, [replied("a", tokens=100)]),
        ({"max_cost_usd": 1.0}, [replied("a", cost=0.5), replied("b", cost=0.5)]),
        ({"max_gpu_minutes": 1}, [OrganismReady(load_s=1, device="cuda"), OrganismUsed(busy_s=60)]),
    ],
)
def test_every_budget_ends_a_run(limits, events):
    budgets = Budgets(AgentSection(max_minutes=None, **limits))
    with pytest.raises(BudgetReached):
        budgets.check(folded(*events), lambda event: None)


def test_a_call_has_the_words_that_stand_before_it():
    words = [{"type": "text", "text": text} for text in ("Look closer.", "Two things.", "And last:")]
    calls = [{"type": "tool_use", "id": name, "name": "run_cell", "input": {"code": "1"}} for name in ("a", "b", "c")]
    content = [words[0], words[1], calls[0], calls[1], words[2], calls[2]]
    reply = replied().model_copy(update={"content": content})
    told = (folded(reply, *map(returned, done)).said_before_call() for done in ("", "a", "ab", "abc"))
    assert list(told) == ["Look closer.\n\nTwo things.", "", "And last:", ""]
    assert folded().said_before_call() == ""
