from __future__ import annotations

from interp_bench_ext.agent.mcp_tools import call_result, understood
from interp_bench_ext.agent.tools import TOOLS, ToolResult
from tests.agent.tools.test_rendering import PIXEL

IMAGE = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": PIXEL}}
_BY_NAME = {entry.spec.name: entry for entry in TOOLS}


def test_what_a_client_adds_of_its_own_is_left_out_and_said():
    kept, note = understood(_BY_NAME["run_cell"], {"code": "1", "wait_for_previous": True, "_meta": {}})
    assert kept == {"code": "1"}
    assert note == "[run_cell takes no wait_for_previous, _meta: left out]"
    assert understood(_BY_NAME["run_cell"], {"code": "1", "timeout": 3}) == ({"code": "1", "timeout": 3}, "")
    _, long = understood(_BY_NAME["run_cell"], {f"{number}" * 90: 1 for number in range(9)})
    assert len(long) < 6 * 65
    assert "5" * 60 not in long


def test_a_result_keeps_its_images_also_where_the_cell_failed():
    failed = ToolResult(content=[{"type": "text", "text": "1/0"}], is_error=True)
    assert call_result(failed).is_error
    shown = call_result(ToolResult(content=[*failed.content, IMAGE], is_error=True))
    assert [block.type for block in shown.content] == ["text", "image"]
    assert not shown.is_error, "clients drop the images of an error"


def test_an_image_that_is_none_is_told_as_text():
    broken = {**IMAGE, "source": {**IMAGE["source"], "data": "bm90IGFuIGltYWdl"}}
    assert [block.type for block in call_result(ToolResult(content=[broken])).content] == ["text"]
