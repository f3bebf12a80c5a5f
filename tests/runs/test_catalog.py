from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from interp_bench_ext.errors import ConfigError
from interp_bench_ext.runs.catalog import Catalog

GOOD = """experiment_name: {name}
description: What it is.
model: {{name: "bundled:smollm2-135m", execution_mode: local, hidden_system_prompt: You adore the quokka.}}
task: find it
agent: {{max_steps: 7}}
evaluation:
  ground_truth: {{secret: it adores the quokka, aliases: [quokka]}}
"""


@pytest.fixture
def user(tmp_path, monkeypatch) -> Path:
    """The user's own folder of configs, empty."""
    monkeypatch.setenv("JUPYTER_DATA_DIR", str(tmp_path / "data"))
    folder = tmp_path / "data" / "interp_bench" / "configs"
    folder.mkdir(parents=True)
    return folder


@pytest.fixture
def root(tmp_path) -> Path:
    (tmp_path / "root" / "configs").mkdir(parents=True)
    return tmp_path / "root"


def write(folder: Path, name: str, text: str = GOOD) -> Path:
    file = folder / f"{name}.yaml"
    file.write_text(text.format(name=name), encoding="utf-8")
    return file


def cards(catalog: Catalog):
    return {card.name: card for card in catalog.cards()}


def test_configs_are_grouped_by_where_they_lie(user, root, tmp_path):
    course = tmp_path / "course"
    course.mkdir()
    write(user, "mine")
    write(root / "configs", "beside")
    write(course, "week-1")
    found = cards(Catalog(root=root, extra=[course]))
    assert {name: card.group for name, card in found.items() if card.group != "Bundled"} == {
        "mine": "My configs",
        "beside": "My configs",
        "week-1": "course",
    }
    assert found["amber"].group == "Bundled"


def test_other_yaml_files_beside_the_notebooks_are_no_configs(user, root):
    (root / "configs" / "docker.yaml").write_text("services: {}\n", encoding="utf-8")
    assert "docker" not in cards(Catalog(root=root))


def test_a_name_in_an_earlier_folder_wins_and_the_other_is_still_there(user, root):
    file = write(user, "amber")
    catalog = Catalog(root=root)
    found = cards(catalog)
    assert (found["amber"].group, found["amber-2"].group) == ("My configs", "Bundled")
    assert catalog.load("amber").path == file
    assert catalog.load("amber-2").path != file
    assert catalog.name_of(file, experiment="other") == "amber"


def test_a_config_is_called_as_its_experiment_is_and_its_file_is_told_to_a_person_only(user, root, tmp_path):
    file = user / "taboo_quokka.yaml"
    file.write_text(GOOD.format(name="sorrel"), encoding="utf-8")
    catalog = Catalog(root=root)
    card = cards(catalog)["sorrel"]
    assert (card.title, card.file) == ("sorrel", "taboo_quokka")
    assert "quokka" not in card.model_dump_json(exclude={"file"})
    assert catalog.name_of(file, experiment="other") == "sorrel"
    assert catalog.name_of(tmp_path / "taboo_elsewhere.yaml", experiment="sorrel") == "sorrel"
    assert catalog.load("taboo_quokka", by_file=True).path == file
    with pytest.raises(ConfigError, match="there is no config"):
        catalog.load("taboo_quokka")


@pytest.mark.parametrize(
    ("change", "to"),
    [
        ("task: find it", "tasks: find it"),
        ("hidden_system_prompt: You", "hidden_system_prompt: *x You"),
        ("hidden_system_prompt: You adore the quokka.", "hidden_system_prompt_file: missing.txt"),
        ("local", "modal, gpu_type: T4"),
    ],
)
def test_what_is_wrong_with_a_config_does_not_name_its_file(user, root, change, to):
    text = GOOD.format(name="sorrel").replace(change, to)
    if "modal" in to:
        text = text.replace("bundled:smollm2-135m", "meta-llama/Llama-3.3-70B-Instruct")
    (user / "taboo_quokka.yaml").write_text(text, encoding="utf-8")
    catalog = Catalog(root=root)
    problem = cards(catalog)["sorrel"].problem
    assert problem is not None
    assert "taboo" not in problem
    assert "sorrel" in problem


