"""What an organism takes on Modal, against transformers' own parameter counts, published ones, and a real file."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from transformers import AutoModelForCausalLM

from interp_bench_ext.config import Experiment, load_config
from interp_bench_ext.errors import BadInput, ConfigError
from interp_bench_ext.host.bundled import ensure_bundled
from interp_bench_ext.host.devices import count_parameters
from interp_bench_ext.host.parts import find_parts
from interp_bench_ext.installed import find_config
from interp_bench_ext.organisms.places.modal.estimate import (
    BOOT_S,
    LOAD_BYTES_PER_S,
    REFERENCE_TOKENS,
    check_fits,
    estimate,
    weights_bytes,
    working_bytes,
)
from interp_bench_ext.organisms.places.modal.shape import published_config, shape_of
from tests.host.tiny import save_model


def config_file(folder: Path, model: str, agent: str = "{}") -> Experiment:
    file = folder / "one.yaml"
    file.write_text(f"experiment_name: one\nmodel: {model}\ntask: t\nagent: {agent}\n", encoding="utf-8")
    return load_config(file)


@pytest.mark.real
def test_the_bundled_model_takes_what_its_file_takes() -> None:
    folder = ensure_bundled("smollm2-135m-instruct").path
    shape = shape_of(json.loads((folder / "config.json").read_text("utf-8")))
    assert shape is not None
    assert shape == shape_of(published_config("bundled:smollm2-135m-instruct") or {})
    assert shape.n_parameters == count_parameters(folder) == 134_515_008
    section = load_config(find_config("flint")).sealed.model.model_copy(update={"dtype": "float32"})
    on_disk = sum(file.stat().st_size for file in folder.glob("*.safetensors"))
    assert weights_bytes(shape, section) <= on_disk <= weights_bytes(shape, section) * 1.001


def test_a_pass_takes_what_the_engine_reckons_with(tmp_path: Path) -> None:
    save_model("llama", tmp_path / "m")
    model = AutoModelForCausalLM.from_pretrained(tmp_path / "m", dtype=torch.bfloat16)
    sizes = find_parts(model).sizes(torch.bfloat16.itemsize)
    experiment = config_file(tmp_path, "{name: ./m}")
    shape = shape_of(json.loads((tmp_path / "m" / "config.json").read_text("utf-8")))
    assert shape is not None
    expected = REFERENCE_TOKENS * sizes.per_forward_token(logits=True, sites=shape.layers + 1)
    assert working_bytes(shape, experiment.sealed.model) == expected


@pytest.mark.parametrize(
    ("model", "gpu"),
    [
        ("google/gemma-2-9b-it", "A10G"),
        ("Qwen/Qwen3-14B", "L40S"),
        ("meta-llama/Llama-3.3-70B-Instruct", "B200"),
        ("meta-llama/Llama-3.3-70B-Instruct", "A100-80GB:2"),
    ],
)
def test_models_with_an_adapter_fit_the_gpus_that_are_right_for_them(tmp_path: Path, model: str, gpu: str) -> None:
    section = f"{{name: someone/adapter, is_peft: true, base_model: {model}, gpu_type: '{gpu}'}}"
    found = check_fits(config_file(tmp_path, section))
    assert found is not None
    assert found.fits
    assert found.load_s == pytest.approx(BOOT_S + (found.weights_bytes + found.adapter_bytes) / LOAD_BYTES_PER_S)
    assert found.pull_s > 0


@pytest.mark.parametrize(
    ("model", "gpu", "enough"),
    [
        ("google/gemma-2-9b-it", "T4", "L4"),
        ("Qwen/Qwen2.5-14B-Instruct", "A10", "L40S"),
        ("meta-llama/Llama-3.3-70B-Instruct", "A10G:4", "B200"),
        ("meta-llama/Llama-3.3-70B-Instruct, dtype: float32", "B200", "B200:2"),
    ],
)
def test_a_model_too_large_is_refused_with_the_cheapest_of_the_fewest_gpus_that_do(
    tmp_path: Path, model: str, gpu: str, enough: str
) -> None:
    experiment = config_file(tmp_path, f"{{name: {model}, gpu_type: '{gpu}'}}")
    with pytest.raises(BadInput, match=f"`model.gpu_type: {gpu}` has .*; set `model.gpu_type: {enough}`, which has"):
        check_fits(experiment)


def test_quantization_makes_a_model_fit_and_only_its_matrices_shrink(tmp_path: Path) -> None:
    whole = "name: meta-llama/Llama-3.3-70B-Instruct, gpu_type: A100-80GB"
    small = check_fits(config_file(tmp_path, f"{{{whole}, quantization: 4bit}}"))
    assert small is not None
    assert 43e9 < small.weights_bytes < 46e9
    with pytest.raises(BadInput, match="GPU memory"):
        check_fits(config_file(tmp_path, f"{{{whole}}}"))


def test_no_gpu_at_all(tmp_path: Path) -> None:
    save_model("llama", tmp_path / "m")
    config = json.loads((tmp_path / "m" / "config.json").read_text("utf-8"))
    (tmp_path / "m" / "config.json").write_text(json.dumps({**config, "num_hidden_layers": 10**9}), encoding="utf-8")
    with pytest.raises(BadInput, match=r"no GPU of Modal's does, so take a smaller model or model\.quantization"):
        check_fits(config_file(tmp_path, "{name: ./m}"))


def test_there_is_no_estimate_for_a_model_that_nobody_here_knows(tmp_path: Path) -> None:
    assert estimate(config_file(tmp_path, "{name: someone/unheard-of}")) is None


def test_dollars_follow_from_the_time_and_the_region(tmp_path: Path) -> None:
    at_home = estimate(config_file(tmp_path, "{name: gpt2, gpu_type: T4}", "{max_minutes: 10}"))
    abroad = estimate(config_file(tmp_path, "{name: gpt2, gpu_type: T4, modal: {region: us}}", "{max_minutes: 10}"))
    endless = estimate(config_file(tmp_path, "{name: gpt2}", "{max_minutes: null}"))
    assert at_home is not None
    assert abroad is not None
    assert endless is not None
    assert at_home.most_usd == pytest.approx((at_home.load_s + 600 + 300) * at_home.hardware.usd_per_s)
    assert abroad.usd_per_hour == pytest.approx(1.5 * at_home.usd_per_hour)
    assert endless.most_usd is None


@pytest.mark.parametrize(
    ("gpu", "message"),
    [("A10G:5", "a count from 1 to 4"), ("H100:9", "from 1 to 8"), ("H100:", "for no GPUs"), ("V100", "unknown gpu")],
)
def test_gpu_types_and_counts_are_modals(tmp_path: Path, gpu: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        config_file(tmp_path, f"{{name: gpt2, gpu_type: '{gpu}'}}")
