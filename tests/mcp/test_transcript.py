from __future__ import annotations

import asyncio

import pytest

from tests.mcp.clients import stdio_guest, text_of, write_configs
from tests.mcp.transcript import PAGE, calls_in, plan, rendered, session


@pytest.mark.slow
def test_the_session_in_the_docs_is_one_that_a_client_has(tmp_path):
    write_configs(tmp_path)

    async def main() -> str:
        async with stdio_guest(tmp_path) as guest:
            calls = [call async for call in session(guest, "quokka")]
        for name, _, result, _ in calls:
            assert not result.is_error, (name, text_of(result))
        assert "is finished" in text_of(calls[-1][2])
        return "".join(rendered(*call) for call in calls)

    shown = asyncio.run(main())
    page = PAGE.read_text(encoding="utf-8")
    assert calls_in(page) == [name for name, _ in plan("birch")]
    for line in ("· the organism loads: ", "← result", "# How to investigate", "(image)"):
        assert line in shown
        assert line in page
