from __future__ import annotations

import pytest
from mcp.shared.exceptions import MCPError
from mcp.types import GetPromptRequestParams

from interp_bench_ext.agent.tools import TOOLS, ToolResult
from interp_bench_ext.mcp.server import _BY_NAME, _READS, _call_result, _prompt, _tools, _understood
from interp_bench_ext.mcp.verbs import VERBS
from tests.agent.tools.test_rendering import PIXEL

IMAGE = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": PIXEL}}


def test_every_tool_of_the_agent_and_every_verb_is_there_once():
    names = [tool.name for tool in _tools()]
    assert sorted(names) == sorted({entry.spec.name for entry in (*TOOLS, *VERBS)})


def test_what_only_reads_is_marked_so():
    reads = {tool.name for tool in _tools() if tool.annotations is not None and tool.annotations.read_only_hint}
    assert reads == set(_READS)
    assert not reads & {"run_cell", "start_run", "submit_findings", "note_hypothesis", "stop_run"}


def test_what_a_client_adds_of_its_own_is_left_out_and_said():
    kept, note = _understood(_BY_NAME["run_cell"], {"code": "1", "wait_for_previous": True, "_meta": {}})
    assert kept == {"code": "1"}
    assert note == "[run_cell takes no wait_for_previous, _meta: left out]"
    assert _understood(_BY_NAME["run_cell"], {"code": "1", "timeout": 3}) == ({"code": "1", "timeout": 3}, "")
    _, long = _understood(_BY_NAME["run_cell"], {f"{number}" * 90: 1 for number in range(9)})
    assert len(long) < 6 * 65
    assert "5" * 60 not in long


def test_there_is_one_prompt_and_it_names_its_config():
    told = _prompt(GetPromptRequestParams(name="investigate", arguments={"config": " fern "}))
    assert "'fern'" in told.messages[0].content.text
    for name, arguments in (("other", {"config": "fern"}), ("investigate", {}), ("investigate", None)):
        with pytest.raises(MCPError, match="there is one prompt, 'investigate'"):
            _prompt(GetPromptRequestParams(name=name, arguments=arguments))


def test_a_result_keeps_its_images_also_where_the_cell_failed():
    failed = ToolResult(content=[{"type": "text", "text": "1/0"}], is_error=True)
    assert _call_result(failed).is_error
    shown = _call_result(ToolResult(content=[*failed.content, IMAGE], is_error=True))
    assert [block.type for block in shown.content] == ["text", "image"]
    assert not shown.is_error, "clients drop the images of an error"


def test_an_image_that_is_none_is_told_as_text():
    broken = {**IMAGE, "source": {**IMAGE["source"], "data": "bm90IGFuIGltYWdl"}}
    assert [block.type for block in _call_result(ToolResult(content=[broken])).content] == ["text"]
