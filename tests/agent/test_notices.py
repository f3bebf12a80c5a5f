from __future__ import annotations

from interp_bench_ext.agent.notices import News
from interp_bench_ext.agent.state import RunState
from interp_bench_ext.record.cell_events import CellAdded, CellFinished, CellStarted, KernelWentAway
from interp_bench_ext.record.events import AgentReplied, Event, ToolReturned

REPLIED = AgentReplied(
    content=[], stop_reason="tool_use", input_tokens=1, output_tokens=1, cache_read_tokens=0, cache_write_tokens=0,
    cost_usd=0.0,
)  # fmt: skip
RETURNED = ToolReturned(tool_use_id="t", content=[], is_error=False)


def news_of(*events: Event) -> News:
    state = RunState()
    for event in (CellAdded(cell_id="c1", kind="code", source="1"), *events):
        state.apply(event, 0.0)
    return state.news


def told(*events: Event) -> list[str]:
    return news_of(*events).sentences()


def finished(cell_id: str) -> CellFinished:
    return CellFinished(cell_id=cell_id, status="ok", execution_count=1, duration_s=61.4)


def test_a_cell_that_ended_behind_the_agents_back_is_told_once():
    behind = (REPLIED, CellStarted(cell_id="c1"), RETURNED, finished("c1"))
    (sentence,) = told(*behind)
    assert sentence.startswith("c1 has ended in the background (ok after 61 s)")
    assert told(*behind, RETURNED) == []


def test_a_cell_that_a_tool_waited_for_is_no_news():
    assert told(REPLIED, CellStarted(cell_id="c1"), finished("c1")) == []


def test_a_result_that_shows_the_cell_needs_no_sentence():
    news = news_of(REPLIED, CellStarted(cell_id="c1"), RETURNED, finished("c1"))
    assert news.sentences(but="[c1: ok]") == []


def test_a_kernel_that_went_away_is_told_once_there_is_somebody_to_tell():
    assert told(KernelWentAway(reason="It was killed.")) == []
    assert told(REPLIED, KernelWentAway(reason="It was killed.")) == ["The kernel has gone. It was killed."]
