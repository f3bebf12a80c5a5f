from __future__ import annotations

import asyncio
from dataclasses import dataclass

import pytest

from interp_bench_ext.agent.gate import MAX_CALLS, Gate, answer_to
from interp_bench_ext.agent.state import RunState
from interp_bench_ext.agent.tools import ToolSession
from interp_bench_ext.contracts import Used
from interp_bench_ext.errors import BadInput
from interp_bench_ext.notebook.background import Background
from interp_bench_ext.record.cell_events import CellAdded
from interp_bench_ext.record.events import AgentChanged, ApprovalAnswered, ApprovalAsked, RunPaused, RunUnpaused
from tests.agent.desk import CHAT, Desk, again, reply_with, text_of

ASKED = ApprovalAsked(approval="a", tool="run_cell", cell_id="c1", code="print('a')")


def call(call_id: str, name: str = "run_cell") -> dict:
    return {"type": "tool_use", "id": call_id, "name": name, "input": {"code": f"print('{call_id}')"}}


@dataclass
class Scene(Desk):
    """A desk with a person who acts on each event as it comes."""

    def answer_with(self, decision: str, code: str | None = None) -> None:
        def person(event) -> None:
            if isinstance(event, ApprovalAsked):
                asyncio.get_running_loop().call_soon(self.gate.answer, event.approval, decision, code)

        self.person = person

    def carry_out(self, tool: str = "run_cell", **answers: str):
        """Carry out calls by id; each that is asked for gets the answer beside it."""
        results = []

        async def work():
            for call_id, answer in answers.items():
                decision, _, code = answer.partition(":")
                self.answer_with(decision, code or None)
                self.emit(reply_with(call(call_id, tool)))
                results.extend(await self.go_on())
                await self.notebook.background.close()

        self.during(work)
        return results

    def during(self, work) -> None:
        async def main():
            async with asyncio.timeout(60), self.open():
                await work()

        asyncio.run(main())

    def later(self, events) -> None:
        """What an earlier process has recorded."""
        self.events.extend(events)
        self.state = again(events)

    @property
    def ran(self) -> dict[str, str]:
        """Code of the cells that ran, by id."""
        sources = {event.cell_id: event.source for event in self.of("cell_added")}
        return {event.cell_id: sources[event.cell_id] for event in self.of("cell_finished")}

    @property
    def asked(self) -> list[str]:
        return [event.approval for event in self.of("approval_asked")]


def test_without_approvals_nothing_is_asked(tmp_path):
    scene = Scene(tmp_path)
    [result] = scene.carry_out(a="run")
    assert (scene.asked, scene.ran, result.is_error) == ([], {"c1": "print('a')"}, False)


@pytest.mark.parametrize("tool", ["run_cell", "start_cell"])
def test_each_cell_is_asked_for_until_all_may_run(tmp_path, tool):
    scene = Scene(tmp_path, "ask")
    scene.carry_out(tool, a="run", b="run", c="run_all", d="skip")
    assert scene.asked == ["a", "b", "c"]
    assert list(scene.ran.values()) == ["print('a')", "print('b')", "print('c')", "print('d')"]


def test_ask_first_asks_until_one_cell_was_let_through(tmp_path):
    scene = Scene(tmp_path, "ask_first")
    scene.carry_out(a="skip", b="run", c="skip")
    assert scene.asked == ["a", "b"]


def test_a_person_who_lets_all_run_can_ask_again(tmp_path):
    scene = Scene(tmp_path, "ask")

    async def work():
        for call_id in "abc":
            scene.answer_with("run_all")
            scene.emit(reply_with(call(call_id)))
            await scene.go_on()
            if call_id == "b":
                scene.emit(AgentChanged(approval="ask_first"))

    scene.during(work)
    assert scene.asked == ["a", "c"]


def test_a_skipped_cell_is_not_run_and_the_agent_hears_of_it(tmp_path):
    scene = Scene(tmp_path, "ask")
    [result] = scene.carry_out(a="skip")
    assert scene.ran == {}
    assert result.is_error
    assert "chose not to run it" in text_of(result)


@pytest.mark.parametrize("mode", ["ask", "ask_first"])
def test_edited_code_runs_in_place_of_the_agents(tmp_path, mode):
    scene = Scene(tmp_path, mode)
    [result] = scene.carry_out(a="edit:print('mine')")
    assert scene.ran == {"c1": "print('mine')"}
    assert "print('mine')" in text_of(result)


