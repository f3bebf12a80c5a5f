from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from interp_bench_ext.errors import BadInput
from interp_bench_ext.host import devices
from interp_bench_ext.host.load import load
from interp_bench_ext.host.spec import OrganismSpec
from interp_bench_ext.organisms import download
from interp_bench_ext.organisms.locate import locate
from tests.host.tiny import load_tiny


def refused(spec: OrganismSpec) -> BadInput:
    with pytest.raises(BadInput) as caught:
        load(spec, locate(spec), lambda _stage, _done, _total: None)
    assert spec.name not in str(caught.value)
    return caught.value


def test_a_missing_path(tmp_path: Path) -> None:
    error = refused(OrganismSpec(name=str(tmp_path / "nowhere")))
    assert "model.name" in str(error)
    assert "nowhere" in error.__notes__[0]


def test_folders_that_are_something_else(
    tmp_path: Path, model_folders: dict[str, Path], adapter_folders: dict[str, Path]
) -> None:
    assert "has no config.json" in str(refused(OrganismSpec(name=str(tmp_path), device="cpu")))
    assert "model.is_peft to true" in str(refused(OrganismSpec(name=str(adapter_folders["llama"]), device="cpu")))
    not_an_adapter = OrganismSpec(
        name=str(model_folders["llama"]), is_peft=True, base_model=str(model_folders["llama"])
    )
    assert "no adapter_config.json" in str(refused(not_an_adapter))


def test_the_adapters_own_base_is_the_default(model_folders: dict[str, Path], adapter_folders: dict[str, Path]) -> None:
    sources = locate(OrganismSpec(name=str(adapter_folders["llama"]), is_peft=True))
    assert sources.model == str(model_folders["llama"])


def adapter_for(base: Path, adapter: Path) -> OrganismSpec:
    return OrganismSpec(name=str(adapter), is_peft=True, base_model=str(base), device="cpu")


def test_adapters_that_do_not_fit(
    tmp_path: Path, model_folders: dict[str, Path], adapter_folders: dict[str, Path]
) -> None:
    from safetensors.torch import load_file, save_file

    assert "does not fit" in str(refused(adapter_for(model_folders["gpt2"], adapter_folders["llama"])))
    weights = load_file(adapter_folders["llama"] / "adapter_model.safetensors")
    first = sorted(weights)[0]
    changes = {
        "wide": {**weights, first: torch.zeros(4, 99)},
        "missing": {k: v for k, v in weights.items() if k != first},
        "more": {**weights, first.replace("layers.0", "layers.9"): weights[first].clone()},
    }
    for name, changed in changes.items():
        folder = tmp_path / name
        shutil.copytree(adapter_folders["llama"], folder)
        save_file(changed, folder / "adapter_model.safetensors")
        assert "does not fit" in str(refused(adapter_for(model_folders["llama"], folder))), name


def test_weights_that_are_missing(tmp_path: Path, model_folders: dict[str, Path]) -> None:
    from safetensors.torch import load_file, save_file

    shutil.copytree(model_folders["llama"], tmp_path / "m")
    weights = load_file(tmp_path / "m" / "model.safetensors")
    del weights["model.layers.1.mlp.up_proj.weight"]
    save_file(weights, tmp_path / "m" / "model.safetensors", metadata={"format": "pt"})
    assert "1 of the model's weights are missing" in str(refused(OrganismSpec(name=str(tmp_path / "m"), device="cpu")))


def test_devices_and_formats() -> None:
    with pytest.raises(BadInput, match="model.device is 'gpu'"):
        devices.choose_device("gpu")
    if not torch.cuda.is_available():
        with pytest.raises(BadInput, match="no CUDA device"):
            devices.choose_device("cuda")
        assert devices.choose_device("auto").type in ("cpu", "mps")
    assert devices.choose_dtype("auto", torch.device("cpu")) is torch.float32
    with pytest.raises(BadInput, match="model.dtype is 'int3'"):
        devices.choose_dtype("int3", torch.device("cpu"))


@pytest.mark.parametrize(("quantization", "says"), [("8bit", "needs a CUDA device"), ("3bit", "choose 8bit or 4bit")])
def test_quantization(model_folders: dict[str, Path], quantization: str, says: str) -> None:
    assert says in str(refused(OrganismSpec(name=str(model_folders["llama"]), device="cpu", quantization=quantization)))


