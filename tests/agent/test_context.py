from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from interp_bench_ext.agent.conversation import CLEARED
from interp_bench_ext.record.events import ContextEdited, Event, HypothesisNoted, StepStarted

from .desk import Desk, again
from .looping import Run, Script, reading, run_loop, working
from .messages_server import Block, MessagesServer, Refused, Streamed, text, thinking, tool_use


def edits(run: Run) -> list[ContextEdited]:
    return [event for event in run.desk.events if isinstance(event, ContextEdited)]


@pytest.mark.slow
def test_over_nine_tenths_of_the_input_is_read_from_the_cache(tmp_path: Path) -> None:
    with MessagesServer(Script(60, working), binds_thinking=True) as server:
        run = run_loop(tmp_path, server)
    assert run.error is None
    assert len(run.replies) > 60
    assert run.share_read() > 0.95
    assert edits(run) == []
    assert server.dropped == 0
    assert server.counted == []
    state = run.desk.state
    assert state.figures.cache_read_tokens / state.figures.input_tokens > 0.9


@pytest.mark.parametrize("counts", [True, False])
@pytest.mark.slow
def test_a_long_run_is_shortened_in_few_strokes_and_keeps_its_cache(tmp_path: Path, counts: bool) -> None:
    """Four windows' worth of conversation: the model never has more than one, and forgets no hypothesis."""
    window = 40_000
    step = working_long
    with MessagesServer(Script(60, step), window=window, binds_thinking=True, counts=counts) as server:
        run = run_loop(tmp_path, server, context_window=window)
    assert run.error is None
    assert len(run.replies) > 60
    kinds = [edit.kind for edit in edits(run)]
    assert "compacted" in kinds
    assert all("So far nothing is known." in edit.summary for edit in edits(run) if edit.kind == "compacted")
    assert len(kinds) <= 12
    assert run.share_read() > 0.9
    prompts = [r.input_tokens + r.cache_read_tokens + r.cache_write_tokens for r in run.replies]
    assert max(prompts) < window
    # Thinking whose past has changed is left out by the server, and never altered by us.
    assert server.dropped > 0
    last = json.dumps(server.requests[-1])
    for noted in {e.claim for e in run.desk.events if isinstance(e, HypothesisNoted)}:
        assert noted in last
    assert again(run.desk.events).messages == run.desk.state.messages


def working_long(step: int) -> list[Block]:
    return working(step, words=160)


def test_old_outputs_are_cleared_first(tmp_path: Path) -> None:
    with MessagesServer(Script(24, reading), window=30_000, binds_thinking=True) as server:
        run = run_loop(tmp_path, server, context_window=30_000)
    assert run.error is None
    first = edits(run)[0]
    assert first.kind == "outputs_cleared"
    sent = next(r for r in server.requests if CLEARED in json.dumps(r))
    results = [b for m in sent["messages"] for b in m["content"] if b["type"] == "tool_result"]
    shown = [CLEARED not in json.dumps(result) for result in results]
    assert shown[-4:] == [True] * 4
    assert not any(shown[1:-4])
    # What the event says is what the server counts.
    body = {name: value for name, value in sent.items() if name in ("model", "system", "tools", "messages")}
    assert any(
        counted["messages"] == body["messages"] or counted["tools"] == body["tools"] for counted in server.counted
    )


@pytest.mark.parametrize(
    "first",
    [
        Refused(status=400, type="invalid_request_error", message="prompt is too long: 210000 tokens > 200000 maximum"),
        Refused(status=413, type="request_too_large", message="Request exceeds the maximum size"),
        Streamed(content=[text("And so")], stop_reason="model_context_window_exceeded"),
    ],
)
def test_a_full_window_shortens_the_conversation_and_the_run_goes_on(tmp_path: Path, first: Any) -> None:
    with MessagesServer(Script(6, working, answers={4: [first]})) as server:
        run = run_loop(tmp_path, server)
    assert run.error is None
    [edit] = edits(run)
    assert edit.kind == "compacted"
    assert "So far nothing is known." in edit.summary
    assert edit.input_tokens > 0
    assert edit.output_tokens > 0


