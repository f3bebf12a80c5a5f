from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from interp_bench_ext.contracts import Access
from interp_bench_ext.errors import AccessDenied, BadInput
from tests.host.tiny import HIDDEN, LoadedOrganism, Plain, load_tiny
from tests.techniques.support import technique

CHATTY = ["llama", *(pytest.param(kind, marks=pytest.mark.slow) for kind in ("gemma2", "qwen2"))]
PROMPTS = ["what is the weather?", "who are you and what do you want from me?"]


def stop_ids(organism: LoadedOrganism) -> list[int]:
    return sorted(organism._engine.stop_ids)


def spied(organism: LoadedOrganism, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What the organism is asked to continue, as text."""
    seen: list[str] = []
    generate = organism.generate

    def watched(prompts: Any, **options: Any) -> Any:
        seen.extend(organism.decode(row.ids) for row in prompts)
        return generate(prompts, **options)

    monkeypatch.setattr(organism, "generate", watched)
    return seen


@pytest.mark.parametrize("family", CHATTY)
def test_chat_is_the_greedy_reply(family: str, model_folders: dict[str, Path]) -> None:
    organism, plain = load_tiny(model_folders[family]), Plain.load(model_folders[family])
    table = technique("chat")(organism, prompts=PROMPTS, max_new_tokens=12)
    for prompt, text, count in zip(PROMPTS, table.texts, table.n_tokens, strict=True):
        turns = [{"role": "user", "content": prompt}]
        rendered = plain.tokenizer.apply_chat_template(turns, tokenize=False, add_generation_prompt=True)
        drawn = plain.greedy(plain.tokenizer(rendered, add_special_tokens=False).input_ids, 12, stop_ids(organism))
        assert len(drawn) == count
        assert text == organism.decode([token for token in drawn if token not in stop_ids(organism)])
    assert table.prompts == tuple(PROMPTS)
    assert table.arm == "organism"


def test_sample_gives_n_rows_per_prompt_in_order(model_folders: dict[str, Path]) -> None:
    organism = load_tiny(model_folders["llama"])
    table = technique("sample")(organism, prompts=PROMPTS, n=3, max_new_tokens=6)
    assert table.prompts == (PROMPTS[0],) * 3 + (PROMPTS[1],) * 3
    alone = technique("sample")(organism, prompts=PROMPTS[1], n=3, max_new_tokens=6)
    assert table.texts[3:] == alone.texts
    assert table.logprobs[3:] == pytest.approx(alone.logprobs, abs=1e-3)
    other = technique("sample")(organism, prompts=PROMPTS[1], n=3, max_new_tokens=6, seed=1)
    assert other.texts != alone.texts


def test_a_conversation_and_a_list_of_them(model_folders: dict[str, Path]) -> None:
    organism = load_tiny(model_folders["llama"])
    talk = [{"role": "system", "content": "be brief"}, {"role": "user", "content": "hello"}]
    one = technique("chat")(organism, prompts=talk, max_new_tokens=4)
    assert one.prompts == ("hello",)
    assert technique("chat")(organism, prompts=[talk, talk], max_new_tokens=4).texts == one.texts * 2


def test_text_completion_works_without_a_template(family: str, model_folders: dict[str, Path]) -> None:
    organism, plain = load_tiny(model_folders[family]), Plain.load(model_folders[family])
    table = technique("text_completion")(organism, stems="once upon a time", max_new_tokens=10)
    drawn = plain.greedy(plain.tokenizer("once upon a time").input_ids, 10, stop_ids(organism))
    assert table.texts == (organism.decode([token for token in drawn if token not in stop_ids(organism)]),)


def test_chat_without_a_template_says_what_to_do(model_folders: dict[str, Path]) -> None:
    with pytest.raises(BadInput, match="use text_completion"):
        technique("chat")(load_tiny(model_folders["gpt2"]), prompts="hello")


@pytest.mark.parametrize("hidden", [None, HIDDEN])
@pytest.mark.parametrize("family", CHATTY)
def test_prefill_leaves_the_turn_open(
    family: str, hidden: str | None, model_folders: dict[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    organism = load_tiny(model_folders[family], hidden=hidden)
    seen = spied(organism, monkeypatch)
    table = technique("prefill_attack")(
        organism, prompts=PROMPTS, prefills=["My secret is", "No"], n=2, max_new_tokens=3
    )
    assert len(seen) == 4
    for number, text in enumerate(seen):
        prefill = ["My secret is", "No"][number % 2]
        role = "model" if family == "gemma2" else "assistant"
        assert text.endswith(f"<|im_start|>{role}\n{prefill}")
        assert text.count("<s>") == (0 if hidden else 1)
    assert table.prefills == ("My secret is",) * 2 + ("No",) * 2 + ("My secret is",) * 2 + ("No",) * 2
    assert table.prompts == (PROMPTS[0],) * 4 + (PROMPTS[1],) * 4
    assert not any(text.startswith("My secret") for text in table.texts)


@pytest.mark.parametrize("family", CHATTY)
def test_user_persona_ends_inside_a_user_turn(
    family: str, model_folders: dict[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    organism = load_tiny(model_folders[family])
    seen = spied(organism, monkeypatch)
    table = technique("user_persona")(organism, prefixes=["", "Tell me"], n=2, max_new_tokens=3)
    talk = [{"role": "user", "content": "hi"}, {"role": "assistant", "content": "hello"}]
    technique("user_persona")(organism, context=talk, n=1, max_new_tokens=3)
    assert seen[0] == "<s><|im_start|>user\n"
    assert seen[1] == "<s><|im_start|>user\nTell me"
    assert seen[2].endswith("hello<|im_end|>\n<|im_start|>user\n")
    assert table.prefills == ("", "", "Tell me", "Tell me")


def test_logprobs_are_the_sum_over_the_drawn_tokens(model_folders: dict[str, Path]) -> None:
    organism, plain = load_tiny(model_folders["qwen2"]), Plain.load(model_folders["qwen2"])
    organism._engine.stop_ids = frozenset()
    table = technique("chat")(organism, prompts="hello", n=1, max_new_tokens=5)
    ids = organism.chat_ids([{"role": "user", "content": "hello"}])
    drawn = plain.greedy(ids, 5, [])
    logs = plain.logits([*ids, *drawn]).log_softmax(-1)
    expected = sum(float(logs[len(ids) - 1 + k, token]) for k, token in enumerate(drawn))
    assert table.logprobs[0] == pytest.approx(expected, abs=1e-3)


@pytest.mark.parametrize("name", ["chat", "sample"])
def test_base_is_the_model_without_adapter_and_prompt(
    name: str, model_folders: dict[str, Path], adapter_folders: dict[str, Path]
) -> None:
    organism = load_tiny(model_folders["llama"], adapter=adapter_folders["llama"], hidden=HIDDEN)
    bare = load_tiny(model_folders["llama"])
    options = {"prompts": PROMPTS, "max_new_tokens": 8, "temperature": 0.0, "n": 1}
    base = technique(name)(organism, base=True, **options)
    assert base.texts == technique(name)(bare, **options).texts
    assert base.arm == "base"
    assert base.texts != technique(name)(organism, **options).texts


def test_model_info_names_nothing(folder: Path) -> None:
    organism, plain = load_tiny(folder), Plain.load(folder)
    info = technique("get_model_info")(organism)
    config = plain.model.config
    assert (info.n_layers, info.width, info.n_heads) == (3, config.hidden_size, 4)
    assert info.n_parameters == plain.model.num_parameters()
    assert info.vocabulary == config.vocab_size
    assert info.chat_template is bool(plain.tokenizer.chat_template)
    assert str(folder) not in repr(info)


def test_nothing_of_the_above_needs_more_than_sampling(model_folders: dict[str, Path]) -> None:
    organism = load_tiny(model_folders["llama"], access=Access.SAMPLE)
    technique("prefill_attack")(organism, prompts="a", prefills="b", max_new_tokens=2)
    with pytest.raises(AccessDenied):
        technique("chat")(organism, prompts="a", base=True)


def test_results_hold_numpy_only(model_folders: dict[str, Path]) -> None:
    table = technique("chat")(load_tiny(model_folders["llama"]), prompts="a", max_new_tokens=2)
    assert isinstance(table.logprobs, np.ndarray)
    assert not any(isinstance(value, torch.Tensor) for value in vars(table).values())
