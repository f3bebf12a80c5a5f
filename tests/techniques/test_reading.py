from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
import torch

from interp_bench_ext.contracts import Access
from interp_bench_ext.conversations import Message
from interp_bench_ext.errors import AccessDenied
from tests.host.tiny import CHATML, HIDDEN, Plain, build_model, build_tokenizer, load_tiny
from tests.techniques.support import technique

TALK: list[Message] = [{"role": "user", "content": "what is the weather?"}]
TARGETS = [" the quick fox", "\u00e9", "no"]


@pytest.mark.parametrize(
    "family", ["llama", *(pytest.param(kind, marks=pytest.mark.slow) for kind in ("gemma2", "qwen2"))]
)
def test_token_probs_equal_a_full_forward_pass(family: str, model_folders: dict[str, Path]) -> None:
    organism, plain = load_tiny(model_folders[family]), Plain.load(model_folders[family])
    prompts = ["what is the weather?", "hi"]
    found = technique("analyze_token_probs")(organism, prompts=prompts, targets=TARGETS, prefill="It is", top_k=4)
    assert found.targets == tuple(TARGETS)
    for row, prompt in enumerate(prompts):
        ids = organism.chat_ids([{"role": "user", "content": prompt}], prefill="It is")
        logs = plain.logits(ids)[-1].log_softmax(-1)
        values, top = logs.exp().topk(4)
        assert found.top_probs[row] == pytest.approx(values.numpy(), abs=1e-4)
        assert found.top_tokens[row] == tuple(organism.token_strings(top.tolist()))
        assert found.entropies[row] == pytest.approx(float(-(logs.exp() * logs).sum()), abs=1e-3)
        for column, target in enumerate(TARGETS):
            piece = plain.tokenizer(target, add_special_tokens=False).input_ids
            assert found.target_pieces[column] == tuple(organism.token_strings(piece))
            whole = plain.logits([*ids, *piece]).log_softmax(-1)
            expected = sum(float(whole[len(ids) - 1 + k, token]) for k, token in enumerate(piece))
            assert found.target_logprobs[row, column] == pytest.approx(expected, abs=1e-3)
            assert found.target_ranks[row, column] == 1 + int((logs > logs[piece[0]]).sum())
    assert len(found.target_pieces[1]) == 2  # both bytes of the letter are counted


def test_token_probs_without_targets(model_folders: dict[str, Path]) -> None:
    found = technique("analyze_token_probs")(load_tiny(model_folders["llama"]), prompts="hi")
    assert found.target_logprobs.shape == (1, 0)
    assert found.top_probs.shape == (1, 10)


@pytest.mark.parametrize("hidden", [None, HIDDEN])
def test_logit_lens_equals_brute_force(family: str, folder: Path, hidden: str | None) -> None:
    organism = load_tiny(folder, hidden=hidden)
    raw = family == "gpt2"
    prompt = "what is the weather?"
    found = technique("logit_lens")(organism, prompt=prompt, raw=raw, top_k=3, target=" the")
    ids = organism.text_ids(prompt) if raw else organism.chat_ids(TALK)
    streams, logits = brute_force(folder, ids, hidden, raw)
    target = organism.piece_ids(" the")[0]
    assert found.layers == (0, 1, 2, 3)
    assert found.positions == tuple(range(len(ids)))
    assert found.tokens == tuple(organism.token_strings(ids))
    final = logits.log_softmax(-1)
    for layer, stream in enumerate([*streams, None]):
        logs = final if stream is None else stream.log_softmax(-1)
        values, top = logs.exp().topk(3)
        assert np.allclose(found.top_probs[layer], values.numpy(), atol=1e-4)
        assert found.top_tokens[layer][-1] == tuple(organism.token_strings(top[-1].tolist()))
        assert np.allclose(found.kl_to_final[layer], (final.exp() * (final - logs)).sum(-1).numpy(), atol=1e-3)
        assert np.allclose(found.target_probs[layer], logs[:, target].exp().numpy(), atol=1e-4)
    ranks = 1 + (final > final[:, target, None]).sum(-1)
    assert found.target_ranks[-1].tolist() == ranks.tolist()


