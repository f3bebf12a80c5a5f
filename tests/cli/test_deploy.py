"""doctor, deploy, status and undeploy, as a person types them, against a Modal of the test's own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.host.tiny import save_model
from tests.organisms.places.modal.running import ROOT, RunningPlane


@dataclass
class User:
    """A user's machine: a folder with configs, and the environment of one shell."""

    folder: Path
    environment: dict[str, str]

    def config(self, model: str, *, name: str = "one", agent: str = "{provider: playbook}") -> str:
        text = f"experiment_name: {name}\nmodel: {model}\ntask: t\nagent: {agent}\n"
        (self.folder / f"{name}.yaml").write_text(text, encoding="utf-8")
        return f"{name}.yaml"

    def command(self, *arguments: str, expect: int = 0) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "interp_bench_ext", *arguments]
        done = subprocess.run(
            command, env=self.environment, cwd=self.folder, capture_output=True, text=True, check=False
        )
        assert done.returncode == expect, (done.stdout, done.stderr)
        assert "Traceback" not in done.stderr
        return done

    def checks(self, *arguments: str, expect: int = 0) -> dict[str, Any]:
        """What doctor says, by what it looked at."""
        found = json.loads(self.command("doctor", *arguments, "--json", expect=expect).stdout)
        return {check["what"]: check for check in found}


@pytest.fixture
def plane(tmp_path: Path) -> Iterator[RunningPlane]:
    plane = RunningPlane(tmp_path / "plane")
    yield plane
    plane.stop()


@pytest.fixture
def user(tmp_path: Path, plane: RunningPlane) -> User:
    folder = tmp_path / "user"
    folder.mkdir()
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(folder / "home"),
        "XDG_DATA_HOME": str(folder / "data"),
        "XDG_CONFIG_HOME": str(folder / "configuration"),
        "XDG_CACHE_HOME": str(folder / "cache"),
        "HF_HUB_OFFLINE": "1",
        "COLUMNS": "200",
        "PYTHONPATH": str(ROOT),
        **plane.environment,
    }
    return User(folder, environment)


@pytest.mark.slow
def test_doctor_finds_everything_ready(user: User, plane: RunningPlane) -> None:
    plane.do("secret", name="huggingface-secret", values={"HF_TOKEN": "hf_marker"})
    config = user.config("{name: gpt2}")
    checks = user.checks(config)
    assert checks["Modal"]["ok"]
    assert "signed in" in checks["Modal"]["state"]
    assert checks["model hub's secret"]["ok"]
    assert checks["GPU memory"]["ok"]
    assert "A10G: " in checks["GPU memory"]["state"]
    said = user.command("doctor", config).stdout
    assert "hf_marker" not in said
    assert "missing" not in said


def test_doctor_without_a_token(user: User) -> None:
    del user.environment["MODAL_TOKEN_ID"], user.environment["MODAL_TOKEN_SECRET"]
    check = user.checks(user.config("{name: gpt2}"), expect=1)["Modal"]
    assert (check["ok"], check["state"]) == (False, "there is no token on this machine")
    assert check["mend"] == "modal token new"


@pytest.mark.slow
def test_doctor_with_a_token_that_has_expired(user: User, plane: RunningPlane) -> None:
    plane.do("faults", token=["ak-other", "as-other"])
    check = user.checks(user.config("{name: gpt2}"), expect=1)["Modal"]
    assert (check["state"], check["mend"]) == ("the token is wrong or has expired", "modal token new")


@pytest.mark.slow
def test_doctor_where_modal_cannot_be_reached(user: User) -> None:
    user.environment["MODAL_SERVER_URL"] = "http://127.0.0.1:9"
    check = user.checks(user.config("{name: gpt2}"), expect=1)["Modal"]
    assert check["state"] == "it cannot be reached"


