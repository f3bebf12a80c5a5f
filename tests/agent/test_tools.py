from __future__ import annotations

import json

from interp_bench_ext.agent.provider import MALFORMED_INPUT
from interp_bench_ext.agent.tools import TOOLS
from interp_bench_ext.agent.tools.rendering import MAX_TEXT
from tests.agent.desk import Desk, at_desk


def stream(text: str, name: str = "stdout") -> dict:
    return {"output_type": "stream", "name": name, "text": text}


def spec(name: str):
    return next(tool.spec for tool in TOOLS if tool.spec.name == name)


def test_schemas_come_from_the_signatures():
    run_cell = spec("run_cell")
    assert run_cell.description == "Add a code cell at the end of the notebook and run it."
    assert run_cell.input_schema["required"] == ["code"]
    timeout = run_cell.input_schema["properties"]["timeout_s"]
    assert (timeout["default"], timeout["minimum"]) == (600, 1)
    assert "interrupted after this many seconds" in timeout["description"]
    assert run_cell.input_schema["additionalProperties"] is False


def test_every_argument_of_every_tool_is_described():
    for tool in TOOLS:
        schema = tool.spec.input_schema
        for described in (schema, *schema.get("$defs", {}).values()):
            for argument in described.get("properties", {}).values():
                assert argument["description"], tool.spec.name


def test_what_the_agent_did_wrong_comes_back_to_it(tmp_path):
    wrong = [
        ("run_sell", {}, "there is no tool 'run_sell'; there are run_cell, "),
        ("x" * 10_000, {}, "there is no tool 'xxx"),
        ("run_cell", {}, "code: Field required; it takes code, timeout_s (optional)"),
        ("run_cell", {"code": "1", "tiemout_s": 3}, "tiemout_s: there is no such argument; did you mean `timeout_s`?"),
        ("run_cell", {"code": "1", "timeout_s": -3}, "timeout_s: Input should be greater than or equal to 1"),
        ("run_cell", {"code": 7}, "code: Input should be a valid string"),
        ("run_cell", {"code": "\ud800"}, "code: Input should be a valid string"),
        ("run_cell", {"code": "#" * 1_000_000}, "code: String should have at most 100000 characters"),
        ("run_cell", {MALFORMED_INPUT: '{"code": "1'}, "the arguments of run_cell were no JSON object; it takes code"),
        ("interrupt", {"now": True}, "now: there is no such argument; it takes no arguments"),
        ("edit_cell", {"cell_id": "c9", "code": "1"}, "there is no cell 'c9'; the notebook's cells are c1"),
        ("edit_cell", {"cell_id": "c1", "code": "1"}, "'c1' is a text cell"),
        ("edit_cell", {"cell_id": "c1\n]\x00 ", "code": "1"}, r"there is no cell 'c1\n]\x00 '"),
        ("edit_cell", {"cell_id": "c" * 1000, "code": "1"}, "cell_id: String should have at most 64 characters"),
        ("poll_cell", {"cell_id": "c9"}, "there is no cell 'c9'"),
        ("read_notebook", {"cell_ids": "c1"}, "cell_ids: should be a list"),
        ("read_output", {"cell_id": "c9"}, "there is no cell 'c9'"),
        ("describe_technique", {"name": "chatt"}, "did you mean `chat`?"),
        ("describe_technique", {"name": "c" * 10_000}, "name: String should have at most 100 characters"),
        ("note_hypothesis", {"claim": "x", "status": "proven"}, "status: Input should be 'open', "),
        ("note_hypothesis", {"claim": "x", "status": "open", "evidence": ["c7"]}, "there is no cell 'c7'"),
        ("submit_findings", {"summary": "x", "findings": [{"claim": "y"}]}, "findings.0.evidence: Field required"),
        ("submit_findings", {"summary": "x", "findings": '[{"claim": "y"}]'}, "findings: should be a list"),
    ]

    async def work(desk: Desk) -> None:
        await desk.call("add_markdown", text="hello")
        for name, arguments, sentence in wrong:
            is_error, text = await desk.call(name, **arguments)
            assert is_error, name
            assert sentence in text
            assert len(text) < 1000

    desk = at_desk(tmp_path, work)
    assert {event.type for event in desk.events} == {"kernel_started", "agent_replied", "tool_returned", "cell_added"}


def test_techniques_are_listed_and_described(tmp_path):
    async def work(desk: Desk) -> None:
        assert await desk.call("list_techniques") == (False, "chat() [sample]: Ask.")
        assert (await desk.call("describe_technique", name="chat"))[1].endswith("Ask it.")

    at_desk(tmp_path, work)


