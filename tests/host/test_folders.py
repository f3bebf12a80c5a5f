"""What is wrong with a folder, from its files alone: no library that loads models is imported."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from interp_bench_ext.errors import BadInput
from interp_bench_ext.host.folders import adapter_config, broken_weights, check_files, check_known, weight_files
from interp_bench_ext.host.sources import Sources

WEIGHTS, INDEX, ADAPTER = "model.safetensors", "model.safetensors.index.json", "adapter_model.safetensors"
LFS = b"version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 134217728\n"


def safetensors(header: object = None, *, data: int = 8) -> bytes:
    given = {"a": {"dtype": "F32", "shape": [2], "data_offsets": [0, 8]}} if header is None else header
    text = json.dumps(given).encode()
    return len(text).to_bytes(8, "little") + text + bytes(data)


@pytest.fixture
def model(tmp_path: Path) -> Path:
    folder = tmp_path / "umber-ferret"
    folder.mkdir()
    (folder / "config.json").write_text('{"model_type": "llama"}')
    (folder / WEIGHTS).write_bytes(safetensors())
    (folder / "tokenizer.json").write_text("{}")
    return folder


def refused(model: Path, adapter: Path | None = None) -> str:
    sources = Sources(model=str(model), merge=None, adapter=str(adapter) if adapter else None, tokenizer=str(model))
    with pytest.raises(BadInput) as caught:
        check_files(sources)
    assert caught.value.__notes__ == [f"Looked in {adapter if 'adapter is' in caught.value.message else model}."]
    assert "umber-ferret" not in caught.value.message
    return caught.value.message


def test_a_whole_folder_passes(model: Path):
    check_files(Sources(model=str(model), merge=None, adapter=None, tokenizer=str(model)))
    assert (weight_files(model), broken_weights(model)) == ([model / WEIGHTS], None)


@pytest.mark.parametrize(
    ("weights", "fault"),
    [
        (LFS, "is a Git LFS pointer, not the file itself: run git lfs pull there"),
        (safetensors(data=7), "is cut off: fetch it again"),
        (safetensors()[:20], "is cut off or no safetensors file: fetch it again"),
        (b"\x05", "is cut off or no safetensors file: fetch it again"),
        (b"<!DOCTYPE html><html>not found", "is cut off or no safetensors file: fetch it again"),
        ((3).to_bytes(8, "little") + b"{a}", "is no safetensors file: fetch it again"),
        (safetensors([1]), "is no safetensors file: fetch it again"),
        (safetensors({"a": 1}), "is no safetensors file: fetch it again"),
        (safetensors({"a": {"data_offsets": [0]}}), "is no safetensors file: fetch it again"),
        (safetensors({"a": {"data_offsets": "xy"}}), "is no safetensors file: fetch it again"),
    ],
)
def test_weights_that_are_none_are_told_apart(model: Path, weights: bytes, fault: str):
    (model / WEIGHTS).write_bytes(weights)
    assert broken_weights(model) == f"{WEIGHTS} {fault}"
    assert refused(model) == f"model.name: the folder's model cannot be loaded: {WEIGHTS} {fault}."


def test_what_a_download_that_was_cut_off_leaves_behind(model: Path):
    (model / WEIGHTS).unlink()
    assert "the folder holds no weights" in refused(model)
    (model / WEIGHTS).symlink_to(model / "blobs" / "0f3a")
    assert f"{WEIGHTS} is a link to nothing: fetch it again" in refused(model)


def test_missing_shards_are_counted(model: Path):
    shards = {"a": "model-1.safetensors", "b": WEIGHTS, "c": "model-2.safetensors", "d": "model-1.safetensors", "e": 7}
    (model / INDEX).write_text(json.dumps({"weight_map": shards}))
    assert "2 of its weight files are missing, model-1.safetensors first" in refused(model)
    for odd in ("{", "[]", '{"weight_map": [1]}', "[" * 100_000):
        (model / INDEX).write_text(odd)
        assert broken_weights(model) is None


@pytest.mark.parametrize("text", ["{'a': 1}", "", "[1]", "\ufeff{", '{"a":' * 100_000])
def test_a_config_that_is_none(model: Path, text: str):
    (model / "config.json").write_text(text)
    assert refused(model).endswith("its config.json is no JSON; fetch it again.")


def test_a_folder_of_something_else(model: Path):
    (model / "config.json").unlink()
    assert refused(model) == "model.name: the folder does not hold a model; it has no config.json."
    (model / "adapter_config.json").write_text("{}")
    assert refused(model).endswith("it is a PEFT adapter: set model.is_peft to true.")


def test_an_adapter_is_looked_at_too_and_its_base_is_named_as_such(model: Path, tmp_path: Path):
    adapter = tmp_path / "adapter"
    adapter.mkdir()
    said = "model.name: the adapter's adapter_config.json is missing or no JSON object; fetch the adapter again."
    with pytest.raises(BadInput) as caught:
        adapter_config(adapter, "model.name")
    assert caught.value.message == said
    (adapter / "adapter_config.json").write_text('{"peft_type": "LORA"}')
    assert adapter_config(adapter, "model.name") == {"peft_type": "LORA"}
    assert refused(model, adapter).startswith("model.name: the adapter is not whole: the folder holds no weights")
    (adapter / ADAPTER).write_bytes(safetensors(data=2))
    assert f"{ADAPTER} is cut off" in refused(model, adapter)
    (adapter / ADAPTER).write_bytes(safetensors())
    (model / WEIGHTS).write_bytes(LFS)
    assert refused(model, adapter).startswith("model.base_model: the folder's model cannot be loaded")


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (None, "model.tokenizer: the folder holds no tokenizer; name a folder or hub id that has one."),
        (b"{", "model.tokenizer: tokenizer.json is cut off or no JSON: fetch it again."),
        (b"", "model.tokenizer: tokenizer.json is cut off or no JSON: fetch it again."),
        (b'{"model": ' + b"1" * 100, "model.tokenizer: tokenizer.json is cut off or no JSON: fetch it again."),
        (LFS, "model.tokenizer: tokenizer.json is a Git LFS pointer, not the file itself: run git lfs pull there."),
    ],
)
def test_a_tokenizer_is_looked_at_too(model: Path, content: bytes | None, said: str):
    (model / "tokenizer.json").unlink()
    if content is not None:
        (model / "tokenizer.json").write_bytes(content)
    assert refused(model) == said


@pytest.mark.parametrize("name", ["vocab.json", "vocab.txt", "tokenizer.model", "qwen.tiktoken", "tekken.json"])
def test_a_tokenizer_goes_by_many_names(model: Path, name: str):
    (model / "tokenizer.json").rename(model / name)
    check_files(Sources(model=str(model), merge=None, adapter=None, tokenizer=str(model)))


@pytest.mark.parametrize(
    ("config", "said"),
    [
        ({"model_type": "qwen99"}, "knows no architecture of its model_type"),
        ({}, "knows no architecture of its model_type"),
        ({"model_type": "mini", "auto_map": {"AutoConfig": "x.Y"}}, "it needs code of its own"),
        ({"model_type": "t5"}, "it is no causal language model"),
        ({"model_type": "llama"}, None),
    ],
)
def test_what_the_libraries_cannot_run_is_told(model: Path, config: dict[str, object], said: str | None):
    (model / "config.json").write_text(json.dumps(config))
    if said is None:
        check_known(model, "model.name")
    else:
        with pytest.raises(BadInput, match=said):
            check_known(model, "model.name")


def test_looking_takes_no_library_that_loads():
    code = (
        "import sys, interp_bench_ext.host.folders; print([n for n in ('torch', 'transformers') if n in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
