from __future__ import annotations

import json
from pathlib import Path

import pytest

from interp_bench_ext.errors import BadInput
from interp_bench_ext.host.spec import OrganismSpec
from interp_bench_ext.organisms.locate import locate


def folder(place: Path, *files: str) -> str:
    place.mkdir(parents=True, exist_ok=True)
    for name in files:
        (place / name).write_text("{}", encoding="utf-8")
    return str(place)


def adapter(place: Path, base: str | None, *files: str) -> str:
    named = folder(place, *files)
    (place / "adapter_config.json").write_text(json.dumps({"base_model_name_or_path": base}), encoding="utf-8")
    return named


def test_a_folder_is_itself_and_its_own_tokenizer(tmp_path: Path):
    model = folder(tmp_path / "model")
    found = locate(OrganismSpec(name=model))
    assert (found.model, found.adapter, found.merge, found.tokenizer) == (model, None, None, model)


def test_a_link_is_followed_so_that_the_name_tells_where_it_lies(tmp_path: Path):
    (tmp_path / "link").symlink_to(folder(tmp_path / "model"))
    assert locate(OrganismSpec(name=str(tmp_path / "link"))).model == str(tmp_path / "model")


def test_an_adapter_names_its_base_and_a_config_another(tmp_path: Path):
    base, other = folder(tmp_path / "base"), folder(tmp_path / "other")
    lora = adapter(tmp_path / "lora", base)
    assert locate(OrganismSpec(name=lora, is_peft=True)).model == base
    found = locate(OrganismSpec(name=lora, is_peft=True, base_model=other))
    assert (found.model, found.adapter, found.tokenizer) == (other, lora, other)


@pytest.mark.parametrize("vocabulary", ["tokenizer.json", "tokenizer.model", "vocab.json"])
def test_a_tokenizer_that_lies_with_the_adapter_is_the_one_it_was_trained_with(tmp_path: Path, vocabulary: str):
    lora = adapter(tmp_path / "lora", folder(tmp_path / "base"), vocabulary)
    assert locate(OrganismSpec(name=lora, is_peft=True)).tokenizer == lora
    own = folder(tmp_path / "tokens")
    assert locate(OrganismSpec(name=lora, is_peft=True, tokenizer=own)).tokenizer == own


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("nope", r"^model\.name: the adapter's adapter_config\.json is missing or no JSON object; fetch the adapter"),
        ("[1]", "adapter_config.json is missing or no JSON object"),
        ("{}", r"^model\.base_model is missing, and the adapter's own configuration does not name it"),
    ],
)
def test_an_adapter_that_does_not_say_what_it_is_for(tmp_path: Path, content: str, said: str):
    lora = adapter(tmp_path / "lora", None)
    (tmp_path / "lora" / "adapter_config.json").write_text(content, encoding="utf-8")
    with pytest.raises(BadInput, match=said):
        locate(OrganismSpec(name=lora, is_peft=True))


def test_what_is_no_adapter_says_where_one_is(tmp_path: Path):
    named = folder(tmp_path / "run")
    with pytest.raises(BadInput, match="set model.is_peft to false for a whole model"):
        locate(OrganismSpec(name=named, is_peft=True))
    for step in ("checkpoint-100", "checkpoint-500"):
        adapter(tmp_path / "run" / step, None)
    with pytest.raises(BadInput, match="its folder checkpoint-500 holds one: name that"):
        locate(OrganismSpec(name=named, is_peft=True))


def test_a_missing_folder_is_told_by_its_key_and_named_for_the_owner_only(tmp_path: Path):
    with pytest.raises(BadInput, match=r"^model\.name: there is no folder at the path that it gives") as caught:
        locate(OrganismSpec(name=str(tmp_path / "umber-ferret")))
    assert "umber-ferret" in " ".join(caught.value.__notes__)
    with pytest.raises(BadInput, match=r"^model\.tokenizer: "):
        locate(OrganismSpec(name=folder(tmp_path / "model"), tokenizer="./nowhere"))
