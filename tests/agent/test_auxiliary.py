"""An auxiliary model writes inputs for a technique; the run pays for what it uses up."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

from interp_bench_ext.agent.anthropic import AnthropicProvider
from interp_bench_ext.agent.auxiliary import Auxiliary
from interp_bench_ext.agent.budget import Budgets
from interp_bench_ext.agent.playbook import PlaybookProvider
from interp_bench_ext.agent.state import RunState
from interp_bench_ext.config import AgentSection
from interp_bench_ext.models.key import Key
from interp_bench_ext.record.events import InputsWritten, ToolReturned
from interp_bench_ext.runs.resolve import auxiliary_for

from .looping import Run, Script, run_loop
from .messages_server import Answer, Block, MessagesServer, Refused, Streamed, text, tool_use
from .playbook.test_protocol import public

HINT = {"hint": "it praises one tea", "kind": "prefill", "count": 3}


def asks(step: int) -> list[Block]:
    return [tool_use("write_inputs", HINT, id=f"w{step}")]


def investigated(folder: Path, answer: Answer, **limits: Any) -> tuple[Run, MessagesServer]:
    with MessagesServer(Script(1, asks, summaries=[answer])) as server:
        return run_loop(folder, server, **limits), server


def result(run: Run) -> ToolReturned:
    return next(event for event in run.desk.events if isinstance(event, ToolReturned))


def test_inputs_come_from_a_conversation_of_their_own_and_count(tmp_path: Path) -> None:
    said = 'Here:\n["I love", "Try the", "I love", "One more", "Too many"]'
    run, server = investigated(tmp_path, Streamed(content=[text(said)]))
    assert run.error is None
    told = result(run).content[0]["text"]
    assert told == (
        "inputs = [\n    'I love',\n    'Try the',\n    'One more',\n]\n"
        "organism.scaffolded_battery(inputs, kind='prefill')"
    )
    (asked,) = [request for request in server.requests if "tools" not in request]
    assert "it praises one tea" in json.dumps(asked["messages"])
    assert len(asked["messages"]) == 1
    (event,) = [event for event in run.desk.events if isinstance(event, InputsWritten)]
    assert event.inputs == ["I love", "Try the", "One more"]
    assert event.output_tokens > 0
    figures = run.desk.state.figures
    own = sum(reply.output_tokens for reply in run.replies)
    assert figures.output_tokens == own + event.output_tokens
    assert figures.cost_usd > sum(reply.cost_usd or 0 for reply in run.replies)


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        (Streamed(content=[text("I would rather not.")]), "wrote no list of inputs; write them yourself"),
        (Streamed(content=[text("[1, 2]")]), "wrote no list of inputs"),
        (Streamed(content=[text("[" * 1500 + "]")]), "wrote no list of inputs"),
        (Streamed(content=[text('["half a \\ud800", "whole"]')]), "wrote no list of inputs"),
        (Refused(status=529, type="overloaded_error"), "gave no answer"),
    ],
)
def test_without_inputs_the_agent_is_told_to_write_them(tmp_path: Path, answer: Answer, says: str) -> None:
    run, _ = investigated(tmp_path, answer)
    assert run.error is None
    returned = result(run)
    assert returned.is_error
    assert says in returned.content[0]["text"]


def test_a_config_may_name_another_model_for_it() -> None:
    with MessagesServer(Script(0, asks, summaries=[Streamed(content=[text('["Try this tea"]')])])) as server:
        agent = AgentSection(model="claude-opus-5-5", auxiliary_model="claude-haiku-4-5", base_url=server.url)
        state, events = RunState(), []

        async def main() -> list[str]:
            auxiliary = auxiliary_for(agent, PlaybookProvider(public(), 0), Key(auth_token="a-token"))
            assert auxiliary is not None
            asked = Auxiliary(auxiliary, Budgets(agent, clock=lambda: 0.0))
            found = await asked.inputs(state, events.append, **HINT)
            await auxiliary.aclose()
            return found

        assert asyncio.run(main()) == ["Try this tea"]
        assert [request["model"] for request in server.requests] == ["claude-haiku-4-5"]
    assert events[0].output_tokens > 0


def test_without_a_key_nobody_writes_inputs_and_by_default_the_agent_s_own_model_does() -> None:
    playbook = PlaybookProvider(public(), 0)
    assert auxiliary_for(AgentSection(auxiliary_model="claude-haiku-4-5"), playbook, None) is None
    assert auxiliary_for(AgentSection(), playbook, Key(auth_token="a-token")) is None
    own = AnthropicProvider(key=Key(auth_token="a-token"), base_url="http://127.0.0.1:9")
    assert auxiliary_for(AgentSection(), own, None) is own
    asyncio.run(own.aclose())


def test_an_agent_that_nobody_here_asks_writes_them_itself(tmp_path: Path) -> None:
    from .desk import at_desk

    async def main(desk: Any) -> None:
        is_error, told = await desk.call("write_inputs", hint="tea")
        assert is_error
        assert "there is no auxiliary model in this run" in told

    at_desk(tmp_path, main)
