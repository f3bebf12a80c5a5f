from __future__ import annotations

import asyncio

import pytest

from interp_bench_ext.agent.gate import Gate
from interp_bench_ext.agent.state import RunState
from interp_bench_ext.agent.tools import ToolSession
from interp_bench_ext.errors import BadInput
from interp_bench_ext.events import AgentReplied, ApprovalAnswered, ApprovalAsked, RunPaused, RunResumed, RunUnpaused
from interp_bench_ext.notebook.session import CellRun


class Desk:
    """A notebook whose cells say that they ran; ``ran`` has their code."""

    def __init__(self) -> None:
        self.ran: dict[str, str] = {}

    def cells(self):
        return []

    async def add_code(self, code: str, *, cell_id: str) -> str:
        self.ran[cell_id] = code
        return cell_id

    async def run_cell(self, cell_id: str, *, timeout_s: float) -> CellRun:
        return CellRun(cell_id=cell_id, status="ok", execution_count=1, outputs=[], duration_s=0.0)


class Scene:
    """A gate, what it emitted, and a person who acts on each event as it comes."""

    def __init__(self, approval: str, *, before=()) -> None:
        self.desk, self.state, self.events = Desk(), RunState(), []
        self.person = lambda event: None
        for event in before:
            self.state.apply(event, 0.0)
        session = ToolSession(notebook=self.desk, techniques={}, state=self.state, emit=self.emit, busy_s=lambda: 0.0)
        self.gate = Gate(session, approval)

    def emit(self, event) -> None:
        self.events.append(event)
        self.state.apply(event, float(len(self.events)))
        self.person(event)

    def answer_with(self, decision: str, code: str | None = None) -> None:
        def person(event) -> None:
            if isinstance(event, ApprovalAsked):
                asyncio.get_running_loop().call_soon(self.gate.answer, event.approval, decision, code)

        self.person = person

    def carry_out(self, **answers: str):
        """Carry out calls by id; each that is asked for gets the answer beside it."""

        async def main():
            async with asyncio.timeout(5):
                results = []
                for call_id, answer in answers.items():
                    decision, _, code = answer.partition(":")
                    self.answer_with(decision, code or None)
                    results.append(await self.gate.carry_out(call(call_id)))
                return results

        return asyncio.run(main())

    def asked(self) -> list[str]:
        return [event.approval for event in self.events if isinstance(event, ApprovalAsked)]


def call(call_id: str) -> dict:
    return {"type": "tool_use", "id": call_id, "name": "run_cell", "input": {"code": f"print('{call_id}')"}}


def told(result) -> str:
    return "\n".join(block["text"] for block in result.content)


def test_without_approvals_nothing_is_asked():
    scene = Scene("auto")
    [result] = scene.carry_out(a="run")
    assert (scene.asked(), scene.desk.ran, result.is_error) == ([], {"c1": "print('a')"}, False)


def test_each_cell_is_asked_for_until_all_may_run():
    scene = Scene("ask")
    scene.carry_out(a="run", b="run", c="run_all", d="skip")
    assert scene.asked() == ["a", "b", "c"]
    assert scene.desk.ran == {"c1": "print('d')"}


def test_ask_first_asks_until_one_cell_was_let_through():
    scene = Scene("ask_first")
    scene.carry_out(a="skip", b="run", c="skip")
    assert scene.asked() == ["a", "b"]


def test_a_skipped_cell_is_not_run_and_the_agent_hears_of_it():
    scene = Scene("ask")
    [result] = scene.carry_out(a="skip")
    assert scene.desk.ran == {}
    assert result.is_error
    assert "chose not to run it" in told(result)


@pytest.mark.parametrize("mode", ["ask", "ask_first"])
def test_edited_code_runs_in_place_of_the_agents(mode):
    scene = Scene(mode)
    [result] = scene.carry_out(a="edit:print('mine')")
    assert scene.desk.ran == {"c1": "print('mine')"}
    assert "print('mine')" in told(result)


def test_what_was_asked_before_a_crash_is_not_asked_again():
    asked = ApprovalAsked(approval="a", tool="run_cell", cell_id="c1", code="print('a')")
    scene = Scene("ask", before=[asked, RunResumed()])

    async def main():
        work = asyncio.create_task(scene.gate.carry_out(call("a")))
        await asyncio.sleep(0)
        scene.gate.answer("a", "run", None)
        await work

    asyncio.run(main())
    assert scene.asked() == []
    assert scene.desk.ran == {"c1": "print('a')"}


def test_an_answer_given_before_a_crash_counts():
    answered = ApprovalAnswered(approval="a", decision="edit", code="print('mine')")
    scene = Scene("ask", before=[answered, RunResumed()])
    scene.carry_out(a="skip")
    assert scene.desk.ran == {"c1": "print('mine')"}


def test_an_answer_to_nothing_or_without_its_code_is_refused():
    asked = ApprovalAsked(approval="a", tool="run_cell", cell_id="c1", code="print('a')")
    scene = Scene("ask", before=[asked])
    with pytest.raises(BadInput, match="not waiting for an approval"):
        scene.gate.answer("b", "run", None)
    with pytest.raises(BadInput, match="needs its code"):
        scene.gate.answer("a", "edit", " ")
    assert scene.events == []


def test_a_paused_run_lets_nothing_through_until_it_goes_on():
    scene = Scene("auto")

    async def main():
        scene.gate.pause()
        scene.gate.pause()
        work = asyncio.create_task(scene.gate.carry_out(call("a")))
        done, _ = await asyncio.wait([work], timeout=0.05)
        assert not done
        assert scene.desk.ran == {}
        scene.gate.unpause()
        await work

    asyncio.run(main())
    assert scene.events == [RunPaused(), RunUnpaused()]
    assert scene.desk.ran == {"c1": "print('a')"}


def test_the_time_that_a_person_takes_is_not_the_runs():
    state = RunState()
    state.apply(
        AgentReplied(
            content=[call("a")],
            stop_reason="tool_use",
            input_tokens=0,
            output_tokens=0,
            cache_read_tokens=0,
            cache_write_tokens=0,
            cost_usd=0.0,
        ),
        0.0,
    )
    state.apply(ApprovalAsked(approval="a", tool="run_cell", cell_id="c1", code="1"), 10.0)
    state.apply(ApprovalAnswered(approval="a", decision="run"), 5_000.0)
    state.apply(RunPaused(), 5_010.0)
    state.apply(RunUnpaused(), 9_000.0)
    assert state.active_s == 20.0
