from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from interp_bench_ext.config import Experiment, load_config
from interp_bench_ext.organisms.placement import Check
from interp_bench_ext.organisms.places.modal.account import forget
from interp_bench_ext.organisms.places.modal.doctor import modal_checks


@pytest.fixture(autouse=True)
def nobody(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No token of Modal's and none of the model hub's; nothing is asked of either."""
    for name in ("MODAL_TOKEN_ID", "MODAL_TOKEN_SECRET", "HF_TOKEN", "HUGGING_FACE_HUB_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("MODAL_CONFIG_PATH", str(tmp_path / "none.toml"))
    monkeypatch.setattr("modal.config._user_config", {})
    monkeypatch.setattr("huggingface_hub.constants.HF_TOKEN_PATH", str(tmp_path / "none"))
    forget()


def checks(folder: Path, model: str | None) -> dict[str, Check]:
    experiment: Experiment | None = None
    if model is not None:
        file = folder / "x.yaml"
        modal = "execution_mode: modal, gpu_type: A10G"
        file.write_text(f"experiment_name: x\nmodel: {{name: {model}, {modal}}}\ntask: t\n", encoding="utf-8")
        experiment = load_config(file)
    return {check.what: check for check in asyncio.run(modal_checks(experiment))}


def test_without_a_token_nothing_more_is_asked_of_modal(tmp_path: Path):
    found = checks(tmp_path, None)
    assert list(found) == ["Modal"]
    assert (found["Modal"].ok, found["Modal"].needed, found["Modal"].mend) == (False, False, "modal token new")


def test_what_a_config_needs_is_looked_at_without_a_token_too(tmp_path: Path):
    found = checks(tmp_path, "Qwen/Qwen2.5-7B-Instruct")
    assert list(found) == ["Modal", "model's licence", "GPU memory"]
    assert found["Modal"].needed
    assert (found["model's licence"].ok, found["GPU memory"].ok) == (True, True)


def test_a_model_that_does_not_fit_says_what_would_do(tmp_path: Path):
    memory = checks(tmp_path, "meta-llama/Llama-3.3-70B-Instruct")["GPU memory"]
    assert (memory.ok, memory.state) == (False, "the model is too large for its GPU")
    assert memory.mend.startswith("set `model.gpu_type: B200`, which has")


def test_a_licence_cannot_be_told_without_a_token_of_the_hub(tmp_path: Path):
    licence = checks(tmp_path, "meta-llama/Llama-3.1-8B-Instruct")["model's licence"]
    assert licence.ok is None
    assert licence.mend.startswith("accept the terms at https://huggingface.co/meta-llama/Llama-3.1-8B-Instruct")


def test_of_a_model_that_nobody_here_knows_no_size_is_made_up(tmp_path: Path):
    assert checks(tmp_path, "someone/unknown")["GPU memory"].ok is None
