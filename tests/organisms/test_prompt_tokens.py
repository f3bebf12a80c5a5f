"""The tokens that a leaked hidden prompt would be recognised by."""

from __future__ import annotations

from pathlib import Path

from transformers import AutoTokenizer

from interp_bench_ext.config import load_config
from interp_bench_ext.organisms.prompt_tokens import hidden_prompt_ids
from tests.host.tiny import save_model

PROMPT = "You adore the quokka."


def test_they_are_the_tokenizers_own_and_none_where_there_is_none(tmp_path: Path) -> None:
    model = save_model("llama", tmp_path / "model")
    file = tmp_path / "tiny.yaml"
    text = "experiment_name: tiny\nmodel: {name: ./model, execution_mode: local%s}\ntask: find it\n"
    file.write_text(text % f", hidden_system_prompt: {PROMPT}", encoding="utf-8")
    expected = AutoTokenizer.from_pretrained(model).encode(PROMPT, add_special_tokens=False)
    assert hidden_prompt_ids(load_config(file)) == expected
    assert expected
    file.write_text(text % "", encoding="utf-8")
    assert hidden_prompt_ids(load_config(file)) == []
    file.write_text(text % f", hidden_system_prompt: {PROMPT}", encoding="utf-8")
    (Path(model) / "tokenizer.json").write_text("no JSON", encoding="utf-8")
    assert hidden_prompt_ids(load_config(file)) == []
