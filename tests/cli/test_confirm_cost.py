from __future__ import annotations

from pathlib import Path

import pytest

from interp_bench_ext.cli.confirm_cost import confirm_cost, show_estimate
from interp_bench_ext.config import Experiment, load_config
from interp_bench_ext.errors import BadInput

BIG = "{name: Qwen/Qwen3-14B, execution_mode: modal, gpu_type: H100, modal: {confirm_above_usd: 0.01}}"
SMALL = "{name: Qwen/Qwen3-14B, execution_mode: modal, gpu_type: H100, modal: {confirm_above_usd: 1000}}"
HERE = "{name: a/b, execution_mode: local}"


@pytest.fixture(autouse=True)
def known_to_modal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MODAL_TOKEN_ID", "ak-test")
    monkeypatch.setenv("MODAL_TOKEN_SECRET", "as-test")


def experiment(folder: Path, model: str) -> Experiment:
    file = folder / "x.yaml"
    file.write_text(f"experiment_name: x\nmodel: {model}\ntask: t\nagent: {{max_minutes: 60}}\n", encoding="utf-8")
    return load_config(file)


def test_what_costs_nothing_is_not_asked_about(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    confirm_cost([experiment(tmp_path, HERE)], yes=False)
    assert capsys.readouterr() == ("", "")


def test_what_is_much_starts_unasked_where_nobody_can_be_asked_by_yes_only(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    with pytest.raises(BadInput, match=r"more than .*confirm_above_usd.*; add --yes, or raise it"):
        confirm_cost([experiment(tmp_path, BIG)], yes=False)
    confirm_cost([experiment(tmp_path, BIG)], yes=True)
    assert "$" in capsys.readouterr().err


def test_what_is_little_is_said_and_started(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    confirm_cost([experiment(tmp_path, SMALL)], yes=False)
    assert "$" in capsys.readouterr().err


def test_an_estimate_is_a_line_or_says_that_there_is_none(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    show_estimate(experiment(tmp_path, SMALL))
    assert "H100" in capsys.readouterr().err
    show_estimate(experiment(tmp_path, HERE))
    assert capsys.readouterr().err == "no estimate: the model's size is not known here\n"
