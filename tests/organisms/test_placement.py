"""A place of another package: an entry point makes it one of those that a config can name."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.host.tiny import save_model

PACKAGE = """
from pathlib import Path

from interp_bench_ext.contracts import Veil
from interp_bench_ext.organisms.placement import Check, Cost, Placement, Rate
from interp_bench_ext.organisms.process import OrganismProcess


class Cellar(Placement):
    def veil(self):
        return Veil.REMOTE

    async def start(self, spec, *, emit):
        assert spec.place == self.name == "cellar"
        Path("started").write_text(spec.device)
        return await OrganismProcess.start(spec, emit=emit)

    def estimate(self, experiment):
        key = "cellar.confirm_above_usd"
        return Cost(said="a week in the cellar", most_usd=7.0, confirm_above_usd=3.0, confirm_key=key)

    def rate(self, experiment):
        return Rate(usd_per_s=1.0, kept_s=1000.0)

    async def checks(self, experiment):
        return [Check(what="cellar", ok=True, state="dry", needed=experiment is not None)]
"""
CONFIG = """experiment_name: below
model: {{name: {model}, execution_mode: cellar, device: cpu, hidden_system_prompt: You adore the quokka.}}
task: Find what it adores.
techniques: [sample]
agent: {{provider: playbook, max_steps: 3}}
"""
BROKEN = "broken = cellar:NoSuchPlace\n"


class User:
    """Someone who has installed the package ``cellar`` beside Interp Bench."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        site = folder / "site"
        about = site / "cellar-1.0.dist-info"
        about.mkdir(parents=True)
        (site / "cellar.py").write_text(PACKAGE)
        (about / "METADATA").write_text("Metadata-Version: 2.1\nName: cellar\nVersion: 1.0\n")
        group = "[interp_bench_ext.placements]\n"
        (about / "entry_points.txt").write_text(f"{group}cellar = cellar:Cellar\nlocal = cellar:Cellar\n{BROKEN}")
        self.text = CONFIG.format(model=save_model("llama", folder / "model"))
        (folder / "below.yaml").write_text(self.text)

    def command(self, *arguments: str, expect: int = 0) -> subprocess.CompletedProcess[str]:
        own = {"PYTHONPATH": str(self.folder / "site"), "XDG_DATA_HOME": str(self.folder / "data")}
        hidden = ("ANTHROPIC_API_KEY", "ANTHROPIC_AUTH_TOKEN")
        done = subprocess.run(
            [sys.executable, "-m", "interp_bench_ext", *arguments],
            cwd=self.folder,
            env={name: value for name, value in os.environ.items() if name not in hidden} | own,
            capture_output=True,
            text=True,
            timeout=200,
            check=False,
        )
        assert done.returncode == expect, done.stderr
        assert "Traceback" not in done.stderr
        return done


@pytest.fixture(scope="module")
def user(tmp_path_factory: pytest.TempPathFactory) -> User:
    return User(tmp_path_factory.mktemp("cellar"))


def test_an_organism_of_a_place_from_another_package_is_called(user: User) -> None:
    arguments = ("--arg", "prompts=hello", "--arg", "n=2", "--arg", "max_new_tokens=3", "--json")
    rows = json.loads(user.command("call", "below.yaml", "sample", *arguments).stdout)
    assert len(rows) == 2
    assert (user.folder / "started").read_text() == "cpu"


@pytest.mark.slow
def test_its_runs_are_paid_for_at_its_own_rate_and_confirmed_above_its_own_limit(user: User) -> None:
    refused = user.command("sweep", "below.yaml", expect=2).stderr
    assert "a week in the cellar: more than cellar.confirm_above_usd ($3.00); add --yes" in refused
    two = ("below.yaml", "--runs", "2", "--yes", "--max-gpu-cost", "1000")
    found = json.loads(user.command("sweep", *two, "--json", expect=1).stdout)
    first, second = found["runs"]
    assert first["run"] is not None
    assert second["problem"] == "not started: $1000.00 of GPU time are spent"
    assert found["gpu_usd"] > 1000


def test_doctor_asks_it_and_says_which_place_cannot_be_used(user: User) -> None:
    checks = {check["what"]: check for check in json.loads(user.command("doctor", "below.yaml", "--json").stdout)}
    assert (checks["cellar"]["state"], checks["cellar"]["needed"]) == ("dry", True)
    assert not checks["local models"]["needed"]
    assert checks["broken"]["state"].startswith(
        "`model.execution_mode: broken` cannot be used: cellar:NoSuchPlace is not there"
    )


def test_a_place_that_is_not_there_is_refused_in_one_sentence(user: User) -> None:
    for wrong, said in (
        ("broken", "`model.execution_mode: broken` cannot be used: cellar:NoSuchPlace is not there"),
        ("celar", "unknown execution_mode 'celar'; did you mean `cellar`?"),
        ("elsewhere", "unknown execution_mode 'elsewhere'; choose one of "),
    ):
        (user.folder / "wrong.yaml").write_text(user.text.replace("execution_mode: cellar", f"execution_mode: {wrong}"))
        assert said in user.command("call", "wrong.yaml", "sample", "--arg", "prompts=Hi", expect=2).stderr