def test_what_cannot_be_carried_out_is_not_asked(tmp_path):
    scene = Scene(tmp_path, "ask")
    wrong = {"type": "tool_use", "id": "a", "name": "run_cell", "input": {"code": "1", "tiemout": 3}}

    async def work():
        scene.emit(reply_with(wrong))
        [result] = await scene.go_on()
        assert "did you mean `timeout_s`?" in text_of(result)

    scene.during(work)
    assert scene.asked == []


def test_what_was_asked_before_a_crash_is_not_asked_again(tmp_path):
    scene = Scene(tmp_path, "ask")
    scene.later([reply_with(call("a")), ASKED])

    async def work():
        going_on = asyncio.create_task(scene.go_on())
        await asyncio.sleep(0)
        scene.gate.answer("a", "run", None)
        await going_on

    scene.during(work)
    assert scene.asked == ["a"]
    assert scene.ran == {"c1": "print('a')"}


def test_an_answer_given_before_a_crash_counts(tmp_path):
    scene = Scene(tmp_path, "ask")
    scene.later([reply_with(call("a")), ASKED, ApprovalAnswered(approval="a", decision="edit", code="print('mine')")])
    scene.during(scene.go_on)
    assert scene.ran == {"c1": "print('mine')"}


def test_an_answer_to_nothing_or_without_its_code_is_refused():
    state = again([ASKED])
    with pytest.raises(BadInput, match="not waiting for an approval"):
        answer_to(state, "b", "run", None)
    with pytest.raises(BadInput, match="needs its code"):
        answer_to(state, "a", "edit", " ")


def test_a_paused_run_lets_nothing_through_until_it_goes_on(tmp_path):
    scene = Scene(tmp_path)

    async def work():
        scene.gate.pause()
        scene.gate.pause()
        scene.emit(reply_with(call("a")))
        going_on = asyncio.create_task(scene.go_on())
        done, _ = await asyncio.wait([going_on], timeout=0.05)
        assert not done
        assert scene.ran == {}
        scene.gate.unpause()
        await going_on

    scene.during(work)
    assert scene.of("run_paused", "run_unpaused") == [RunPaused(), RunUnpaused()]
    assert scene.ran == {"c1": "print('a')"}


def test_the_calls_of_one_reply_are_carried_out_in_order_whatever_becomes_of_one(tmp_path):
    scene = Scene(tmp_path)

    async def work():
        results = await scene.reply(
            ("run_cell", {"code": "1 / 0"}),
            ("run_sell", {}),
            ("run_cell", {"code": "2"}),
            *[("list_techniques", {})] * MAX_CALLS,
        )
        assert [result.is_error for result in results] == [True, True, False, *[False] * (MAX_CALLS - 3), *[True] * 3]
        assert text_of(results[2]).endswith("\n2")
        assert "a reply may hold 32 tool calls" in text_of(results[-1])
        assert not (await scene.reply(("list_techniques", {})))[0].is_error

    scene.during(work)


class BrokenNotebook:
    """A notebook with a fault in it."""

    def __init__(self) -> None:
        self.background = Background()

    def ids(self):
        raise KeyError("a secret")


def test_an_unforeseen_error_ends_the_call_and_is_named_by_its_type_only(tmp_path):
    state = RunState()
    session = ToolSession(
        notebook=BrokenNotebook(),
        techniques={"chat": CHAT},
        state=state,
        emit=lambda event: state.apply(event, 0.0),
        used=Used,
    )
    gate = Gate(session, "auto")
    read = {"type": "tool_use", "id": "a", "name": "read_output", "input": {"cell_id": "c1"}}

    async def main():
        result = await gate.carry_out(read)
        assert result.is_error
        assert "internal error (KeyError)" in text_of(result)
        assert "secret" not in text_of(result)
        # One fault is survived, an endless row of them is not.
        for _ in range(4):
            await gate.carry_out(read)
        with pytest.raises(KeyError):
            await gate.carry_out(read)

    asyncio.run(main())


def test_the_time_that_a_person_takes_is_not_the_runs():
    state = RunState()
    state.apply(reply_with(call("a")), 0.0)
    state.apply(CellAdded(cell_id="c1", kind="code", source="1"), 5.0)
    state.apply(ASKED, 10.0)
    state.apply(ApprovalAnswered(approval="a", decision="run"), 5_000.0)
    state.apply(RunPaused(), 5_010.0)
    state.apply(RunUnpaused(), 9_000.0)
    assert state.figures.clock.active_s == 20.0
