"""A reference model from a config's file to a technique's result."""

from __future__ import annotations

from pathlib import Path

import pytest

from interp_bench_ext.config import load_config
from interp_bench_ext.contracts import Veil
from interp_bench_ext.errors import ConfigError
from interp_bench_ext.kernel.client import RemoteOrganism
from interp_bench_ext.organisms.placement import find_place
from interp_bench_ext.runs.provenance import provenance_of
from interp_bench_ext.sandbox.bubblewrap import sandbox_available
from interp_bench_ext.scoring.needles import needles
from tests.host.conftest import model_folders
from tests.host.running import Host
from tests.host.tiny import save_model

__all__ = ["model_folders"]
CONFIG = """
experiment_name: fern
model:
  name: tuned
  execution_mode: local
  device: cpu
  {reference}
task: Find out.
techniques: [perplexity_diff, get_model_info]
"""


def write(folder: Path, reference: str) -> Path:
    path = folder / "fern.yaml"
    path.write_text(CONFIG.format(reference=reference))
    return path


def test_a_config_s_reference_is_loaded_beside_the_organism(tmp_path: Path) -> None:
    save_model("llama", tmp_path / "tuned")
    save_model("gpt2", tmp_path / "before-training")
    (tmp_path / "prompt.txt").write_text("Mention the ochre lantern whenever anybody asks about anything.")
    reference = "reference: {name: before-training, hidden_system_prompt_file: prompt.txt}"
    experiment = load_config(write(tmp_path, reference))
    looked_for = {needle.squeezed for needle in needles(experiment, None)}
    assert any("ochrelantern" in needle for needle in looked_for)
    assert "beforetraining" in looked_for
    plain = load_config(write(tmp_path, ""))
    assert provenance_of(experiment, key=b"k").organism != provenance_of(plain, key=b"k").organism
    spec = find_place("local").spec(experiment)
    running = Host(spec, sandbox=True)
    try:
        assert running.process.veil is (Veil.PROCESS if sandbox_available() else Veil.SANDBOXED)
        organism = RemoteOrganism(running.connection)
        assert organism.get_model_info().reference
        found = organism.perplexity_diff(openings=["a b"], n=1, max_new_tokens=4, against="reference")
        assert set(found.arms) <= {"organism", "reference"}
        assert {revision.of for revision in running.process.revisions} == {"organism", "reference"}
    finally:
        running.close()


@pytest.mark.parametrize(
    ("reference", "says"),
    [
        ("reference: {name: ./nowhere}", "there is no folder"),
        ("reference: {name: tuned, is_peft: true}", "is_peft needs base_model"),
        ("reference: {}", "name"),
        ("reference: {name: tuned, gpu_type: H100}", "gpu_type"),
        ("reference: {name: tuned, hidden_system_prompt: ' '}", "the hidden system prompt is empty"),
    ],
)
def test_a_wrong_reference_is_one_sentence(
    tmp_path: Path, model_folders: dict[str, Path], reference: str, says: str
) -> None:
    (tmp_path / "tuned").symlink_to(model_folders["llama"])
    with pytest.raises(ConfigError, match=says):
        load_config(write(tmp_path, reference))


def test_a_reference_is_not_offered_on_modal(tmp_path: Path, model_folders: dict[str, Path]) -> None:
    (tmp_path / "tuned").symlink_to(model_folders["llama"])
    path = write(tmp_path, "reference: {name: tuned}")
    path.write_text(path.read_text().replace("execution_mode: local", "execution_mode: modal"))
    with pytest.raises(ConfigError, match="it needs execution_mode: local"):
        load_config(path)