@pytest.mark.slow
def test_doctor_where_the_secret_is_missing(user: User) -> None:
    config = user.config("{name: gpt2, modal: {secret: mine}}")
    check = user.checks(config, expect=1)["model hub's secret"]
    assert (check["ok"], check["mend"]) == (False, "modal secret create mine HF_TOKEN=hf_...")
    local = save_model("llama", user.folder / "model")
    assert local.is_dir()
    assert not user.checks(user.config("{name: ./model}", name="two"))["model hub's secret"]["needed"]


@pytest.mark.slow
def test_doctor_says_where_a_licence_is_accepted_and_what_gpu_would_do(user: User, plane: RunningPlane) -> None:
    plane.do("secret", name="huggingface-secret", values={"HF_TOKEN": "hf_marker"})
    checks = user.checks(user.config("{name: google/gemma-2-9b-it, gpu_type: T4}"), expect=1)
    licence, memory = checks["model's licence"], checks["GPU memory"]
    assert licence["ok"] is None
    assert "https://huggingface.co/google/gemma-2-9b-it" in licence["mend"]
    assert memory["ok"] is False
    assert memory["mend"].startswith("set `model.gpu_type: L4`, which has 24.0 GB")


@pytest.mark.slow
def test_doctor_of_a_local_config_asks_nothing_of_modal(user: User) -> None:
    del user.environment["MODAL_TOKEN_ID"], user.environment["MODAL_TOKEN_SECRET"]
    save_model("llama", user.folder / "model")
    local = "{name: ./model, execution_mode: local, device: cpu}"
    checks = user.checks(user.config(local))
    assert not checks["Modal"]["ok"]
    assert not checks["Modal"]["needed"]
    claude = user.config(local, name="claude", agent="{provider: anthropic}")
    check = user.checks(claude, expect=1)["agent"]
    assert "no key is set" in check["state"]
    user.environment["ANTHROPIC_API_KEY"] = "sk-marker"
    assert user.checks(claude)["agent"]["ok"]


@pytest.mark.slow
def test_deploy_status_undeploy(user: User) -> None:
    save_model("llama", user.folder / "model")
    config = user.config("{name: ./model, gpu_type: T4}")
    before = json.loads(user.command("status", config, "--json").stdout)
    assert (before["deployed"], before["containers"], before["usd_per_hour"]) == (False, 0, 0)

    deployed = user.command("deploy", config, "--json")
    assert json.loads(deployed.stdout)["deployed"]
    assert "T4: " in deployed.stderr
    assert "an hour" in deployed.stderr

    after = json.loads(user.command("status", config, "--json").stdout)
    assert after["app"] == before["app"]
    assert (after["deployed"], after["containers"]) == (True, 0)
    assert "model" not in after["app"]

    assert json.loads(user.command("undeploy", config, "--json").stdout) == {"app": after["app"], "stopped": True}
    assert "it was not deployed" in user.command("undeploy", config).stderr
    assert not json.loads(user.command("status", config, "--json").stdout)["deployed"]


def test_nothing_is_deployed_of_what_does_not_fit_or_does_not_run_on_modal(user: User, plane: RunningPlane) -> None:
    large = user.command("deploy", user.config("{name: google/gemma-2-9b-it, gpu_type: T4}"), expect=2)
    assert "set `model.gpu_type: L4`" in " ".join(large.stderr.split())
    here = user.command("deploy", user.config("{name: gpt2, execution_mode: local}"), expect=2)
    assert "runs nothing on Modal" in here.stderr
    assert plane.count("AppPublish") == 0


def test_a_sweep_without_a_token_says_so_once_and_starts_nothing(user: User) -> None:
    del user.environment["MODAL_TOKEN_ID"], user.environment["MODAL_TOKEN_SECRET"]
    save_model("llama", user.folder / "model")
    configs = [user.config("{name: ./model}", name=name) for name in ("one", "two")]
    said = user.command("sweep", *configs, "--runs", "3", "--yes", expect=2).stderr
    assert said.count("Modal has no token") == 1
    assert json.loads(user.command("runs", "--json").stdout) == []
