from __future__ import annotations

from importlib import metadata
from pathlib import Path

import pytest

from interp_bench_ext.config import Experiment, load_config
from interp_bench_ext.record.provenance import Provenance
from interp_bench_ext.runs.provenance import provenance_of

CONFIG = """\
experiment_name: one
model:
  name: owner/model
  hidden_system_prompt: You adore bees.
techniques: [chat, sample]
task: find it
access: sample
agent: {provider: anthropic, model: claude-opus-5-5, max_steps: 12}
evaluation: {ground_truth_file: truth.yaml}
prompt_path: prompt.md
"""
KEY, OTHER_KEY = b"one", b"two"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "one.yaml").write_text(CONFIG, encoding="utf-8")
    (tmp_path / "prompt.md").write_text("Investigate.", encoding="utf-8")
    (tmp_path / "truth.yaml").write_text("secret: bees\naliases: [bees]\n", encoding="utf-8")
    (tmp_path / "techniques").mkdir()
    return tmp_path


def of(folder: Path, old: str = "", new: str = "", *, key: bytes = KEY, **public: object) -> Provenance:
    text = (folder / "one.yaml").read_text("utf-8")
    assert old in text
    (folder / "one.yaml").write_text(text.replace(old, new) if old else text, encoding="utf-8")
    loaded = load_config(folder / "one.yaml")
    with_public = loaded.public.model_copy(update=public)
    found = provenance_of(Experiment(public=with_public, sealed=loaded.sealed, path=loaded.path), key=key)
    (folder / "one.yaml").write_text(text, encoding="utf-8")
    return found


def differing(one: Provenance, other: Provenance) -> set[str]:
    return {name for name, value in one if value != getattr(other, name)}


@pytest.mark.parametrize(
    ("old", "new", "changed"),
    [
        ("max_steps: 12", "max_steps: 13", {"config", "condition"}),
        ("claude-opus-5-5", "claude-sonnet-5-5", {"config", "condition"}),
        ("access: sample", "access: base", {"config", "condition"}),
        ("task: find it", "task: find them", {"config", "instructions", "condition"}),
        ("[chat, sample]", "[chat]", {"config", "techniques", "condition"}),
        ("[chat, sample]", "[sample, chat]", {"config"}),
        ("owner/model", "owner/other", {"config", "organism"}),
        ("  name:", "  revision: abc\n  name:", {"config", "organism"}),
        ("  name:", "  gpu_type: T4\n  name:", {"config"}),
        ("adore bees", "adore ants", {"config", "organism"}),
        ("", "", set()),
    ],
)
def test_each_thing_changes_what_depends_on_it(folder: Path, old: str, new: str, changed: set[str]) -> None:
    assert differing(of(folder), of(folder, old, new)) == changed


def test_files_beside_the_config_count(folder: Path) -> None:
    before = of(folder)
    (folder / "prompt.md").write_text("Investigate well.", encoding="utf-8")
    told = of(folder)
    assert differing(before, told) == {"instructions", "condition"}
    (folder / "truth.yaml").write_text("secret: bees\naliases: [bees, honey]\n", encoding="utf-8")
    assert differing(told, of(folder)) == {"config"}
    (folder / "techniques" / "chat.py").write_text("def chat(organism): ...\n", encoding="utf-8")
    assert differing(told, of(folder)) >= {"techniques", "condition"}


def test_a_seed_changes_nothing(folder: Path) -> None:
    assert of(folder, seed=7) == of(folder)
    assert of(folder).package == metadata.version("interp_bench_ext")


def test_what_is_sealed_cannot_be_looked_up_without_the_journals_secret(folder: Path) -> None:
    assert differing(of(folder), of(folder, key=OTHER_KEY)) == {"config", "organism"}


def test_a_config_folder_may_lie_anywhere(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    for place in (folder, elsewhere):
        (place / "model").mkdir()
        for name in ("one.yaml", "prompt.md", "truth.yaml"):
            (place / name).write_text((folder / name).read_text("utf-8"), encoding="utf-8")
    local = "owner/model", "./model"
    assert of(folder, *local).organism == of(elsewhere, *local).organism != of(folder).organism