def test_a_cell_is_run_edited_and_read(tmp_path):
    async def work(desk: Desk) -> None:
        is_error, text = await desk.call("run_cell", code="1 / 0")
        assert is_error
        assert text.startswith("[c1: error, ")
        assert "ZeroDivisionError" in text
        assert "\x1b" not in text
        is_error, text = await desk.call("edit_cell", cell_id="c1", code="1 / 1")
        assert (is_error, text.splitlines()[1]) == (False, "1.0")
        assert (await desk.call("read_notebook"))[1] == "[c1: code]\n1 / 1"
        assert (await desk.call("read_notebook", cell_ids=["c1"]))[1] == "[c1: code]\n1 / 1\n[c1: ok]\n1.0"

    at_desk(tmp_path, work)


def test_the_notebook_is_read_as_a_person_has_edited_it(tmp_path):
    async def work(desk: Desk) -> None:
        await desk.call("run_cell", code="1 / 1")
        notebook = json.loads((tmp_path / "n.ipynb").read_text())
        notebook["cells"][0]["source"] = "1 / 2"
        notebook["cells"].append({"id": "mine", "cell_type": "markdown", "metadata": {}, "source": "A thought."})
        ran = {"execution_count": 1, "outputs": [stream("theirs")]}
        notebook["cells"].append({"id": "code", "cell_type": "code", "metadata": {}, "source": "1", **ran})
        (tmp_path / "n.ipynb").write_text(json.dumps(notebook))
        text = (await desk.call("read_notebook"))[1]
        assert text == "[c1: code]\n1 / 2\n[mine: markdown]\nA thought.\n[code: code]\n1"
        text = (await desk.call("read_notebook", cell_ids=["code"]))[1]
        assert text == "[code: code]\n1\n[code: somebody else's]\ntheirs"
        assert (await desk.call("read_output", cell_id="code"))[1].endswith("\ntheirs")
        assert "'mine' is a text cell or somebody else's" in (await desk.call("edit_cell", cell_id="mine", code="1"))[1]

    desk = at_desk(tmp_path, work)
    assert [event.source for event in desk.of("cell_edited")] == ["1 / 2"]


def test_a_flood_is_clipped_and_the_rest_can_be_read(tmp_path):
    flood = "import sys\nfor i in range(2000):\n    sys.stdout.write(f'{i:07d}' + 'x' * 50_000 + '\\n')\n7"

    async def work(desk: Desk) -> None:
        is_error, text = await desk.call("run_cell", code=flood, timeout_s=100)
        assert not is_error
        assert len(text) < MAX_TEXT + 500
        assert "0000000xxx" in text
        assert text.endswith("\n7")
        assert 'read_output(cell_id="c1", offset=' in text
        offset = int(text.split("offset=")[1].split(")")[0])
        rest = (await desk.call("read_output", cell_id="c1", offset=offset))[1]
        assert rest.startswith(f"[c1: characters {offset} to {offset + MAX_TEXT} of ")
        assert f"go on with offset={offset + MAX_TEXT}]" in rest
        is_error, text = await desk.call("read_output", cell_id="c1", offset=10**9)
        assert is_error
        assert "give an offset below that" in text

    at_desk(tmp_path, work)


def test_strange_code_fails_in_its_cell_and_nowhere_else(tmp_path):
    async def work(desk: Desk) -> None:
        is_error, text = await desk.call("run_cell", code="1\x00 + 1")
        assert is_error
        assert text.startswith("[c1: error, ")
        await desk.call("run_cell", code="print('\\ud800')")
        assert (await desk.call("run_cell", code="2"))[1].endswith("\n2")

    at_desk(tmp_path, work)


def test_a_cell_that_rewrites_its_notebook_loses_nothing(tmp_path):
    async def work(desk: Desk) -> None:
        await desk.call("run_cell", code="'the evidence'")
        erase = "import json, pathlib\npath = pathlib.Path('../n.ipynb')\nnotebook = json.loads(path.read_text())\n"
        erase += "notebook['cells'] = notebook['cells'][1:]\npath.write_text(json.dumps(notebook))\n0"
        await desk.call("run_cell", code=erase)
        await desk.call("run_cell", code="pathlib.Path('../n.ipynb').unlink()")
        assert "the evidence" in (await desk.call("read_notebook", cell_ids=["c1"]))[1]
        assert (await desk.call("run_cell", code="3"))[1].endswith("\n3")

    at_desk(tmp_path, work)
    cells = json.loads((tmp_path / "n.ipynb").read_text())["cells"]
    assert [cell["id"] for cell in cells] == ["c1", "c2", "c3", "c4"]


def test_hypotheses_are_events_and_a_resumed_call_notes_none_twice(tmp_path):
    async def work(desk: Desk) -> None:
        await desk.call("run_cell", code="1")
        await desk.call("note_hypothesis", claim="x", status="open", evidence=["c1"])
        await desk.call("note_hypothesis", claim="x", status="refuted", evidence=["c1"])

    desk = at_desk(tmp_path, work)
    assert [event.status for event in desk.of("hypothesis_noted")] == ["open", "refuted"]