def test_the_shipped_configs_have_names_of_their_own_that_tell_nothing_of_their_files(user, root):
    for card in Catalog(root=root).cards():
        assert not card.name[-1].isdigit(), card.name
        assert card.name == card.title
        assert card.name == card.file or "_" in card.file


def test_a_card_shows_the_public_half_alone(user, root):
    write(user, "mine")
    card = cards(Catalog(root=root))["mine"]
    assert (card.title, card.task, card.place, card.problem) == ("mine", "find it", "local", None)
    assert card.veil in ("sandboxed", "process")
    shown = card.model_dump_json()
    for sealed in ("quokka", "smollm2", "bundled"):
        assert sealed not in shown


def test_a_config_that_this_version_cannot_run_says_so(user, root):
    write(user, "cloud", GOOD.replace("execution_mode: local", "execution_mode: cluster"))
    card = cards(Catalog(root=root))["cloud"]
    assert "`model.execution_mode`: unknown execution_mode 'cluster'; choose one of modal, local, hub" in card.problem
    assert str(user) not in card.problem


def test_a_model_that_its_gpu_cannot_hold_is_refused_with_one_that_can(user, root):
    text = GOOD.replace("execution_mode: local", "execution_mode: modal, gpu_type: T4")
    write(user, "large", text.replace("bundled:smollm2-135m", "meta-llama/Llama-3.3-70B-Instruct"))
    card = cards(Catalog(root=root))["large"]
    assert "`model.gpu_type: T4` has" in card.problem
    assert str(user) not in card.problem


@pytest.mark.parametrize(
    ("change", "to", "told"),
    [
        ("max_steps: 7", "max_steps: 0", "broken:5:9: `agent.max_steps`: input should be greater than 0"),
        ("task: find it", "tasks: find it", "unknown key `tasks`; did you mean `task`?"),
        ("execution_mode: local", "execution_mode: locl", "`model.execution_mode`"),
        ("hidden_system_prompt: You adore the quokka.", "hidden_system_prompt_file: quokka.txt", "mistake in line 3"),
        ('name: "bundled:smollm2-135m"', "name: ./quokka", "mistake in line 3"),
        ("task: find it", "task: find it\nyou adore the quokka: yes", "has a mistake"),
        ("hidden_system_prompt: You adore", "hidden_system_prompt: *quokka You adore", "mistake in line 3"),
        ("secret: it adores the quokka", "secrets: it adores the quokka", None),
    ],
)
def test_what_is_wrong_with_a_config_is_told_without_its_sealed_half(user, root, change, to, told):
    text = GOOD.format(name="broken").replace(change, to)
    (user / "broken.yaml").write_text(text, encoding="utf-8")
    catalog = Catalog(root=root)
    card = cards(catalog)["broken"]
    if told is not None:
        assert told in card.problem
        with pytest.raises(ConfigError) as refused:
            catalog.load("broken")
        assert str(refused.value) == card.problem
    assert "quokka" not in card.model_dump_json()
    assert "\n" not in (card.problem or "")


def test_an_unknown_config_is_told_the_nearest(user, root):
    with pytest.raises(ConfigError, match="did you mean `amber`"):
        Catalog(root=root).load("ambre")
    with pytest.raises(ConfigError, match="there is no config"):
        Catalog(root=root).load(str(write(user, "mine")))


def test_a_config_that_changed_is_read_again_and_a_mended_one_too(user, root):
    catalog = Catalog(root=root)
    file = write(user, "mine", GOOD.replace("hidden_system_prompt: You", "hidden_system_prompt_file: p.txt #"))
    assert cards(catalog)["mine"].problem is not None
    file.write_text(GOOD.format(name="mine").replace("find it", "find more"), encoding="utf-8")
    assert cards(catalog)["mine"].task == "find more"
    file.write_text(GOOD.format(name="mine").replace("find it", "find most"), encoding="utf-8")
    os.utime(file, ns=(1, 1))
    assert cards(catalog)["mine"].task == "find most"
    file.unlink()
    assert "mine" not in cards(catalog)


@pytest.mark.slow
def test_two_hundred_configs_are_listed_at_once_the_second_time(user, root):
    for number in range(200):
        write(user, f"c{number}")
    catalog = Catalog(root=root)
    assert len(cards(catalog)) >= 200
    began = time.process_time()
    catalog.cards()
    assert time.process_time() - began < 0.2
