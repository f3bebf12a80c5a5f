from __future__ import annotations

from dataclasses import dataclass

import pytest

from interp_bench_ext.agent.state import RunState
from interp_bench_ext.agent.tools.session import ToolError, ToolResult, ToolSession
from interp_bench_ext.contracts import Used
from interp_bench_ext.record.cell_events import CellAdded


@dataclass
class Ids:
    """A notebook of which only its cells' ids are known."""

    there: list[str]

    def ids(self) -> list[str]:
        return self.there


def session_of(*ids: str, own: tuple[str, ...] = (), kind: str = "code") -> ToolSession:
    state = RunState()
    for cell_id in own:
        state.apply(CellAdded(cell_id=cell_id, kind=kind, source=""), 0.0)
    notebook = Ids(list(ids))
    return ToolSession(notebook=notebook, techniques={}, state=state, emit=[].append, used=Used)  # type: ignore[arg-type]


def test_a_new_cell_has_the_next_number_that_is_free():
    assert session_of().next_cell_id() == "c1"
    assert session_of("c1", "c2", own=("c1", "c2")).next_cell_id() == "c3"
    assert session_of("c1", "c2", "c3").next_cell_id() == "c4", "an earlier run has worked in this notebook"
    assert session_of(own=("c1", "c2")).next_cell_id() == "c3", "a person has deleted them"


def test_a_cell_that_is_not_there_is_named_with_those_that_are():
    session_of("c1").require_cell("c1")
    with pytest.raises(ToolError, match="^there is no cell 'c9'; the notebook's cells are c1, c2$"):
        session_of("c1", "c2").require_cell("c9")
    many = session_of(*(f"c{number}" for number in range(1, 60)))
    with pytest.raises(ToolError, match=r"cells are …, c20, c21, .*, c59$"):
        many.require_cell("x")


def test_only_code_of_its_own_is_the_agents_to_change():
    session_of("c1", own=("c1",)).require_own_code("c1")
    for session in (session_of("c1"), session_of("c1", own=("c1",), kind="markdown")):
        with pytest.raises(ToolError, match="'c1' is a text cell or somebody else's"):
            session.require_own_code("c1")


def test_a_result_may_have_words_before_and_after_it():
    result = ToolResult.text("wrong", is_error=True)
    assert result.but_with() == result
    around = result.but_with(before="first", after="last")
    assert [block["text"] for block in around.content] == ["first", "wrong", "last"]
    assert around.is_error