def test_a_conversation_that_cannot_be_made_shorter_ends_the_run(tmp_path: Path) -> None:
    full = Refused(status=400, type="invalid_request_error", message="prompt is too long: 9 tokens > 8 maximum")
    with MessagesServer(Script(6, working, answers={4: [full, full]})) as server:
        run = run_loop(tmp_path, server)
    assert str(run.error) == "The conversation no longer fits into one request. It cannot be made shorter."


@pytest.mark.parametrize(
    "answer",
    [
        Refused(status=529, type="overloaded_error"),
        Refused(status=400, type="invalid_request_error", message="No."),
        Streamed(content=[text("I won't.")], stop_reason="refusal"),
        Streamed(content=[thinking("Hm.")]),
    ],
)
def test_without_a_summary_by_the_model_the_ledger_stands_alone(tmp_path: Path, answer: Any) -> None:
    full = Refused(status=413, type="request_too_large", message="too large")
    with MessagesServer(Script(12, working, answers={11: [full]}, summaries=[answer])) as server:
        run = run_loop(tmp_path, server)
    assert run.error is None
    [edit] = edits(run)
    assert "Claim 0" in edit.summary
    assert "Your own summary" not in edit.summary
    assert run.slept == []


def test_a_message_that_comes_while_the_conversation_is_summarised_is_not_lost(tmp_path: Path) -> None:
    full = Refused(status=413, type="request_too_large", message="too large")
    desk = Desk(tmp_path)

    def summary(request: dict[str, Any]) -> Streamed:
        desk.tell("Mind the null hypothesis.")
        return Streamed(content=[text("Known so far.")])

    script = Script(8, working, answers={5: [full]})
    asked = script.__call__

    def answer(request: dict[str, Any]) -> Any:
        return summary(request) if "tools" not in request else asked(request)

    with MessagesServer(answer) as server:
        run = run_loop(tmp_path, server, desk=desk)
    assert run.error is None
    assert json.dumps(server.requests[-1]).count("Mind the null hypothesis.") >= 1


def test_many_plots_are_cleared_before_the_api_refuses_them(tmp_path: Path) -> None:
    """The API takes 100 images in one request."""
    plot = "from IPython.display import Image, display\nfor _ in range(8):\n    display(Image(data=P))"
    pixel = (
        "P = __import__('base64').b64decode("
        "'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==')\n"
    )

    def step(number: int) -> list[Block]:
        return [tool_use("run_cell", {"code": pixel + plot}, id=f"p{number}")]

    with MessagesServer(Script(14, step)) as server:
        run = run_loop(tmp_path, server)
    assert run.error is None
    most = max(json.dumps(request).count('"type": "image"') for request in server.requests)
    assert 60 < most <= 100
    assert [edit.kind for edit in edits(run)][:1] == ["outputs_cleared"]


def test_an_edit_survives_a_crash(tmp_path: Path) -> None:
    class Crash(BaseException):
        pass

    full = Refused(status=413, type="request_too_large", message="too large")
    script = Script(8, working, answers={5: [full]})
    with MessagesServer(script) as server:
        desk = Desk(tmp_path)
        with pytest.raises(Crash):
            run_loop(tmp_path, server, desk=desk, person=_crash_at(ContextEdited, Crash))
        desk.person = lambda event: None
        desk.state = again(desk.events)
        run = run_loop(tmp_path, server, desk=desk)
    assert run.error is None
    assert len(edits(run)) == 1
    assert len([event for event in desk.events if isinstance(event, StepStarted)]) == len(run.replies) + 1


def _crash_at(kind: type[Event], crash: type[BaseException]) -> Callable[[Event], None]:
    def see(event: Event) -> None:
        if isinstance(event, kind):
            raise crash

    return see
