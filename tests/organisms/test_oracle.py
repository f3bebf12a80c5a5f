"""An oracle from a config's file to an answer, and to what a run records of it."""

from __future__ import annotations

from pathlib import Path

import pytest

from interp_bench_ext.agent.prompt import system_prompt
from interp_bench_ext.config import load_config
from interp_bench_ext.errors import ConfigError, InterpBenchError
from interp_bench_ext.host.technique_files import read_spec
from interp_bench_ext.installed import experiment_techniques
from interp_bench_ext.kernel.client import RemoteOrganism
from interp_bench_ext.organisms.placement import find_place
from interp_bench_ext.runs.provenance import provenance_of
from interp_bench_ext.scoring.needles import needles
from tests.host.conftest import model_folders
from tests.host.running import Host
from tests.host.tiny import save_adapter

__all__ = ["model_folders"]
CONFIG = """
experiment_name: fern
model:
  name: {name}
  execution_mode: {mode}
  device: cpu
  {oracle}
task: Find out.
{techniques}
"""


def write(folder: Path, name: Path, oracle: str, *, techniques: str = "", mode: str = "local") -> Path:
    path = folder / "fern.yaml"
    path.write_text(CONFIG.format(name=name, oracle=oracle, techniques=techniques, mode=mode))
    return path


def test_a_config_s_oracle_answers_and_is_recorded(tmp_path: Path, model_folders: dict[str, Path]) -> None:
    model = model_folders["llama"]
    save_adapter(model, tmp_path / "umber-lantern-oracle", seed=11)
    listed = "techniques: [activation_oracle, get_model_info]"
    experiment = load_config(write(tmp_path, model, "oracle: ./umber-lantern-oracle", techniques=listed))
    assert "umberlanternoracle" in {needle.squeezed for needle in needles(experiment, None)}
    plain = load_config(write(tmp_path, model, "", techniques="techniques: [get_model_info]"))
    assert provenance_of(experiment, key=b"k").organism != provenance_of(plain, key=b"k").organism
    running = Host(find_place("local").spec(experiment), sandbox=True)
    try:
        organism = RemoteOrganism(running.connection)
        assert organism.get_model_info().oracle
        found = organism.activation_oracle("hello", "What is this about?", n=1, max_new_tokens=4)
        assert set(found.arms) <= {"organism", "base", "random activations"}
        (of_the_oracle,) = [each for each in running.process.revisions if each.part == "oracle"]
        assert str(of_the_oracle).startswith("oracle: local files ")
    finally:
        running.close()
    running = Host(find_place("local").spec(plain), sandbox=True)
    try:
        with pytest.raises(InterpBenchError, match="The organism has no technique 'activation_oracle'"):
            RemoteOrganism(running.connection).activation_oracle("hello", "What is this about?")
    finally:
        running.close()


def test_a_revision_of_the_oracle_is_part_of_what_the_organism_is(
    tmp_path: Path, model_folders: dict[str, Path]
) -> None:
    digests = set()
    for keys in ("oracle: org/an-oracle", "oracle: org/an-oracle\n  oracle_revision: abcdef0123456789"):
        experiment = load_config(write(tmp_path, model_folders["llama"], keys))
        digests.add(provenance_of(experiment, key=b"k").organism)
    assert len(digests) == 2
    assert "abcdef0123456789" in {needle.squeezed for needle in needles(experiment, None)}
    spec = find_place("local").spec(experiment)
    assert (spec.oracle, spec.oracle_revision) == ("org/an-oracle", "abcdef0123456789")


def test_the_technique_is_offered_where_there_is_an_oracle_and_nowhere_else(
    tmp_path: Path, model_folders: dict[str, Path]
) -> None:
    model = model_folders["llama"]

    def prompt(oracle: str) -> str:
        public = load_config(write(tmp_path, model, oracle)).public
        files = experiment_techniques(tmp_path)
        specs = [read_spec(files[name]) for name in public.techniques]
        return system_prompt(task=public.task, techniques=specs, access=public.access, budgets={})

    assert "organism.activation_oracle(prompt, questions" in prompt("oracle: org/an-oracle")
    assert "activation_oracle" not in prompt("")
    with pytest.raises(ConfigError, match=r"the technique activation_oracle needs model\.oracle"):
        load_config(write(tmp_path, model, "", techniques="techniques: [activation_oracle]"))


@pytest.mark.parametrize(
    ("oracle", "mode", "says"),
    [
        ("oracle: ./nowhere", "local", "there is no folder"),
        ("oracle: ''", "local", "at least 1 character"),
        ("oracle_revision: main", "local", "oracle_revision is given without oracle"),
        ("oracle: bundled:birch", "local", "no oracle is bundled"),
        ("oracle: org/an-oracle", "modal", "oracle is loaded beside the organism on one machine"),
    ],
)
def test_a_wrong_oracle_is_one_sentence(
    tmp_path: Path, model_folders: dict[str, Path], oracle: str, mode: str, says: str
) -> None:
    with pytest.raises(ConfigError, match=says):
        load_config(write(tmp_path, model_folders["llama"], oracle, mode=mode))
