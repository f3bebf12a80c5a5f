"""The files that an administrator copies: they say what the tests on a real Hub say."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML
from traitlets.config import Config

from interp_bench_ext.contracts import Used
from interp_bench_ext.hub.classrooms import Classrooms
from interp_bench_ext.hub.gateway.ledger import Charge, Ledger
from interp_bench_ext.hub.offers import Offers
from interp_bench_ext.hub.settings import ADMIN_SCOPE, load_settings
from interp_bench_ext.hub.store import HandedRow, Store
from interp_bench_ext.organisms.places.hub.account import URL_VARIABLE
from tests.hub.hub import GATEWAY, ROLES, SERVICE

DEPLOY = Path(__file__).parents[2] / "deploy"
SETTINGS = DEPLOY / "one-machine" / "service.yaml"
Scopes = dict[str, set[str]]


def scopes(roles: list[dict[str, Any]]) -> Scopes:
    return {role["name"]: set(role["scopes"]) for role in roles}


def one_machine() -> Config:
    """The configuration as the Hub reads it."""
    text = (DEPLOY / "one-machine" / "jupyterhub_config.py").read_text("utf-8")
    config = Config()
    for file in ("service.yaml", "anthropic_api_key"):  # any file will do for the key
        text = text.replace(f"/etc/interp-bench/{file}", str(SETTINGS))
    exec(text, {"get_config": lambda: config})
    return config


def kubernetes() -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """The chart's values, and what is applied beside it."""
    folder, yaml = DEPLOY / "kubernetes", YAML(typ="safe")
    values = yaml.load((folder / "values.yaml").read_text("utf-8"))
    applied = [one for name in ("organisms", "gateway") for one in yaml.load_all((folder / f"{name}.yaml").read_text())]
    return values, applied


def test_both_ways_give_the_roles_that_were_tested_and_no_wider_ones() -> None:
    wanted = scopes(ROLES)
    assert scopes(one_machine().JupyterHub.load_roles) == wanted
    values, _ = kubernetes()
    roles = [{"name": name, **role} for name, role in values["hub"]["loadRoles"].items()]
    assert scopes(roles) == wanted
    assert wanted[f"{SERVICE}-admin"] == {ADMIN_SCOPE}


@pytest.mark.parametrize(("name", "variable"), [(SERVICE, URL_VARIABLE), (GATEWAY, "ANTHROPIC_BASE_URL")])
def test_users_servers_are_told_where_a_service_is_and_may_reach_it(name: str, variable: str) -> None:
    config, (values, applied) = one_machine(), kubernetes()
    service = next(one for one in config.JupyterHub.services if one["name"] == name)
    assert config.Spawner.environment[variable] == f"{service['url']}/services/{name}"
    own = {one["kind"]: one for one in applied if one["metadata"]["name"] == name}
    pod = own["Deployment"]["spec"]["template"]
    (container,) = pod["spec"]["containers"]
    port = container["ports"][0]["containerPort"]
    assert values["singleuser"]["extraEnv"][variable] == f"http://{name}:{port}/services/{name}"
    assert values["hub"]["services"][name]["url"] == f"http://{name}:{port}"
    assert own["Service"]["spec"]["ports"] == [{"port": port}]
    labels = pod["metadata"]["labels"]
    egress = [
        rule
        for rule in values["singleuser"]["networkPolicy"]["egress"]
        if rule["to"][0]["podSelector"]["matchLabels"].items() <= labels.items()
    ]
    assert [rule["ports"] for rule in egress] == [[{"port": port, "protocol": "TCP"}]]
    policy = own["NetworkPolicy"]["spec"]
    assert policy["podSelector"]["matchLabels"].items() <= labels.items()
    assert policy["ingress"][0]["ports"] == [{"port": port, "protocol": "TCP"}]


def test_the_providers_key_is_in_the_gateways_pod_alone() -> None:
    values, applied = kubernetes()
    having = [one["metadata"]["name"] for one in applied if "ANTHROPIC_API_KEY" in str(one)]
    assert (having, "ANTHROPIC_API_KEY" in str(values)) == ([GATEWAY], False)


def test_the_settings_of_the_one_machine_are_good_ones(tmp_path: Path) -> None:
    settings = load_settings(SETTINGS)
    offered = Offers(settings, folder=SETTINGS.parent, classrooms=Classrooms(settings, Store(tmp_path / "state")))
    assert [offer.handle for offer in offered.all()] == list(settings.organisms)


def test_the_guides_statements_delete_what_a_user_leaves_and_nothing_of_anothers(tmp_path: Path) -> None:
    guide = (DEPLOY.parent / "docs" / "jupyterhub.md").read_text("utf-8")
    service, gateway = guide.split("```sql\n")[1].split("```")[0].replace("NAME", "alice").split("-- the key gateway")
    store, ledger = Store(tmp_path / "service"), Ledger(tmp_path / "gateway")
    for user in ("alice", "bob"):
        store.note("", "quartz", [f"user:{user}", "group:course"], Used(samples=1), calls=1)
        store.hand_in(HandedRow("course", user, "quartz", 0.0, "{}", "{}"))
        ledger.reserve(user, [f"user:{user}", "group:course"], model="m", most=Charge(tokens=5), budgets=[])
    for name, statements in (("service", service), ("gateway", f"--{gateway}")):
        database = sqlite3.connect(tmp_path / name)
        database.executescript(statements)
        left = "\n".join(database.iterdump())
        assert "bob" in left
        assert "alice" not in left
        database.close()
    assert store.usage("group:course", hours=24).calls == 2
    assert ledger.spent("group:course", hours=24).tokens == 10
    store.close()
    ledger.close()
