from __future__ import annotations

from pathlib import Path

import pytest

from interp_bench_ext.config import load_config
from interp_bench_ext.contracts import Access
from interp_bench_ext.errors import ConfigError
from interp_bench_ext.installed import config_folders, installed_techniques

GOOD = """\
experiment_name: one
model:
  name: gpt2
  execution_mode: local
task: find it
"""


def written(folder: Path, text: str) -> Path:
    path = folder / "one.yaml"
    path.write_text(text, encoding="utf-8")
    return path


def complaint(folder: Path, text: str) -> str:
    with pytest.raises(ConfigError) as caught:
        load_config(written(folder, text))
    return str(caught.value)


def test_the_smallest_config_has_defaults(tmp_path):
    experiment = load_config(written(tmp_path, GOOD))
    assert set(experiment.public.techniques) == {*installed_techniques()} - {"activation_oracle"}
    assert experiment.public.access is Access.BASE
    assert experiment.public.agent.provider is None
    assert experiment.sealed.hidden_system_prompt is None


def test_every_shipped_config_is_good():
    files = sorted(config_folders()[0].glob("*.yaml"))
    assert len(files) >= 11
    for file in files:
        load_config(file)


def test_the_public_half_holds_nothing_sealed(tmp_path):
    text = GOOD.replace("name: gpt2", "name: someone/secret-model\n  hidden_system_prompt: adore the xylophone")
    text += "evaluation:\n  ground_truth: {secret: it adores xylophones, aliases: [xylophone]}\n"
    experiment = load_config(written(tmp_path, text))
    shown = experiment.public.model_dump_json() + repr(experiment.sealed) + repr(experiment)
    assert "xylophone" not in shown
    assert "secret-model" not in shown
    assert "xylophone" in (experiment.sealed.hidden_system_prompt or "")


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (("task: find it", "taks: find it"), "one.yaml:5:1: unknown key `taks`; did you mean `task`?"),
        (
            ("execution_mode: local", "executon_mode: local"),
            "one.yaml:4:3: unknown key `model.executon_mode`; did you mean `execution_mode`?",
        ),
        (("task: find it", ""), "the key `task` is missing; add it"),
        (("name: gpt2", "name: [1]"), "one.yaml:3:3: `model.name`: input should be a valid string"),
        (("name: gpt2", "name: ./nothing"), "one.yaml:3:3: `model.name`: there is no folder"),
        (
            ("name: gpt2", "name: gpt2\n  device: cudda"),
            "one.yaml:4:3: `model.device`: unknown device 'cudda'; did you mean `cuda`?",
        ),
        (
            ("name: gpt2", "name: gpt2\n  gpu_type: A10X"),
            "one.yaml:4:3: `model.gpu_type`: unknown gpu_type 'A10X'; did you mean `A10",
        ),
        (
            ("name: gpt2", "name: gpt2\n  hidden_system_prompt_file: gone.txt"),
            "gone.txt cannot be read; give the path of a text file",
        ),
        (("name: gpt2", "name: a/b\n  is_peft: true"), "is_peft needs base_model"),
        (("name: gpt2", "name: a/b\n  base_revision: v1"), "base_revision is given without base_model"),
        (
            ("task: find it", "task: find it\nseed: -1"),
            "one.yaml:6:1: `seed`: input should be greater than or equal to 0",
        ),
        (
            ("task: find it", "task: find it\ntechniques: [chat, logit_lense]"),
            "one.yaml:6:20: `techniques.1`: unknown technique 'logit_lense'; did you mean `logit_lens`?",
        ),
        (("task: find it", "task: [unclosed"), "this is not valid YAML"),
        (("task: find it", "task: find it\ntask: twice"), "this is not valid YAML"),
    ],
)
def test_bad_input_is_one_sentence_with_its_place(tmp_path, change, expected):
    message = complaint(tmp_path, GOOD.replace(*change))
    assert expected in message
    assert "Traceback" not in message


def test_a_misspelt_key_is_named_before_the_key_that_is_missing_for_it(tmp_path):
    first, second = complaint(tmp_path, GOOD.replace("task: find it", "taks: find it")).splitlines()
    assert "unknown key `taks`" in first
    assert "`task` is missing" in second


def test_a_hidden_prompt_comes_from_one_place(tmp_path):
    (tmp_path / "p.txt").write_text("x", encoding="utf-8")
    both = GOOD.replace("name: gpt2", "name: gpt2\n  hidden_system_prompt: x\n  hidden_system_prompt_file: p.txt")
    assert "both inline and by file; keep one" in complaint(tmp_path, both)


def test_a_missing_file_names_its_neighbour(tmp_path):
    written(tmp_path, GOOD)
    with pytest.raises(ConfigError, match=r"there is no such file; did you mean .*one\.yaml"):
        load_config(tmp_path / "onee.yaml")


def test_a_technique_beside_the_config_may_be_named(tmp_path):
    (tmp_path / "techniques").mkdir()
    (tmp_path / "techniques" / "my_probe.py").write_text("def my_probe(organism): ...\n", encoding="utf-8")
    experiment = load_config(written(tmp_path, GOOD + "techniques: [my_probe]\n"))
    assert experiment.public.techniques == ("my_probe",)


def test_the_agents_instructions_may_be_a_persons_own(tmp_path):
    (tmp_path / "mine.md").write_text("Be brief.\n", encoding="utf-8")
    assert load_config(written(tmp_path, GOOD + "prompt_path: mine.md\n")).public.prompt == "Be brief."
    assert load_config(written(tmp_path, GOOD)).public.prompt is None
    assert "cannot be read" in complaint(tmp_path, GOOD + "prompt_path: nothing.md\n")


@pytest.mark.parametrize("key", ["prompt_path", "tips_path"])
@pytest.mark.parametrize(
    "sealed",
    [
        ("name: gpt2", "name: gpt2\n  hidden_system_prompt_file: sealed.txt"),
        ("task: find it", "task: find it\nevaluation: {ground_truth_file: sealed.txt}"),
    ],
)
def test_what_is_sealed_cannot_be_told_to_the_agent(tmp_path, key, sealed):
    (tmp_path / "sealed.txt").write_text("adore the xylophone", encoding="utf-8")
    said = complaint(tmp_path, GOOD.replace(*sealed) + f"{key}: ../{tmp_path.name}/sealed.txt\n")
    assert "is sealed and cannot be told to the agent" in said
    assert "xylophone" not in said