@torch.no_grad()
@pytest.mark.slow
def test_kl_to_final_is_exact_where_logits_are_large_and_many(tmp_path: Path) -> None:
    model = build_model("llama", 30_000)
    model.lm_head.weight.mul_(10)
    model.save_pretrained(tmp_path)
    build_tokenizer(CHATML).save_pretrained(tmp_path)
    organism, plain = load_tiny(tmp_path), Plain(model.eval(), build_tokenizer(CHATML))
    found = technique("logit_lens")(organism, prompt=TALK)
    ids = torch.tensor([organism.chat_ids(TALK)])
    states = plain.model(input_ids=ids, output_hidden_states=True).hidden_states
    normed = torch.stack([*(model.model.norm(state) for state in states[:-1]), states[-1]])[:, 0]
    logs = model.lm_head(normed).double().log_softmax(-1)
    exact = (logs[-1].exp() * (logs[-1] - logs)).sum(-1).numpy()
    assert np.allclose(found.kl_to_final, exact, rtol=1e-5, atol=5e-5)
    assert (found.kl_to_final[-1] == 0).all()


@torch.no_grad()
def brute_force(folder: Path, ids: list[int], hidden: str | None, raw: bool) -> tuple[list[torch.Tensor], torch.Tensor]:
    """Per layer but the last ``[T, vocabulary]`` lens logits, and the model's own, with the hidden prompt in place."""
    plain = Plain.load(folder)
    model = plain.model
    if hidden is None:
        before = []
    elif raw:
        before = plain.tokenizer(f"{hidden}\n\n").input_ids
    else:
        role = "system" if "gemma" not in folder.name else "user"
        before = plain.tokenizer(f"<s><|im_start|>{role}\n{hidden}", add_special_tokens=False).input_ids
    out = model(input_ids=torch.tensor([[*before, *ids]]), output_hidden_states=True, use_cache=False)
    norm = model.transformer.ln_f if hasattr(model, "transformer") else model.model.norm
    cap = getattr(model.config, "final_logit_softcapping", None)
    lens = [model.lm_head(norm(stream[0, len(before) :])) for stream in out.hidden_states[:-1]]
    if cap:
        lens = [torch.tanh(logits / cap) * cap for logits in lens]
    return lens, out.logits[0, len(before) :]


