from __future__ import annotations

from pathlib import Path

import pytest
from rich.console import Console

from interp_bench_ext.cli.doctor import _agent, _table
from interp_bench_ext.config import Experiment, load_config
from interp_bench_ext.organisms.placement import Check


def experiment(folder: Path, agent: str) -> Experiment:
    file = folder / "x.yaml"
    model = "{name: a/b, execution_mode: local}"
    file.write_text(f"experiment_name: x\nmodel: {model}\ntask: t\nagent: {agent}\n", encoding="utf-8")
    return load_config(file)


@pytest.mark.parametrize(
    ("agent", "ok", "state"),
    [
        ("{provider: anthropic}", False, "the config wants Claude, and no key is set"),
        ("{provider: playbook}", True, "no API key is set: the playbook investigates"),
        ("{}", True, "no API key is set: the playbook investigates"),
        ("{provider: anthropic, base_url: 'http://localhost:8000', model: own}", True, "no API key is set"),
        ("{provider: anthropic, platform: bedrock, model: m}", True, "no API key is set"),
    ],
)
def test_a_key_is_missed_by_a_config_that_needs_one_only(tmp_path: Path, agent: str, ok: bool, state: str):
    check = _agent(experiment(tmp_path, agent), key=False)
    assert (check.ok, check.needed) == (ok, not ok)
    assert check.state.startswith(state)
    assert bool(check.mend) is not ok


def test_with_a_key_claude_investigates():
    assert _agent(None, key=True).state == "an API key is set: Claude investigates"
    assert _agent(None, key=False).ok


def test_what_mends_it_stands_below_what_is_wrong():
    console = Console(width=80)
    checks = [
        Check(what="Modal", ok=False, state="[not] there", mend="pip install 'x[modal]'"),
        Check(what="licence", ok=None, state="not known"),
    ]
    with console.capture() as shown:
        console.print(_table(checks))
    text = shown.get()
    assert "missing" in text
    assert "[not] there" in text
    assert "pip install 'x[modal]'" in text
    assert "?" in text
