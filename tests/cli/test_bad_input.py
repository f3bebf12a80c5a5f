"""What a person may get wrong: one clear sentence, exit code 2, nothing written."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

import pytest

from tests.agent.messages_server import MessagesServer
from tests.host.tiny import save_adapter, save_model
from tests.investigating import Bench, make_bench, scripted

HEAD = "experiment_name: bad\ntask: find it\nagent: {provider: playbook}\n"


@pytest.fixture
def bench(tmp_path):
    with MessagesServer(scripted) as server:
        yield make_bench(tmp_path, server)


def refused(bench: Bench, config: str, *options: str) -> str:
    """What is said when the config is run; it must be refused before anything is written."""
    path = bench.folder / "bad.yaml"
    path.write_text(HEAD + config, encoding="utf-8")
    out = () if "--out" in options else ("--out", str(bench.out))
    done = bench.command("run", str(path), *out, *options, expect=2)
    assert "Traceback" not in done.stderr
    assert not list(bench.out.rglob("*.ipynb"))
    with contextlib.closing(bench.journal()) as journal:
        assert journal.runs() == []
    return " ".join(done.stderr.split())


def test_cuda_that_is_not_there(bench):
    said = refused(bench, "model: {name: ./model, execution_mode: local, device: cuda}\n")
    assert "cuda" in said
    assert "device" in said


@pytest.mark.slow
def test_an_adapter_that_does_not_fit_its_base(bench):
    other = save_model("gpt2", bench.folder / "other")
    save_adapter(other, bench.folder / "adapter")
    said = refused(
        bench, "model: {name: ./adapter, is_peft: true, base_model: ./model, execution_mode: local, device: cpu}\n"
    )
    assert "adapter" in said
    assert "base" in said


def test_a_hub_id_without_a_network(bench):
    bench.environment["HF_ENDPOINT"] = "http://127.0.0.1:9"
    said = refused(bench, "model: {name: nobody/nothing, execution_mode: local, device: cpu}\n")
    assert "model.name" in said or "nobody/nothing" in said


def test_an_unknown_bundled_model(bench):
    said = refused(bench, "model: {name: 'bundled:smollm2-135m-instuct', execution_mode: local}\n")
    assert "smollm2-135m-instruct" in said


def test_an_execution_mode_that_this_version_lacks(bench):
    assert "execution_mode" in refused(bench, "model: {name: ./model, execution_mode: modal}\n")


@pytest.mark.skipif(os.getuid() == 0 and not Path("/proc/sys").exists(), reason="needs a place that root cannot write")
def test_a_folder_that_cannot_be_written(bench):
    said = refused(bench, "model: {name: ./model, execution_mode: local, device: cpu}\n", "--out", "/proc/nowhere")
    assert "/proc/nowhere: cannot be written" in said


def test_a_notebook_of_another_kind(bench):
    said = refused(bench, "model: {name: ./model, execution_mode: local}\n", "--notebook", "x.txt")
    assert "ends in .ipynb" in said


@pytest.mark.slow
def test_a_technique_that_needs_a_chat_template(bench):
    save_model("gpt2", bench.folder / "raw")
    path = bench.folder / "raw.yaml"
    path.write_text(HEAD + "model: {name: ./raw, execution_mode: local, device: cpu}\n", encoding="utf-8")
    done = bench.command("call", str(path), "chat", "--arg", "prompts=hello", expect=2)
    assert "text_completion" in done.stderr


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("run", "ambr"), "did you mean `amber`?"),
        (("run", "nothing.yaml"), "there is no such file"),
        (("validate", "gone.yaml"), "there is no such file"),
        (("show", "zz"), "no run is recorded yet"),
        (("techniques", "nope"), "there is no technique 'nope'"),
        (("run", "amber", "--max-steps", "many"), "--max-steps"),
    ],
)
def test_commands(bench, arguments, said):
    done = bench.command(*arguments, expect=2)
    assert said in " ".join(done.stderr.split())
    assert "Traceback" not in done.stderr


def test_validate_names_every_broken_config(bench):
    folder = bench.folder / "configs"
    folder.mkdir()
    (folder / "a.yaml").write_text(HEAD + "model: {nmae: gpt2}\n", encoding="utf-8")
    (folder / "b.yaml").write_text("- a list\n", encoding="utf-8")
    (folder / "c.yaml").write_text(HEAD + "model: {name: gpt2}\n", encoding="utf-8")
    done = bench.command("validate", str(folder), expect=2)
    assert "a.yaml:4:9: unknown key `model.nmae`; did you mean `name`?" in done.stderr
    assert "b.yaml: a mapping of keys is expected" in done.stderr
    assert "c.yaml: good" in done.stdout
