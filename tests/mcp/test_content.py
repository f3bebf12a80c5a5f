from __future__ import annotations

from interp_bench_ext.agent.tools import ToolResult
from interp_bench_ext.mcp.content import call_result


def test_texts_and_images_keep_their_order():
    image = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "aa"}}
    made = call_result(ToolResult(content=[image, {"type": "text", "text": "x"}], is_error=True))
    assert made.is_error
    assert [block.type for block in made.content] == ["image", "text"]
    assert (made.content[0].data, made.content[0].mime_type) == ("aa", "image/png")