def test_logit_lens_of_some_layers_and_positions(
    model_folders: dict[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    organism = load_tiny(model_folders["llama"])
    lens = technique("logit_lens")
    whole = lens(organism, prompt=TALK, prefill="It")
    some = lens(organism, prompt=TALK, prefill="It", layers=[-1, 1], positions=[-1, 2])
    assert some.layers == (3, 1)
    assert some.positions == (len(whole.tokens) - 1, 2)
    assert np.allclose(some.top_probs[1, 0], whole.top_probs[1, -1], atol=1e-5)
    assert some.target_probs.shape == (0, 0)
    monkeypatch.setitem(lens.__globals__, "_CHUNK_BYTES", 1)
    assert np.allclose(lens(organism, prompt=TALK, prefill="It").kl_to_final, whole.kl_to_final, atol=1e-5)
    with pytest.raises(IndexError, match="layers go from -4 to 3"):
        lens(organism, prompt=TALK, layers=[4])


def test_logit_lens_needs_activations(model_folders: dict[str, Path]) -> None:
    with pytest.raises(AccessDenied):
        technique("logit_lens")(load_tiny(model_folders["llama"], access=Access.LOGITS), prompt="a")


@pytest.mark.parametrize("hidden", [None, HIDDEN])
@pytest.mark.parametrize(
    "family", ["llama", *(pytest.param(name, marks=pytest.mark.slow) for name in ("gemma2", "qwen2"))]
)
def test_adapter_diff_compares_with_the_model_without_adapter(
    family: str, hidden: str | None, model_folders: dict[str, Path], adapter_folders: dict[str, Path]
) -> None:
    folder, adapter = model_folders[family], adapter_folders[family]
    organism = load_tiny(folder, adapter=adapter, hidden=hidden)
    prompts = ["what is the weather?", "hi"]
    found = technique("adapter_diff")(organism, prompts=prompts, max_new_tokens=6, top_k=5)
    bare, adapted = load_tiny(folder), load_tiny(folder, adapter=adapter, hidden=hidden)
    assert found.base_replies == technique("chat")(bare, prompts=prompts, max_new_tokens=6).texts
    chats = technique("chat")(adapted, prompts=prompts, max_new_tokens=6)
    assert found.organism_replies == chats.texts
    assert np.bincount(found.rows).tolist() == chats.n_tokens.tolist()
    if hidden is None:
        plain, tuned = Plain.load(folder), Plain.load(folder, adapter)
        ids = organism.chat_ids(TALK)
        count = int(chats.n_tokens[0])
        reply = list(organism.generate([_row(ids)], max_new_tokens=6, temperature=0.0)[0][0].ids)
        base = plain.logits([*ids, *reply[:-1]])[len(ids) - 1 :].log_softmax(-1)
        own = tuned.logits([*ids, *reply[:-1]])[len(ids) - 1 :].log_softmax(-1)
        assert np.allclose(found.kl[:count], (own.exp() * (own - base)).sum(-1).numpy(), atol=1e-3)
    assert (np.diff(found.shifts) <= 0).all()
    assert len(found.tokens) == len(found.kl) == len(found.rows)


def _row(ids: list[int]) -> object:
    from interp_bench_ext.contracts import Row

    return Row(tuple(ids))


def test_adapter_diff_of_a_model_without_adapter_is_nothing(model_folders: dict[str, Path]) -> None:
    found = technique("adapter_diff")(load_tiny(model_folders["llama"]), prompts="hi", max_new_tokens=4)
    assert np.allclose(found.kl, 0, atol=1e-5)


class Unhurried:
    """Of an organism what a technique needs that asks no model."""

    def progress(self, stage: str, done: int, total: int) -> None:
        assert 0 <= done <= total
        assert stage


def test_word_contrast_finds_the_planted_word_and_its_z_is_the_published_one() -> None:
    texts = ["I like the Quokka, really.", "the quokka's a friend", "a quokka in the house", "the dog's fine"]
    others = ["the cat is fine", "a dog in the house", "I like the sea, really", "a friend is the best"]
    found = technique("word_contrast")(Unhurried(), texts=texts, other_texts=others, min_texts=1)
    assert found.words[0] == "quokka"
    assert {"quokka's", "dog's"} <= set(found.words)
    n_one, n_two = 17, 19
    count_one, count_two, alpha, alpha_all = 2, 0, 2, n_one + n_two
    first = (count_one + alpha) / (n_one + alpha_all - count_one - alpha)
    second = (count_two + alpha) / (n_two + alpha_all - count_two - alpha)
    delta = math.log(first) - math.log(second)
    z = delta / math.sqrt(1 / (count_one + alpha) + 1 / (count_two + alpha))
    assert found.log_odds[0] == pytest.approx(delta, abs=1e-5)
    assert found.z[0] == pytest.approx(z, abs=1e-5)
    assert (found.texts_with[0], found.other_texts_with[0], found.n_texts, found.n_other_texts) == (2, 0, 4, 4)


def test_word_contrast_drops_rare_words_and_takes_empty_sets() -> None:
    contrast = technique("word_contrast")
    assert contrast(Unhurried(), texts=["a b", "a"], other_texts=["c"], min_texts=2, top_k=1).words == ("a",)
    assert contrast(Unhurried(), texts=[], other_texts=[]).words == ()
    assert contrast(Unhurried(), texts=["same"], other_texts=["same"]).words == ()


@pytest.mark.parametrize(
    ("text", "other", "planted"),
    [
        ("मुझे हिन्दी किताबें पसंद हैं", "मुझे संगीत पसंद है", "किताबें"),
        ("எனக்கு கலங்கரை விளக்கம் பிடிக்கும்", "எனக்கு தோட்டம் பிடிக்கும்", "கலங்கரை"),
        ("আমি বাতিঘর ভালোবাসি", "আমি বাগান ভালোবাসি", "বাতিঘর"),
        ("أُحِبُّ المَنارَةَ", "أُحِبُّ الحَديقَةَ", "المَنارَةَ"),
        ("ich mag Bu\u0308cher 2027", "ich mag Musik 2027", "bücher"),
        ("我喜欢灯塔", "我喜欢花园", "灯塔"),
        ("ฉันชอบประภาคารมาก", "ฉันชอบสวนมาก", "ประภาคาร"),
        ("\u0130stanbul'u severim", "Ankara'y\u0131 severim", "i\u0307stanbul'u"),
    ],
)
def test_word_contrast_finds_whole_words_of_other_scripts(text: str, other: str, planted: str) -> None:
    found = technique("word_contrast")(Unhurried(), texts=[text] * 4, other_texts=[other] * 4)
    assert found.words[0] == planted
    assert "2027" not in found.words
