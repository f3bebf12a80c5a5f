from __future__ import annotations

import asyncio
from typing import Any

import pytest

from interp_bench_ext.agent.mcp_provider import Answer, OutsideProvider, answer_in
from interp_bench_ext.agent.provider import Prompt, Reply
from interp_bench_ext.errors import Abandoned
from interp_bench_ext.record.events import Event, MessageSent

BEGIN = {"type": "text", "text": "Begin."}
END = Answer(content=[{"type": "text", "text": "It is over."}])


def turn(*content: dict[str, Any]) -> Prompt:
    return Prompt(system="You look.", messages=[{"role": "user", "content": list(content)}])


def result(words: str, *, is_error: bool = False) -> dict[str, Any]:
    return {"type": "tool_result", "content": [{"type": "text", "text": words}], "is_error": is_error}


def provider(**options: Any) -> OutsideProvider:
    return OutsideProvider("a client", attended=False, **options)


async def asked(outside: OutsideProvider, prompt: Prompt, emitted: list[Event] | None = None) -> Reply:
    return await outside.reply(prompt, max_tokens=1, emit=(emitted if emitted is not None else []).append)


async def calling(outside: OutsideProvider, name: str = "run_cell") -> asyncio.Task[Answer | None]:
    """A call that the run has taken up."""
    task = asyncio.create_task(outside.call(name, {"code": "1"}))
    await asyncio.sleep(0)
    assert outside.busy
    return task


def test_a_turn_is_told_flat():
    answer = answer_in(turn(result("one"), result("two", is_error=True), {"type": "text", "text": "Stop."}).messages[0])
    assert [block["text"] for block in answer.content] == ["one", "two", "Stop."]
    assert answer.is_error
    assert not answer_in(turn(BEGIN).messages[0]).is_error


def test_a_call_becomes_a_reply_and_its_result_the_answer():
    async def main() -> None:
        outside = provider()
        first = asyncio.create_task(asked(outside, turn(BEGIN)))
        await outside.opened()
        assert (outside.system, outside.ready, outside.last) == ("You look.", True, Answer(content=[BEGIN]))
        call = await calling(outside)
        block = (await first).content[0]
        assert (block["name"], block["input"], (await first).cost_usd) == ("run_cell", {"code": "1"}, None)
        second = asyncio.create_task(asked(outside, turn(result("done"))))
        answer = await call
        assert answer is not None
        assert answer.content == [{"type": "text", "text": "done"}]
        outside.end(END)
        second.cancel()

    asyncio.run(main())


def test_calls_are_carried_out_one_after_the_other():
    async def main() -> None:
        outside = provider()
        first = asyncio.create_task(asked(outside, turn(BEGIN)))
        await outside.opened()
        one = await calling(outside)
        other = asyncio.create_task(outside.call("edit_cell", {}))
        assert (await first).content[0]["name"] == "run_cell"
        second = asyncio.create_task(asked(outside, turn(result("one"))))
        await one
        assert (await second).content[0]["name"] == "edit_cell"
        outside.end(END)
        assert await other == END

    asyncio.run(main())


def test_after_the_end_there_is_no_answer():
    async def main() -> None:
        outside = provider()
        outside.end(END)
        await outside.opened()
        assert (outside.over, outside.last, await outside.call("run_cell", {})) == (True, END, None)

    asyncio.run(main())


def test_a_client_that_makes_no_call_has_gone():
    async def main() -> None:
        with pytest.raises(Abandoned, match=r"its client made no call for 0\.0001 minutes"):
            await asked(provider(idle_s=0.006), turn(BEGIN))

    asyncio.run(main())


@pytest.mark.parametrize(
    ("tool", "interrupted", "told"),
    [("run_cell", 1, 0), ("edit_cell", 1, 0), ("start_cell", 0, 0), ("read_notebook", 0, 0), ("poll_cell", 0, 1)],
)
def test_a_call_that_is_cut_off_ends_what_only_it_waits_for(tool: str, interrupted: int, told: int):
    async def main() -> None:
        outside, emitted, interrupts = provider(), [], []

        async def interrupt() -> None:
            interrupts.append(tool)

        outside.interrupt = interrupt
        reply = asyncio.create_task(asked(outside, turn(BEGIN), emitted))
        await outside.opened()
        call = await calling(outside, tool)
        await reply
        call.cancel()
        with pytest.raises(asyncio.CancelledError):
            await call
        await asyncio.sleep(0)
        assert (len(interrupts), len(emitted)) == (interrupted, told)
        assert all(isinstance(event, MessageSent) and "poll it again" in event.text for event in emitted)

    asyncio.run(main())


def test_a_call_that_is_given_up_interrupts_its_cell_and_leaves_its_answer_behind():
    async def main() -> None:
        outside = provider()
        interrupted = asyncio.Event()

        async def interrupt() -> None:
            interrupted.set()

        outside.interrupt = interrupt
        reply = asyncio.create_task(asked(outside, turn(BEGIN)))
        call = asyncio.create_task(outside.call("run_cell", {"code": "1"}))
        await reply
        call.cancel()
        with pytest.raises(asyncio.CancelledError):
            await call
        await interrupted.wait()
        following = asyncio.create_task(outside.call("run_cell", {"code": "2"}))
        again = asyncio.create_task(asked(outside, turn(result("cut off", is_error=True))))
        assert (await again).content[0]["input"] == {"code": "2"}
        assert outside.last == answer_in(turn(result("cut off", is_error=True)).messages[0])
        following.cancel()

    asyncio.run(main())
