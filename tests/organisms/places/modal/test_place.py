from __future__ import annotations

from pathlib import Path

import pytest

from interp_bench_ext.config import Experiment, load_config
from interp_bench_ext.contracts import Veil
from interp_bench_ext.errors import BadInput
from interp_bench_ext.organisms.placement import place_of
from interp_bench_ext.organisms.places.modal.place import Modal, require_modal
from interp_bench_ext.organisms.places.modal.token import forget_token


def experiment(folder: Path, model: str) -> Experiment:
    file = folder / "x.yaml"
    agent = "{max_minutes: 60}"
    file.write_text(f"experiment_name: x\nmodel: {{{model}}}\ntask: t\nagent: {agent}\n", encoding="utf-8")
    return load_config(file)


def of_modal(folder: Path, modal: str = "{}", gpu: str = "H100") -> Experiment:
    return experiment(folder, f"name: Qwen/Qwen3-14B, execution_mode: modal, gpu_type: '{gpu}', modal: {modal}")


def test_another_machine_is_the_strongest_veil():
    assert Modal("modal").veil() is Veil.REMOTE


def test_without_a_token_it_says_what_to_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    for name in ("MODAL_TOKEN_ID", "MODAL_TOKEN_SECRET"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("MODAL_CONFIG_PATH", str(tmp_path / "none.toml"))
    forget_token()
    assert "run `modal token new`" in (Modal("modal").obstacle() or "")
    monkeypatch.setenv("MODAL_TOKEN_ID", "ak")
    monkeypatch.setenv("MODAL_TOKEN_SECRET", "as")
    assert Modal("modal").obstacle() is None


def test_settings_are_those_of_the_config_with_its_gpu(tmp_path: Path):
    spec = require_modal(of_modal(tmp_path, "{scaledown_window_s: 60, region: us-east, secret: mine}", gpu="H100:2"))
    assert spec.modal is not None
    assert (spec.modal.gpu_type, spec.modal.scaledown_window_s, spec.modal.region) == ("H100:2", 60, "us-east")
    assert (spec.modal.secret, spec.place) == ("mine", "modal")


def test_what_runs_elsewhere_is_not_deployed(tmp_path: Path):
    with pytest.raises(BadInput, match=r"`model\.execution_mode: local` runs nothing on Modal"):
        require_modal(experiment(tmp_path, "name: a/b, execution_mode: local"))


def test_what_a_start_may_cost_and_which_key_says_so(tmp_path: Path):
    config = of_modal(tmp_path, "{confirm_above_usd: 3}")
    cost = place_of(config).estimate(config)
    assert cost is not None
    assert (cost.confirm_above_usd, cost.confirm_key) == (3, "model.modal.confirm_above_usd")
    assert cost.most_usd is not None
    rate = place_of(config).rate(config)
    assert rate is not None
    assert cost.most_usd > 3600 * rate.usd_per_s, "an hour of the GPU, and what comes before and after"


def test_what_is_kept_is_paid_for(tmp_path: Path):
    config = of_modal(tmp_path, "{scaledown_window_s: 90, max_containers: 4}")
    rate = place_of(config).rate(config)
    assert rate is not None
    assert (rate.kept_s, place_of(config).at_most(config)) == (90, 4)


def test_an_unknown_model_has_no_estimate(tmp_path: Path):
    config = experiment(tmp_path, "name: someone/unknown, execution_mode: modal, gpu_type: T4")
    assert place_of(config).estimate(config) is None
