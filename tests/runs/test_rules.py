from __future__ import annotations

from pathlib import Path

import pytest

from interp_bench_ext.api import ConfigCard, ResumeRun, StartRun
from interp_bench_ext.config import AgentSection, Experiment, load_config
from interp_bench_ext.contracts import Veil
from interp_bench_ext.errors import BadInput
from interp_bench_ext.runs.policy import Policy
from interp_bench_ext.runs.rules import Rules


def rules(*, required_veil: str | None = None, at_most: dict[str, float] | None = None, **allowed: list[str]) -> Rules:
    return Rules.of(allowed=allowed, at_most=at_most or {}, required_veil=required_veil)


@pytest.fixture
def experiment(tmp_path: Path) -> Experiment:
    file = tmp_path / "x.yaml"
    file.write_text("experiment_name: x\nmodel: {name: a/b, execution_mode: local}\ntask: t\n")
    return load_config(file)


def check(rules: Rules, *, veil: Veil = Veil.SANDBOXED, gpu_type: str | None = None, **agent: object) -> None:
    section = AgentSection.model_validate({"provider": "anthropic", "model": "claude-opus-5-5", **agent})
    rules.check(section, place="local", gpu_type=gpu_type, veil=veil)


def test_without_rules_anything_goes():
    check(rules(), veil=Veil.PROCESS, max_minutes=None)


@pytest.mark.parametrize(
    ("made", "agent", "said"),
    [
        (rules(places=["hub"]), {}, "does not allow organisms at local here; there is hub"),
        (rules(gpu_types=["T4"]), {"gpu_type": "B200"}, "does not allow the GPU B200 here; there is T4"),
        (rules(providers=["playbook"]), {}, "does not allow the agent anthropic here; there is playbook"),
        (rules(models=["claude-haiku-5-5"]), {}, "does not allow the model claude-opus-5-5 here"),
        (rules(models=["claude-opus-5-5"]), {"base_url": "https://elsewhere.example"}, "no server of a config's own"),
        (rules(models=["a"]), {"provider": "codex", "model": "b"}, "does not allow the model b here; there is a"),
        (rules(models=["a"]), {"provider": "codex", "model": None}, "does not allow codex to choose its model here"),
        (rules(at_most={"max_cost_usd": 2}), {}, "max_cost_usd of 2 at most; this run has no limit"),
        (rules(at_most={"max_cost_usd": 2}), {"max_cost_usd": 3}, "max_cost_usd of 2 at most; this run has 3"),
        (rules(required_veil="remote"), {}, "a veil that is remote or stronger, and here it would be sandboxed"),
    ],
)
def test_what_is_not_allowed_is_refused_with_what_there_is(made: Rules, agent: dict, said: str):
    with pytest.raises(BadInput, match=said):
        check(made, **agent)


def test_a_stronger_veil_and_a_smaller_budget_will_do():
    strict = rules(required_veil="sandboxed", at_most={"max_cost_usd": 2})
    check(strict, veil=Veil.REMOTE, max_cost_usd=1)


def test_a_clients_own_costs_are_not_known_and_its_other_budgets_are():
    strict = rules(at_most={"max_cost_usd": 2, "max_steps": 10})
    check(strict, provider="mcp", model="client", max_steps=10)
    with pytest.raises(BadInput, match="max_steps"):
        check(strict, provider="mcp", model="client", max_steps=11)


def test_a_person_costs_nothing_and_is_an_agent_that_can_be_left_out():
    check(rules(at_most={"max_cost_usd": 2}), provider="person", model=None)
    with pytest.raises(BadInput, match="does not allow the agent person here; there is playbook"):
        check(rules(providers=["playbook"]), provider="person", model=None)


def test_larger_budgets_of_a_config_are_lowered_and_of_a_person_refused(experiment: Experiment):
    policy = Policy(max_runs=1, rules=rules(at_most={"max_cost_usd": 2, "max_steps": 10}))
    agent = policy.experiment(experiment, StartRun(request_id="r", config="x", max_steps=4)).public.agent
    assert (agent.max_steps, agent.max_cost_usd) == (4, 2)
    with pytest.raises(BadInput, match="max_steps of 10 at most"):
        policy.experiment(experiment, StartRun(request_id="r", config="x", max_steps=11))
    with pytest.raises(BadInput, match="max_cost_usd of 2 at most"):
        policy.limits(ResumeRun(request_id="r", max_cost_usd=3))


def test_an_open_model_is_one_that_is_allowed(experiment: Experiment):
    policy = Policy(max_runs=1, rules=rules(models=["claude-haiku-5-5"]))
    agent = policy.experiment(experiment, StartRun(request_id="r", config="x", provider="anthropic")).public.agent
    assert agent.model == "claude-haiku-5-5"


def test_cards_are_offered_by_name_and_folder_and_say_what_stands_against_them():
    course = rules(folders=["Course"], configs=["birch"], places=["local"], required_veil="sandboxed")
    assert course.offers("birch", group="Course")
    assert not course.offers("birch", group="Bundled")
    assert not course.offers("amber", group="Course")
    card = ConfigCard(name="birch", group="Course", file="x", title="birch", place="local", veil="sandboxed")
    assert course.obstacle(card) is None
    assert "organisms at modal" in str(course.obstacle(card.model_copy(update={"place": "modal"})))
    assert "it would be process" in str(course.obstacle(card.model_copy(update={"veil": "process"})))


@pytest.mark.parametrize(
    ("allowed", "at_most", "said"),
    [
        ({"model": ["x"]}, {}, r"InterpBenchApp\.allowed: .*model"),
        ({"models": "x"}, {}, r"InterpBenchApp\.allowed: .*models"),
        ({}, {"max_cost": 2}, "did you mean `max_cost_usd`"),
        ({}, {"max_cost_usd": -2}, "-2 is no value for max_cost_usd"),
        ({}, {"max_cost_usd": "2"}, "'2' is no value for max_cost_usd"),
    ],
)
def test_a_rule_that_fits_nothing_is_bad_input(allowed: dict, at_most: dict, said: str):
    with pytest.raises(BadInput, match=said):
        Rules.of(allowed=allowed, at_most=at_most, required_veil=None)
