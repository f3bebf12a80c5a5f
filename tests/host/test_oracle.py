"""An oracle beside an organism: the base's own weights with an adapter of its own, and neither touches the other."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch

from interp_bench_ext.contracts import Reads, Row
from interp_bench_ext.errors import BadInput
from interp_bench_ext.host.organism import LoadedOrganism, load_organism
from interp_bench_ext.host.spec import OrganismSpec
from interp_bench_ext.organisms.locate import locate
from tests.host.tiny import HIDDEN, Plain, load_tiny, save_adapter

TEXT = "the quick brown fox"


@pytest.fixture(scope="module")
def oracle_folder(tmp_path_factory: pytest.TempPathFactory, model_folders: dict[str, Path]) -> Path:
    return save_adapter(model_folders["llama"], tmp_path_factory.mktemp("oracle"), seed=11)


def last_logits(organism: LoadedOrganism, *arms: str) -> list[torch.Tensor]:
    rows = [Row(tuple(organism.text_ids(TEXT, arm=arm)), arm) for arm in arms]
    return [logits for batch in organism.run(rows, Reads(positions=(-1,))) for logits in batch.logits[:, 0]]


@pytest.mark.parametrize("adapted", [True, False])
def test_each_arm_has_its_own_adapter_and_no_other(
    model_folders: dict[str, Path], adapter_folders: dict[str, Path], oracle_folder: Path, adapted: bool
) -> None:
    folder, own = model_folders["llama"], adapter_folders["llama"] if adapted else None
    organism = load_tiny(folder, adapter=own, oracle=oracle_folder)
    arms = ("organism", "oracle", "base", "oracle", "organism")
    expected = {"organism": Plain.load(folder, own), "base": Plain.load(folder)}
    expected["oracle"] = Plain.load(folder, oracle_folder)
    for arm, logits in zip(arms, last_logits(organism, *arms), strict=True):
        assert torch.allclose(logits, expected[arm].logits(organism.text_ids(TEXT))[-1], atol=1e-4), arm
    written = organism.generate([Row(tuple(organism.text_ids(TEXT)), arm) for arm in arms], temperature=0.0)
    assert written[1][0].ids == written[3][0].ids != written[0][0].ids == written[4][0].ids


def test_its_weights_are_the_base_s_own(model_folders: dict[str, Path], oracle_folder: Path) -> None:
    organism = load_tiny(model_folders["llama"], oracle=oracle_folder)
    models = [each._engine.base.model for each in (organism, organism._beside["oracle"])]
    places = [{weight.data_ptr() for weight in model.parameters()} for model in models]
    assert places[0] == places[1]
    kept = {weight.data_ptr() for weight in organism._beside["oracle"]._engine.organism.model.parameters()}
    assert places[0] <= kept


def test_it_does_not_see_the_hidden_prompt(
    model_folders: dict[str, Path], adapter_folders: dict[str, Path], oracle_folder: Path
) -> None:
    organism = load_tiny(model_folders["llama"], adapter=adapter_folders["llama"], hidden=HIDDEN, oracle=oracle_folder)
    (found,) = last_logits(organism, "oracle")
    plain = Plain.load(model_folders["llama"], oracle_folder)
    assert torch.allclose(found, plain.logits(organism.text_ids(TEXT, arm="oracle"))[-1], atol=1e-4)
    assert organism.text_ids(TEXT, arm="oracle") == organism.text_ids(TEXT, arm="base")


def test_its_name_is_forgotten(model_folders: dict[str, Path], oracle_folder: Path) -> None:
    spec = OrganismSpec(name=str(model_folders["llama"]), device="cpu", dtype="float32", oracle=str(oracle_folder))
    sources = locate(spec)
    assert Path(sources.oracle or "") in sources.folders
    assert load_organism(spec, sources, lambda *_: None).info.oracle
    assert (spec.oracle, sources.oracle) == (None, None)


def test_what_is_no_oracle_of_this_base_is_one_sentence(
    tmp_path: Path, model_folders: dict[str, Path], adapter_folders: dict[str, Path], oracle_folder: Path
) -> None:
    def load(oracle: Path) -> None:
        with pytest.raises(BadInput) as refused:
            load_tiny(model_folders["llama"], oracle=oracle)
        assert str(tmp_path) not in refused.value.message
        raise refused.value

    with pytest.raises(BadInput, match=r"^model.oracle: there is no folder"):
        load(tmp_path / "nowhere")
    with pytest.raises(BadInput, match=r"^model.oracle: the adapter's adapter_config.json is missing"):
        load(model_folders["llama"])
    with pytest.raises(BadInput, match=r"^model.oracle: the adapter does not fit its base model"):
        load(adapter_folders["gpt2"])
    broken = tmp_path / "broken"
    broken.mkdir()
    (broken / "adapter_config.json").write_text(json.dumps({"peft_type": "LORA"}))
    with pytest.raises(BadInput, match=r"^model.oracle: the adapter is not whole"):
        load(broken)