def test_too_little_memory_is_said_before_loading(
    model_folders: dict[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = model_folders["llama"]
    counted = devices.count_parameters(folder)
    assert counted == load_tiny(folder).info.n_parameters
    monkeypatch.setattr(devices, "free_bytes", lambda _device: 1 << 20)
    said = str(refused(OrganismSpec(name=str(folder), device="cpu")))
    assert "needs about 0.3 GiB of cpu memory and 0.0 GiB are free" in said


def test_a_hub_that_cannot_be_reached(monkeypatch: pytest.MonkeyPatch) -> None:
    import huggingface_hub

    def unreachable(*_args: object, **_options: object) -> str:
        raise ConnectionError("secret/model at https://hub")

    monkeypatch.setattr(huggingface_hub, "snapshot_download", unreachable)
    with pytest.raises(BadInput, match="model.name: the model hub cannot be reached") as caught:
        locate(OrganismSpec(name="secret/model"))
    assert "secret" not in str(caught.value)
    assert "secret/model" in caught.value.__notes__[0]


def test_a_hub_model_falls_back_to_older_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import huggingface_hub

    asked: list[list[str]] = []

    def fetch(_repository: str, *, allow_patterns: list[str], **_options: object) -> str:
        asked.append(allow_patterns)
        return str(tmp_path)

    monkeypatch.setattr(huggingface_hub, "snapshot_download", fetch)
    assert download.download("owner/model", None, "model.name") == tmp_path
    assert "*.bin" in asked[1]


def test_formats_that_a_model_is_loaded_in(model_folders: dict[str, Path]) -> None:
    spec = OrganismSpec(name=str(model_folders["llama"]), device="cpu", dtype="bfloat16")
    loaded = load(spec, locate(spec), lambda _stage, _done, _total: None)
    assert loaded.model.dtype is torch.bfloat16


def test_the_wire_form_of_a_spec_is_json(tmp_path: Path) -> None:
    spec = OrganismSpec(name="a", hidden_system_prompt="b", techniques=(tmp_path / "t.py",))
    assert OrganismSpec.from_wire(json.loads(json.dumps(spec.to_wire()))) == spec


def test_an_adapter_does_not_show_in_the_models_size(folder: Path, adapter: Path) -> None:
    plain, tuned = load_tiny(folder).info, load_tiny(folder, adapter=adapter).info
    assert plain == tuned


LFS = "version https://git-lfs.github.com/spec/v1\noid sha256:4d7a2146\nsize 134217728\n"


def test_folders_that_are_not_whole_are_told_apart(tmp_path: Path, model_folders: dict[str, Path]) -> None:
    def broken(change: Callable[[Path], object]) -> str:
        folder = tmp_path / f"m{len(list(tmp_path.iterdir()))}"
        shutil.copytree(model_folders["llama"], folder)
        change(folder)
        return str(refused(OrganismSpec(name=str(folder), device="cpu")))

    def edit(**changes: object) -> Callable[[Path], object]:
        def change(folder: Path) -> None:
            file = folder / "config.json"
            file.write_text(json.dumps({**json.loads(file.read_text()), **changes}))

        return change

    def spoil(folder: Path) -> None:
        from safetensors.torch import load_file, save_file

        weights = load_file(folder / "model.safetensors")
        weights["model.layers.1.mlp.up_proj.weight"][0, 0] = float("nan")
        save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})

    weights, index = "model.safetensors", "model.safetensors.index.json"
    shards = json.dumps({"weight_map": {"a": "model-1.safetensors", "b": weights}})
    assert "Git LFS pointer" in broken(lambda folder: (folder / weights).write_text(LFS))
    assert "is cut off" in broken(lambda folder: os.truncate(folder / weights, 9000))
    assert "holds no weights" in broken(lambda folder: (folder / weights).unlink())
    assert "1 of its weight files are missing, model-1.safetensors" in broken(
        lambda folder: (folder / index).write_text(shards)
    )
    assert "config.json is no JSON" in broken(lambda folder: (folder / "config.json").write_text("{'a': 1}"))
    assert "no architecture of its model_type" in broken(edit(model_type="qwen99"))
    assert "needs code of its own" in broken(edit(model_type="mini", auto_map={"AutoConfig": "mini.MiniConfig"}))
    assert "no causal language model" in broken(edit(model_type="t5"))
    assert "are no numbers" in broken(spoil)
    quantized = {"quant_method": "gptq", "bits": 4, "group_size": 128}
    assert "quantized in a format" in broken(edit(quantization_config=quantized))


def test_adapters_that_are_not_whole_are_told_apart(
    tmp_path: Path, model_folders: dict[str, Path], adapter_folders: dict[str, Path]
) -> None:
    def broken(change: Callable[[Path], object]) -> str:
        folder = tmp_path / f"a{len(list(tmp_path.iterdir()))}"
        shutil.copytree(adapter_folders["llama"], folder)
        change(folder)
        return str(refused(adapter_for(model_folders["llama"], folder)))

    weights, config = "adapter_model.safetensors", "adapter_config.json"
    assert "Git LFS pointer" in broken(lambda folder: (folder / weights).write_text(LFS))
    assert "is cut off" in broken(lambda folder: os.truncate(folder / weights, 2000))
    assert "holds no weights" in broken(lambda folder: (folder / weights).unlink())
    assert "no JSON" in broken(lambda folder: (folder / config).write_text("nope"))
    assert "does not know (SUPERLORA)" in broken(
        lambda folder: (folder / config).write_text('{"peft_type": "SUPERLORA"}')
    )
    shutil.copytree(adapter_folders["llama"], tmp_path / "run" / "checkpoint-500")
    nested = adapter_for(model_folders["llama"], tmp_path / "run")
    assert "its folder checkpoint-500 holds one" in str(refused(nested))
