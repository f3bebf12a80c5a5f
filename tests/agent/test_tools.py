from __future__ import annotations

import asyncio

import pytest

from interp_bench_ext.agent.state import RunState
from interp_bench_ext.agent.tools import TOOLS, ToolSession, call_tool
from interp_bench_ext.agent.tools.session import clip, describe_run
from interp_bench_ext.contracts import Access, TechniqueSpec
from interp_bench_ext.events import FindingsSubmitted, HypothesisNoted
from interp_bench_ext.notebook.session import CellRun, CellView


class Pages:
    """A notebook that was read, not run."""

    def cells(self):
        return [
            CellView(
                cell_id="c1",
                kind="code",
                source="1 + 1",
                outputs=[],
                execution_count=1,
                status="ok",
                own=True,
            ),
        ]


@pytest.fixture
def emitted():
    return []


@pytest.fixture
def session(emitted):
    state = RunState()

    def emit(event):
        emitted.append(event)
        state.apply(event, 0.0)

    spec = TechniqueSpec(name="chat", summary="Ask.", doc="Ask it.", access=Access.SAMPLE, parameters=())

    return ToolSession(notebook=Pages(), techniques={"chat": spec}, state=state, emit=emit, busy_s=lambda: 0.0)


def called(session, tool, /, **arguments):
    result = asyncio.run(call_tool(session, name=tool, arguments=arguments))
    return result.is_error, "\n".join(block.get("text", "") for block in result.content)


def test_schemas_come_from_the_signatures():
    run_cell = next(tool.spec for tool in TOOLS if tool.spec.name == "run_cell")
    assert run_cell.description == "Add a code cell at the end of the notebook and run it."
    assert run_cell.input_schema["required"] == ["code"]
    assert run_cell.input_schema["properties"]["timeout_s"]["default"] == 600
    assert "interrupted after this many seconds" in run_cell.input_schema["properties"]["timeout_s"]["description"]
    assert run_cell.input_schema["additionalProperties"] is False


def test_every_argument_of_every_tool_is_described():
    for tool in TOOLS:
        for schema in tool.spec.input_schema.get("properties", {}).values():
            assert schema["description"]


@pytest.mark.parametrize(
    ("name", "arguments", "sentence"),
    [
        ("run_sell", {}, "there is no tool 'run_sell'"),
        ("run_cell", {}, "code: Field required"),
        ("run_cell", {"code": "1", "tiemout": 3}, "tiemout: Extra inputs are not permitted"),
        ("edit_cell", {"cell_id": "c9", "code": "1"}, "there is no cell 'c9'; the notebook's cells are c1"),
        ("describe_technique", {"name": "chatt"}, "did you mean chat?"),
        ("note_hypothesis", {"claim": "x", "status": "proven"}, "status: Input should be"),
        (
            "submit_findings",
            {"summary": "x", "findings": [{"claim": "y", "evidence": ["c7"]}]},
            "there is no cell 'c7'",
        ),
    ],
)
def test_what_the_agent_did_wrong_comes_back_to_it(session, emitted, name, arguments, sentence):
    is_error, text = called(session, name, **arguments)
    assert is_error
    assert sentence in text
    assert emitted == []


def test_hypotheses_and_findings_are_events(session, emitted):
    called(session, "note_hypothesis", claim="x", status="open", evidence=["c1"])
    called(session, "submit_findings", summary="s", findings=[{"claim": "x", "evidence": ["c1"], "n": 4}])
    called(session, "submit_findings", summary="again")
    assert [type(event) for event in emitted] == [HypothesisNoted, FindingsSubmitted]
    assert session.state.findings.findings[0].n == 4


def test_techniques_are_listed_and_described(session):
    assert called(session, "list_techniques") == (False, "chat() [sample]: Ask.")
    assert called(session, "describe_technique", name="chat")[1].endswith("Ask it.")


def test_output_is_clipped_in_the_middle():
    clipped = clip("a" * 50 + "b" * 50, 20)
    assert clipped.startswith("a" * 10)
    assert clipped.endswith("b" * 10)
    assert "80 characters left out" in clipped


def test_a_cells_outputs_are_told_as_text_and_images():
    outputs = [
        {"output_type": "stream", "name": "stdout", "text": "hello\n"},
        {
            "output_type": "display_data",
            "data": {"text/plain": "<plot>", "image/png": "aGk=\n"},
            "metadata": {},
        },
        {"output_type": "error", "ename": "E", "evalue": "v", "traceback": ["\x1b[31mE\x1b[0m: v"]},
    ]
    run = CellRun(cell_id="c3", status="error", execution_count=3, outputs=outputs, duration_s=1.0)
    result = describe_run(run)
    assert result.is_error
    assert result.content[0]["text"] == "[c3: error, 1.0 s]\nhello\n<plot>\nE: v"
    assert result.content[1]["source"] == {"type": "base64", "media_type": "image/png", "data": "aGk="}
