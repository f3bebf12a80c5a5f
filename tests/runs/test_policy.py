from __future__ import annotations

from pathlib import Path

import pytest

from interp_bench_ext.api import ResumeRun, StartRun
from interp_bench_ext.config import load_config
from interp_bench_ext.errors import BadInput
from interp_bench_ext.runs.policy import Policy


def experiment(tmp_path: Path, agent: str = "{}"):
    file = tmp_path / "x.yaml"
    file.write_text(f"experiment_name: x\nmodel: {{name: a/b, execution_mode: local}}\ntask: t\nagent: {agent}\n")
    return load_config(file)


def asked(**fields) -> StartRun:
    return StartRun(request_id="r", config="x", **fields)


def test_what_is_asked_for_replaces_what_the_config_says_and_the_rest_stays(tmp_path):
    found = experiment(tmp_path, "{provider: anthropic, max_steps: 9, max_minutes: 3}")
    public = Policy(max_runs=1).experiment(found, asked(max_steps=4, seed=7, approval="ask")).public
    assert (public.agent.max_steps, public.agent.max_minutes, public.agent.approval, public.seed) == (4, 3, "ask", 7)
    assert found.public.agent.max_steps == 9


def test_what_is_fixed_holds_for_those_who_do_not_choose_and_refuses_those_who_choose_otherwise(tmp_path):
    policy = Policy(max_runs=1, locked={"max_cost_usd": 2.0, "approval": "ask"})
    agent = policy.experiment(experiment(tmp_path), asked(approval="ask")).public.agent
    assert (agent.max_cost_usd, agent.approval) == (2.0, "ask")
    with pytest.raises(BadInput, match="the administrator has fixed max_cost_usd to 2.0"):
        policy.experiment(experiment(tmp_path), asked(max_cost_usd=50))
    with pytest.raises(BadInput, match="the administrator has fixed max_cost_usd"):
        policy.limits(ResumeRun(request_id="r", max_cost_usd=50))
    assert policy.limits(ResumeRun(request_id="r", max_steps=3)) == {"max_steps": 3, "max_cost_usd": 2.0}


def test_the_default_agent_is_for_configs_that_name_none(tmp_path):
    policy = Policy(max_runs=1, default_provider="playbook")
    assert policy.experiment(experiment(tmp_path), asked()).public.agent.provider == "playbook"
    named = experiment(tmp_path, "{provider: anthropic}")
    assert policy.experiment(named, asked()).public.agent.provider == "anthropic"


def test_the_playbook_has_no_model(tmp_path):
    found = experiment(tmp_path, "{provider: anthropic, model: claude-opus-5-5}")
    agent = Policy(max_runs=1).experiment(found, asked(provider="playbook")).public.agent
    assert (agent.provider, agent.model) == ("playbook", None)


@pytest.mark.parametrize("locked", [{"config": "x"}, {"max_step": 3}, {"approval": "never"}, {"max_cost_usd": -1}])
def test_a_setting_that_fits_no_field_is_bad_input(locked):
    with pytest.raises(BadInput, match=r"InterpBenchApp\.locked"):
        Policy(max_runs=1, locked=locked)


def test_a_model_that_is_asked_for_is_never_left_to_a_playbook_by_config_or_by_default(tmp_path):
    for policy, config in (
        (Policy(max_runs=1), "{provider: playbook}"),
        (Policy(max_runs=1, default_provider="playbook"), "{}"),
    ):
        agent = policy.experiment(experiment(tmp_path, config), asked(model="claude-opus-5-5")).public.agent
        assert (agent.provider, agent.model) == (None, "claude-opus-5-5")
