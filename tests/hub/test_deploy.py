"""The files that an administrator copies: they say what the tests on a real Hub say."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from traitlets.config import Config

from interp_bench_ext.hub.offers import Offers
from interp_bench_ext.hub.settings import ADMIN_SCOPE, load_settings
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
    return values, list(yaml.load_all((folder / "organisms.yaml").read_text("utf-8")))


def test_both_ways_give_the_roles_that_were_tested_and_no_wider_ones() -> None:
    wanted = scopes(ROLES)
    assert scopes(one_machine().JupyterHub.load_roles) == wanted
    values, _ = kubernetes()
    roles = [{"name": name, **role} for name, role in values["hub"]["loadRoles"].items()]
    without_gateway = {name: {scope for scope in held if GATEWAY not in scope} for name, held in wanted.items()}
    assert scopes(roles) == without_gateway  # there it has no gateway yet
    assert wanted[f"{SERVICE}-admin"] == {ADMIN_SCOPE}


def test_users_servers_are_told_where_the_service_is_and_may_reach_it() -> None:
    config, (values, applied) = one_machine(), kubernetes()
    service = next(one for one in config.JupyterHub.services if one["name"] == SERVICE)
    assert config.Spawner.environment[URL_VARIABLE] == f"{service['url']}/services/{SERVICE}"
    deployment = next(one for one in applied if one["kind"] == "Deployment")
    container = deployment["spec"]["template"]["spec"]["containers"][0]
    port = container["ports"][0]["containerPort"]
    assert values["singleuser"]["extraEnv"][URL_VARIABLE] == f"http://{SERVICE}:{port}/services/{SERVICE}"
    egress = values["singleuser"]["networkPolicy"]["egress"][0]
    assert egress["ports"] == [{"port": port, "protocol": "TCP"}]
    labels = deployment["spec"]["template"]["metadata"]["labels"]
    assert egress["to"][0]["podSelector"]["matchLabels"].items() <= labels.items()
    policy = next(one for one in applied if one["kind"] == "NetworkPolicy")
    assert policy["spec"]["podSelector"]["matchLabels"].items() <= labels.items()


def test_the_settings_of_the_one_machine_are_good_ones() -> None:
    settings = load_settings(SETTINGS)
    offered = Offers(settings, folder=SETTINGS.parent)
    assert [offer.handle for offer in offered.all()] == list(settings.organisms)
