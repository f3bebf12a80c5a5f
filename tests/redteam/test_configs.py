"""Configs that are small as files and large as what they stand for."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
import yaml

from interp_bench_ext.runs.catalog import Catalog

from .suite import Trial, attempt

GOOD = "experiment_name: {name}\nmodel: {{name: a/b, execution_mode: local, device: cpu}}\ntask: find it\n"
BOMB = "a0: &a0 [1, 2, 3, 4, 5, 6, 7, 8, 9]\n" + "".join(
    f"a{level}: &a{level} [{', '.join([f'*a{level - 1}'] * 9)}]\n" for level in range(1, 9)
)
BROKEN = {
    "deep": "model: " + "[" * 3000,
    "digits": f"seed: {'1' * 100_000}",
    "merged": "<<: 3",
    "date": "seed: 2020-13-45",
}

CALLS = (
    "!!python/object/apply:os.mkdir [{file}]",
    "!!python/object/new:pathlib.PosixPath [{file}]",
    "!!python/name:os.mkdir",
    "!!python/module:this",
    "*nowhere",
)
"""Values of a YAML file that are more than values."""


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in ("JUPYTER_DATA_DIR", "JUPYTER_PATH", "XDG_DATA_HOME"):
        monkeypatch.setenv(name, str(tmp_path / "data"))
    (tmp_path / "configs").mkdir()
    (tmp_path / "configs" / "good.yaml").write_text(GOOD.format(name="good"), encoding="utf-8")
    return tmp_path


def titles(root: Path) -> dict[str, str | None]:
    """By name, what is wrong with each config of ours."""
    cards = [card for card in Catalog(root=root).cards() if card.group == "My configs"]
    return {card.file: card.problem for card in cards}


@attempt("L2", "configs", "A config of aliases of aliases keeps the server busy", veil="any")
def test_an_alias_bomb_costs_a_moment(root: Path, trial: Trial) -> None:
    (root / "configs" / "bomb.yaml").write_text(GOOD.format(name="bomb") + BOMB, encoding="utf-8")
    started = time.monotonic()
    found = titles(root)
    took = time.monotonic() - started
    trial.abuse(lambda seconds: seconds > 10, took, 20.0)
    assert "good" in found
    assert any(problem and "too much for a config" in problem for problem in found.values())


@attempt("L3", "configs", "One broken config takes the whole list away", veil="any")
def test_one_bad_config_costs_itself_only(root: Path, trial: Trial) -> None:
    for name, text in BROKEN.items():
        (root / "configs" / f"{name}.yaml").write_text(GOOD.format(name=name) + text, encoding="utf-8")
    found = titles(root)
    trial.abuse(lambda names: "good" not in names, found, {})
    assert len(found) == 1 + len(BROKEN)
    assert sum(problem is None for problem in found.values()) <= 1
    assert all("\n" not in (problem or "") for problem in found.values())


@attempt("L1", "configs", "A config makes Python objects, or calls them, as it is read", veil="any")
def test_a_config_holds_values_only(root: Path, trial: Trial) -> None:
    touched = root / "touched"
    for number, value in enumerate(CALLS):
        text = GOOD.format(name=f"calls{number}") + f"description: {value.format(file=touched)}\n"
        (root / "configs" / f"calls{number}.yaml").write_text(text, encoding="utf-8")
    found = titles(root)
    accepted = [name for name, problem in found.items() if problem is None and name.startswith("calls")]
    control = root / "control"
    yaml.unsafe_load(CALLS[0].format(file=control))
    trial.abuse(lambda made: made[0].exists() or made[1], (touched, accepted), (control, []))
    assert len(found) == 1 + len(CALLS)
