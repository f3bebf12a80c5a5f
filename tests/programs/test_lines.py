"""What the programs' lines say, in the shapes of Claude Code 2.1.332, Codex 0.171.0 and Gemini CLI 0.61.0."""

from __future__ import annotations

import json
from typing import Any

import pytest

from interp_bench_ext.models.usage import Usage
from interp_bench_ext.programs.installed import PROGRAMS
from interp_bench_ext.programs.program import Heard, Wanted

WANTED = Wanted(url="http://127.0.0.1:1/mcp", token="the-token", model="m", limit_usd=1.5)


def heard(program: str, *lines: dict[str, Any]) -> list[Heard]:
    hearing = PROGRAMS[program].hearing()
    return [hearing.take(line) for line in lines]


def claude(number: int, *content: dict[str, Any]) -> dict[str, Any]:
    usage = {"input_tokens": 3, "cache_read_input_tokens": 50, "cache_creation_input_tokens": 7, "output_tokens": 1}
    message = {"id": f"m{number}", "model": "claude-opus-5-5", "content": list(content), "usage": usage}
    return {"type": "assistant", "message": message}


def test_claude_code_counts_each_reply_once_and_says_the_whole_at_its_end():
    call = {"type": "tool_use", "id": "t", "name": "mcp__interp-bench__run_cell", "input": {}}
    models = {
        "a": {"inputTokens": 6, "outputTokens": 40, "cacheReadInputTokens": 100, "cacheCreationInputTokens": 14},
        "b": {"inputTokens": 10, "outputTokens": 2},
    }
    end = {"type": "result", "subtype": "success", "is_error": False, "total_cost_usd": 0.5, "modelUsage": models}
    first, second, third, last = heard(
        "claude-code", claude(0, {"type": "text", "text": "I look."}), claude(0, call), claude(1, call), end
    )
    assert (first.said, first.model) == ("I look.", "claude-opus-5-5")
    one = Usage(input_tokens=3, output_tokens=1, cache_read_tokens=50, cache_write_tokens=7)
    assert (first.usage, second.usage) == (one, one)
    assert third.usage == Usage(input_tokens=6, output_tokens=2, cache_read_tokens=100, cache_write_tokens=14)
    assert last.usage == Usage(input_tokens=16, output_tokens=42, cache_read_tokens=100, cache_write_tokens=14)
    assert (last.cost_usd, last.failed, last.out_of_money) == (0.5, "", False)
    [spent] = heard("claude-code", {"type": "result", "subtype": "error_max_budget_usd", "is_error": True})
    assert (spent.out_of_money, spent.failed) == (True, "error_max_budget_usd")


def test_codex_counts_what_it_read_from_the_cache_within_its_input():
    usage = {"input_tokens": 300, "cached_input_tokens": 200, "output_tokens": 60, "reasoning_output_tokens": 5}
    said, done, failed = heard(
        "codex",
        {"type": "item.completed", "item": {"id": "i", "type": "agent_message", "text": "I look."}},
        {"type": "turn.completed", "usage": usage},
        {"type": "turn.failed", "error": {"message": "401 Unauthorized"}},
    )
    assert said.said == "I look."
    assert done.usage == Usage(input_tokens=100, cache_read_tokens=200, output_tokens=60)
    assert done.cost_usd is None
    assert failed.failed == "401 Unauthorized"


def test_gemini_cli_names_its_model_and_its_sums():
    stats = {"input_tokens": 300, "output_tokens": 60, "cached": 100, "models": {"gemini-2.5-pro": {}}}
    began, said, done = heard(
        "gemini",
        {"type": "init", "session_id": "s", "model": "auto"},
        {"type": "message", "role": "assistant", "content": "I look.", "delta": True},
        {"type": "result", "status": "success", "stats": stats},
    )
    assert (began.model, said.said, done.model) == ("auto", "I look.", "gemini-2.5-pro")
    assert done.usage == Usage(input_tokens=200, cache_read_tokens=100, output_tokens=60)


@pytest.mark.parametrize("program", PROGRAMS)
@pytest.mark.parametrize("kind", ["assistant", "result", "message", "item.completed", "turn.completed", "turn.failed"])
def test_a_line_of_another_shape_says_nothing_and_breaks_nothing(program, kind):
    strange: tuple[Any, ...] = (7, None, "x", [], {}, [1], {"usage": [], "content": [1]})
    for value in strange:
        line = {"type": kind, **dict.fromkeys(("message", "item", "usage", "stats", "error", "modelUsage"), value)}
        [said] = heard(program, line)
        assert said.said == ""


@pytest.mark.parametrize("program", PROGRAMS)
def test_the_token_is_no_argument_and_the_model_is_one(program):
    launch = PROGRAMS[program].launch(WANTED)
    assert "the-token" not in json.dumps(launch.arguments)
    assert "the-token" in json.dumps([*launch.variables.values(), *launch.files.values()])
    assert launch.arguments[launch.arguments.index("--model") + 1] == "m"


def test_codex_is_started_without_the_persons_own_servers(tmp_path, monkeypatch):
    monkeypatch.setenv("CODEX_HOME", str(tmp_path))
    (tmp_path / "config.toml").write_text('[mcp_servers."my files"]\ncommand = "x"\n', encoding="utf-8")
    arguments = PROGRAMS["codex"].launch(WANTED).arguments
    assert 'mcp_servers."my files".enabled=false' in arguments
    assert "features.shell_tool=false" in arguments
