from __future__ import annotations

from interp_bench_ext.record.cell_events import CellFinished, CellStarted
from interp_bench_ext.record.clock import Clock
from interp_bench_ext.record.events import (
    AgentReplied,
    ApprovalAnswered,
    ApprovalAsked,
    Event,
    RunEnded,
    RunForked,
    RunPaused,
    RunResumed,
    RunStarted,
    RunUnpaused,
    StepStarted,
)

REPLY = AgentReplied(
    content=[], stop_reason="end_turn", input_tokens=0, output_tokens=0, cache_read_tokens=0, cache_write_tokens=0,
    cost_usd=None,
)  # fmt: skip
ASKED = ApprovalAsked(approval="a1", tool="run_cell", cell_id="c1", code="1")
END = RunEnded(status="interrupted", message="")


def started(provider: str = "anthropic") -> RunStarted:
    return RunStarted(public={"agent": {"provider": provider}}, agent="a", seed=0, notebook="/n.ipynb")


def after(*rows: tuple[float, Event | None]) -> Clock:
    clock = Clock()
    for at, event in rows:
        clock.apply(event, at)
    return clock


def test_it_goes_from_the_first_event_on():
    assert Clock().seconds(1e9) == 0
    clock = after((100, started()), (107, StepStarted(step=1)))
    assert (clock.seconds(), clock.seconds(110), clock.waits) == (7, 10, False)


def test_it_stands_while_a_person_pauses_or_is_asked():
    paused = after((0, started()), (5, RunPaused()))
    assert paused.waits
    assert paused.seconds(1000) == 5
    paused.apply(RunUnpaused(), 500)
    assert paused.seconds(510) == 15
    asked = after((0, started()), (5, ASKED))
    assert (asked.waits, asked.approval, asked.seconds(1000)) == (True, ASKED, 5)
    asked.apply(ApprovalAnswered(approval="a1", decision="run"), 500)
    assert (asked.waits, asked.approval, asked.seconds(510)) == (False, None, 15)


def test_an_agents_reply_takes_time_and_a_clients_own_thought_does_not():
    of_an_agent = after((0, started()), (1, StepStarted(step=1)), (61, REPLY))
    assert of_an_agent.seconds() == 61
    of_a_client = after((0, started("mcp")), (1, StepStarted(step=1)))
    assert of_a_client.waits
    of_a_client.apply(REPLY, 61)
    assert (of_a_client.waits, of_a_client.seconds(65)) == (False, 5)


def test_nobody_drives_a_run_between_its_end_and_a_resume():
    clock = after((0, started()), (5, RunPaused()), (9, END))
    assert clock.ended
    assert clock.seconds(1000) == 5
    clock.apply(RunResumed(), 1000)
    assert (clock.ended, clock.paused, clock.seconds(1002)) == (False, False, 7)


def test_a_run_that_was_killed_lay_still_until_its_resume():
    assert after((0, started()), (5, StepStarted(step=1)), (1000, RunResumed())).seconds(1001) == 6


def test_a_fork_begins_at_nought():
    clock = after((0, started()), (50, ASKED), (60, RunForked(parent="r", cell_id="c1")))
    assert (clock.seconds(), clock.approval, clock.seconds(62)) == (0, None, 2)


def test_a_clock_that_went_back_takes_nothing_away():
    clock = after((100, started()), (110, None), (90, None))
    assert (clock.seconds(), clock.seconds(80)) == (10, 10)


def test_a_cell_that_waits_for_a_paused_organism_takes_no_time():
    done = CellFinished(cell_id="c3", status="ok", execution_count=1, duration_s=52)
    clock = after((0, started()), (2, CellStarted(cell_id="c3")), (4, RunPaused()))
    assert (clock.waits, clock.seconds(20)) == (True, 4)
    clock.apply(RunUnpaused(), 50)
    clock.apply(done, 54)
    assert (clock.waits, clock.seconds(90)) == (False, 44)
