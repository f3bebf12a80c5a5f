from __future__ import annotations

import pytest
from mcp.shared.exceptions import MCPError
from mcp.types import GetPromptRequestParams

from interp_bench_ext.agent.mcp_tools import READS
from interp_bench_ext.agent.tools import TOOLS
from interp_bench_ext.mcp.server import _prompt, _tools
from interp_bench_ext.mcp.verbs import VERBS


def test_every_tool_of_the_agent_and_every_verb_is_there_once():
    names = [tool.name for tool in _tools()]
    assert sorted(names) == sorted({entry.spec.name for entry in (*TOOLS, *VERBS)})


def test_what_only_reads_is_marked_so():
    reads = {tool.name for tool in _tools() if tool.annotations is not None and tool.annotations.read_only_hint}
    assert reads == set(READS)
    assert not reads & {"run_cell", "start_run", "submit_findings", "note_hypothesis", "stop_run"}


def test_no_tool_is_marked_as_one_that_a_person_must_be_asked_about():
    """`codex exec`, which can ask nobody, refuses those."""
    marks = [tool.annotations for tool in _tools()]
    assert {(mark.destructive_hint, mark.open_world_hint) for mark in marks if mark} == {(False, False)}
    assert None not in marks


def test_there_is_one_prompt_and_it_names_its_config():
    told = _prompt(GetPromptRequestParams(name="investigate", arguments={"config": " fern "}))
    assert "'fern'" in told.messages[0].content.text
    for name, arguments in (("other", {"config": "fern"}), ("investigate", {}), ("investigate", None)):
        with pytest.raises(MCPError, match="there is one prompt, 'investigate'"):
            _prompt(GetPromptRequestParams(name=name, arguments=arguments))
