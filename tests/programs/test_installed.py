"""What is said of a program that is not there, or is of no use."""

from __future__ import annotations

import pytest

from interp_bench_ext.config import AgentSection, PublicConfig
from interp_bench_ext.contracts import Access
from interp_bench_ext.errors import BadInput
from interp_bench_ext.programs.installed import installed, on_path
from interp_bench_ext.runs.resolve import agent_name, choose_agent
from tests.programs.standing_in import install, plan

REFUSED = {
    "too old": ({"flags": "--print --output-format --verbose"}, "Claude Code 2.1.332 is too old: it has no --tools;"),
    "another program": ({"version": "Claude, a poem"}, "says 'Claude, a poem': that is not Claude Code"),
    "fails": (
        {"version": "node: \x1b[31mtoo old", "status": 1},
        r"cannot be used: `.*claude --version` fails \(node: too",
    ),
}


def public(**agent: object) -> PublicConfig:
    return PublicConfig(
        experiment_name="x",
        description="",
        task="t",
        techniques=(),
        access=Access.BASE,
        execution_mode="local",
        gpu_type=None,
        agent=AgentSection.model_validate(agent),
        tips=None,
        runs=1,
        seed=0,
    )


def test_a_program_that_is_not_there_is_refused_with_what_to_do(stand_in):
    with pytest.raises(BadInput, match="Codex is not installed here: .*npm install -g @openai/codex"):
        installed("codex")
    assert [program.name for program in on_path()] == ["claude-code"]


@pytest.mark.parametrize("fault", REFUSED)
def test_one_that_is_of_no_use_is_refused_in_one_sentence(stand_in, monkeypatch, fault):
    what, sentence = REFUSED[fault]
    plan(monkeypatch, **what)
    with pytest.raises(BadInput, match=sentence) as raised:
        installed("claude-code")
    assert "\x1b" not in str(raised.value)


def test_a_run_is_called_by_program_version_and_model(stand_in, monkeypatch):
    plan(monkeypatch)
    chosen = choose_agent(public(provider="claude-code", model="opus", max_tokens=1000), None)
    assert chosen.program == "2.1.332"
    assert agent_name(chosen) == "claude-code 2.1.332 opus"
    assert agent_name(choose_agent(public(provider="claude-code"), None)) == "claude-code 2.1.332"


def test_a_limit_that_a_program_cannot_hold_is_refused(stand_in, monkeypatch):
    plan(monkeypatch, flags="--json --ephemeral --ignore-rules --skip-git-repo-check --sandbox --config --model")
    install(stand_in.parent, "codex")
    with pytest.raises(BadInput, match="agent.max_cost_usd: Codex says what it has used up at its end only"):
        choose_agent(public(provider="codex", max_cost_usd=2), None)
