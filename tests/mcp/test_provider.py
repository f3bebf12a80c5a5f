"""The provider whose replies are somebody else's calls, without any transport."""

from __future__ import annotations

import asyncio
import subprocess
import sys

import pytest

from interp_bench_ext.agent.mcp_provider import Answer, OutsideProvider, answer_in
from interp_bench_ext.agent.provider import Prompt, Reply
from interp_bench_ext.agent.state import RunState
from interp_bench_ext.agent.tools import TOOLS
from interp_bench_ext.errors import Abandoned
from interp_bench_ext.mcp.verbs import VERBS
from interp_bench_ext.record.events import AgentReplied, Event, MessageSent, RunStarted, StepStarted, ToolReturned


def result(text: str, *, failed: bool = False) -> dict[str, object]:
    content = [{"type": "text", "text": text}]
    return {"type": "tool_result", "tool_use_id": "t", "content": content, "is_error": failed}


def said(answer: Answer | None) -> list[str]:
    assert answer is not None
    return [block["text"] for block in answer.content]


async def replied(provider: OutsideProvider, *told: dict[str, object]) -> Reply:
    messages = [{"role": "user", "content": list(told)}]
    return await provider.reply(Prompt(system="method", messages=messages), max_tokens=1, emit=lambda _: None)


def test_a_call_becomes_a_reply_and_is_answered_when_the_next_is_asked_for():
    async def main() -> None:
        provider = OutsideProvider("test", attended=True)
        first = asyncio.create_task(replied(provider, {"type": "text", "text": "Begin."}))
        await provider.opened()
        assert (provider.system, said(provider.last)) == ("method", ["Begin."])
        calls = [asyncio.create_task(provider.call("run_cell", {"code": code})) for code in ("1", "2")]
        [block] = (await first).content
        assert (block["type"], block["name"], block["input"]) == ("tool_use", "run_cell", {"code": "1"})
        second = asyncio.create_task(replied(provider, result("one"), {"type": "text", "text": "Hurry."}))
        assert said(await calls[0]) == ["one", "Hurry."]
        [other] = (await second).content
        assert other["input"] == {"code": "2"}
        assert other["id"] != block["id"]
        provider.end(Answer(content=[{"type": "text", "text": "over"}]))
        assert said(await calls[1]) == ["over"]
        assert await provider.call("run_cell", {}) is None

    asyncio.run(main())


def test_a_call_that_is_given_up_interrupts_its_cell_and_leaves_its_answer_behind():
    async def main() -> None:
        provider = OutsideProvider("test", attended=True)
        interrupted = asyncio.Event()

        async def interrupt() -> None:
            interrupted.set()

        provider.interrupt = interrupt
        reply = asyncio.create_task(replied(provider, {"type": "text", "text": "Begin."}))
        call = asyncio.create_task(provider.call("run_cell", {"code": "1"}))
        await reply
        call.cancel()
        with pytest.raises(asyncio.CancelledError):
            await call
        await interrupted.wait()
        following = asyncio.create_task(provider.call("run_cell", {"code": "2"}))
        again = asyncio.create_task(replied(provider, result("cut off", failed=True)))
        assert (await again).content[0]["input"] == {"code": "2"}
        assert provider.last == answer_in({"role": "user", "content": [result("cut off", failed=True)]})
        following.cancel()

    asyncio.run(main())


@pytest.mark.parametrize(("agent", "minutes"), [("mcp", 2.0), ("anthropic", 62.0)])
def test_the_time_in_which_a_client_thinks_is_not_the_runs(agent, minutes):
    state = RunState()
    call = [{"type": "tool_use", "id": "t", "name": "run_cell", "input": {}}]
    tokens = dict.fromkeys(("input_tokens", "output_tokens", "cache_read_tokens", "cache_write_tokens"), 0)
    state.apply(RunStarted(public={"agent": {"provider": agent}}, agent=agent, seed=0, notebook="/x.ipynb"), 0)
    state.apply(StepStarted(step=1), 60)
    assert state.figures.minutes(3660) == pytest.approx(1.0 if agent == "mcp" else 61.0)
    state.apply(AgentReplied(content=call, stop_reason="tool_use", cost_usd=None, **tokens), 3660)
    state.apply(ToolReturned(tool_use_id="t", content=[], is_error=False), 3720)
    assert state.figures.minutes(3720) == pytest.approx(minutes)


def test_nothing_of_mcp_is_loaded_before_a_client_comes():
    code = (
        "import sys, interp_bench_ext.app, interp_bench_ext.handlers.desk, interp_bench_ext.cli\n"
        "print([name for name in ('mcp', 'starlette', 'torch') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


def test_a_poll_that_is_cut_off_ends_and_touches_no_cell():
    async def main() -> None:
        provider = OutsideProvider("test", attended=True)
        emitted: list[Event] = []

        async def interrupt() -> None:
            raise AssertionError("the cell in the background was interrupted")

        provider.interrupt = interrupt
        for name, said_to_run in (("poll_cell", 1), ("start_cell", 1), ("read_notebook", 1)):
            prompt = Prompt(system="s", messages=[{"role": "user", "content": []}])
            reply = asyncio.create_task(provider.reply(prompt, max_tokens=1, emit=emitted.append))
            call = asyncio.create_task(provider.call(name, {}))
            await reply
            call.cancel()
            with pytest.raises(asyncio.CancelledError):
                await call
            assert len(emitted) == said_to_run, name
        assert isinstance(emitted[0], MessageSent)
        assert emitted[0].text == "Your call of poll_cell was cut off. The cell was not touched; poll it again."

    asyncio.run(main())


def test_a_run_whose_client_has_gone_is_over():
    async def main() -> None:
        provider = OutsideProvider("test", attended=True, idle_s=0.01)
        with pytest.raises(Abandoned, match=r"^its client made no call for 0\.000166667 minutes$"):
            await replied(provider, {"type": "text", "text": "Begin."})

    asyncio.run(main())


@pytest.mark.parametrize(
    ("given", "strange"),
    [
        ({"code": "1", "wait_for_previous": True}, ["wait_for_previous"]),
        ({"code": "1", "_meta": {}, "thought": "hm"}, ["_meta", "thought"]),
        ({"cod": "1"}, []),
        ({"code": "1", "timeout": 5}, []),
    ],
)
def test_what_a_client_adds_is_told_from_what_its_model_misspells(given, strange):
    [run_cell] = [tool for tool in TOOLS if tool.spec.name == "run_cell"]
    assert run_cell.strange(given) == strange


def test_a_clients_own_argument_is_like_none_of_any_tools():
    assert [tool.spec.name for tool in (*TOOLS, *VERBS) if not tool.strange({"wait_for_previous": True})] == []
