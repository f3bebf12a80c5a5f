from __future__ import annotations

from typing import Annotated, Any

import pytest
from pydantic import Field

from interp_bench_ext.agent.provider import MALFORMED_INPUT
from interp_bench_ext.agent.tools import TOOLS
from interp_bench_ext.agent.tools.schema import tool
from interp_bench_ext.agent.tools.session import ToolError, ToolResult, ToolSession
from interp_bench_ext.mcp.verbs import VERBS


async def look(session: ToolSession, *, cell_id: str, lines: Annotated[int, Field(ge=1)] = 5) -> ToolResult:
    """Look at a cell.

    It says what is there.

    Args:
        cell_id: Which
            cell.
        lines: How many.
    """
    return ToolResult.text(f"{session} {cell_id} {lines}")


LOOK = tool(look)


def test_the_signature_and_its_docstring_are_the_schema():
    assert LOOK.spec.name == "look"
    assert LOOK.spec.description == "Look at a cell.\n\nIt says what is there."
    properties = LOOK.spec.input_schema["properties"]
    assert properties["cell_id"]["description"] == "Which cell."
    assert (properties["lines"]["default"], properties["lines"]["minimum"]) == (5, 1)
    assert LOOK.spec.input_schema["required"] == ["cell_id"]
    assert LOOK.spec.input_schema["additionalProperties"] is False


def test_what_is_left_out_has_its_default():
    assert LOOK.validated({"cell_id": "c1"}) == {"cell_id": "c1", "lines": 5}


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({}, "cell_id"),
        ({"cell_id": "c1", "line": 3}, "lines"),
        ({"cell_id": "c1", "lines": 0}, "greater than or equal to 1"),
        ({MALFORMED_INPUT: "{"}, "were no JSON object"),
    ],
)
def test_wrong_arguments_say_what_is_right(given: dict[str, Any], says: str):
    with pytest.raises(ToolError) as caught:
        LOOK.validated(given)
    assert says in caught.value.message
    assert "it takes cell_id, lines (optional)" in caught.value.message


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
