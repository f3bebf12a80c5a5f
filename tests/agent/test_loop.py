from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

from interp_bench_ext.record.cell_events import CellAdded
from interp_bench_ext.record.events import AgentReplied, Event, MessageSent, ToolReturned

from .desk import Desk, again
from .looping import Run, Script, run_loop, working
from .messages_server import MessagesServer, Refused, Streamed, text, thinking, tool_use


def results(run: Run) -> dict[str, ToolReturned]:
    return {event.tool_use_id: event for event in run.desk.events if isinstance(event, ToolReturned)}


def told(run: Run) -> list[str]:
    return [event.text for event in run.desk.events if isinstance(event, MessageSent) and event.sender == "run"]


@pytest.mark.parametrize("arguments", ['{"text": "A note that is cut o', "", '{"text": "whole by chance"}'])
def test_a_call_at_which_the_reply_was_cut_off_is_not_carried_out(tmp_path: Path, arguments: str) -> None:
    cut = [tool_use("add_markdown", {"text": "whole"}, id="a"), tool_use("add_markdown", arguments, id="b")]
    first = Streamed(content=cut, stop_reason="max_tokens")
    with MessagesServer(Script(2, working, answers={0: [first]})) as server:
        run = run_loop(tmp_path, server)
    assert run.error is None
    assert results(run)["a"].is_error is False
    assert results(run)["b"].is_error is True
    assert "so it was not carried out" in results(run)["b"].content[0]["text"]
    sources = [event.source for event in run.desk.events if isinstance(event, CellAdded)]
    assert sources[0] == "whole"
    assert "whole by chance" not in sources


def test_a_reply_cut_off_in_its_text_is_told_so(tmp_path: Path) -> None:
    first = Streamed(content=[text("And on and on")], stop_reason="max_tokens")
    with MessagesServer(Script(2, working, answers={0: [first]})) as server:
        run = run_loop(tmp_path, server)
    assert run.error is None
    assert told(run)[0] == "The reply was cut off at its greatest length. Go on, with less in one reply."


def test_a_paused_turn_is_sent_back_as_it_is(tmp_path: Path) -> None:
    paused = Streamed(content=[thinking("Wait."), text("One moment.")], stop_reason="pause_turn")
    with MessagesServer(Script(2, working, answers={0: [paused]})) as server:
        run = run_loop(tmp_path, server)
    assert run.error is None
    assert told(run) == []
    sent = server.requests[1]["messages"][-1]
    assert sent == {"role": "assistant", "content": [thinking("Wait."), text("One moment.")]}
    merged = run.desk.state.messages[1]["content"]
    assert merged[:2] == sent["content"]
    assert merged[-1]["type"] == "tool_use"


def test_empty_replies_are_answered_and_then_end_the_run(tmp_path: Path) -> None:
    with MessagesServer(Script(2, working, answers={0: [Streamed()] * 2})) as server:
        run = run_loop(tmp_path, server)
    assert run.error is None
    assert told(run)[0].startswith("Go on with run_cell")
    (tmp_path / "b").mkdir()
    with MessagesServer(Script(2, working, answers={0: [Streamed()] * 3})) as server:
        run = run_loop(tmp_path / "b", server)
    assert str(run.error) == "the agent called no tool in 3 replies in a row"


def test_after_a_refusal_a_resumed_run_asks_again(tmp_path: Path) -> None:
    refused = Streamed(content=[text("I"), tool_use("add_markdown", {"text": "no"}, id="x")], stop_reason="refusal")
    script = Script(2, working, answers={1: [refused]})
    with MessagesServer(script) as server:
        run = run_loop(tmp_path, server)
        assert str(run.error) == "the agent's model declined to go on with this investigation"
        desk = run.desk
        desk.state = again(desk.events)
        second = run_loop(tmp_path, server, desk=desk)
    assert second.error is None
    assert results(second)["x"].is_error


def test_a_crash_right_after_a_reply_without_a_call_leaves_a_run_that_can_go_on(tmp_path: Path) -> None:
    class Crash(BaseException):
        pass

    def crash(event: Event) -> None:
        if isinstance(event, AgentReplied):
            raise Crash

    with MessagesServer(Script(2, working, answers={0: [Streamed(content=[text("Let me think.")])]})) as server:
        desk = Desk(tmp_path)
        with pytest.raises(Crash):
            run_loop(tmp_path, server, desk=desk, person=crash)
        desk.person = lambda event: None
        desk.state = again(desk.events)
        run = run_loop(tmp_path, server, desk=desk)
    assert run.error is None
    assert told(run)[0].startswith("Go on with run_cell")


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (Refused(status=401, type="authentication_error", message="invalid x-api-key"), "did not accept the key"),
        (Refused(status=402, type="billing_error", message="No credit"), "for want of credit"),
        (Refused(status=400, message="Your credit balance is too low to access the API."), "for want of credit"),
        (Refused(status=404, type="not_found_error", message="model: nope"), "does not know the model"),
    ],
)
def test_what_a_person_must_mend_ends_the_run_at_once(tmp_path: Path, answer: Any, said: str) -> None:
    with MessagesServer(Script(2, working, answers={0: [answer]})) as server:
        run = run_loop(tmp_path, server)
        assert said in str(run.error)
        assert run.slept == []
        assert len(server.requests) == 1
        desk = run.desk
        desk.state = again(desk.events)
        assert run_loop(tmp_path, server, desk=desk).error is None


def test_an_address_where_nobody_answers_ends_the_run_soon(tmp_path: Path) -> None:
    with MessagesServer([]) as server:
        pass
    run = run_loop(tmp_path, server)
    assert "cannot be reached" in str(run.error)
    assert 0 < sum(run.slept) <= 120


def test_an_outage_in_the_middle_is_waited_for(tmp_path: Path) -> None:
    busy = Refused(status=529, type="overloaded_error")
    with MessagesServer(Script(3, working, answers={1: [busy] * 40})) as server:
        run = run_loop(tmp_path, server)
    assert run.error is None
    assert sum(run.slept) > 1200


def test_nothing_is_sent_while_the_run_is_paused_in_an_outage(tmp_path: Path) -> None:
    """A pause during an outage holds; the run goes on when it is let go on."""
    busy = Refused(status=529, type="overloaded_error")
    desk = Desk(tmp_path)
    asked_at_pause: list[int] = []

    def person(event: Event) -> None:
        if event.type == "provider_waiting":
            desk.gate.pause()
        elif event.type == "run_paused":
            asked_at_pause.append(len(server.requests))
            asyncio.get_running_loop().call_later(0.2, desk.gate.unpause)
        elif event.type == "run_unpaused":
            asked_at_pause.append(len(server.requests))

    with MessagesServer(Script(2, working, answers={1: [busy]})) as server:
        run = run_loop(tmp_path, server, desk=desk, person=person)
    assert run.error is None
    assert asked_at_pause == [2, 2]


def test_a_message_of_the_person_is_in_the_next_request(tmp_path: Path) -> None:
    desk = Desk(tmp_path)
    sent = []

    def person(event: Event) -> None:
        if isinstance(event, AgentReplied) and not sent:
            sent.append(event)
            desk.tell("Mind the seeds.")

    with MessagesServer(Script(3, working)) as server:
        run = run_loop(tmp_path, server, desk=desk, person=person)
    assert run.error is None
    assert "Mind the seeds." in json.dumps(server.requests[1])
