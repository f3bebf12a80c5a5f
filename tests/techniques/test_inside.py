"""Techniques that read activations and gradients, against brute force."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from interp_bench_ext.contracts import Row
from interp_bench_ext.errors import BadInput
from tests.host.tiny import Plain, load_tiny
from tests.techniques.support import technique

TEXT = "the quick dog jumps"


@pytest.mark.parametrize("name", ["llama", "gpt2"])
def test_activation_tokens_are_the_nearest_rows_by_cosine(name: str, model_folders: dict[str, Path]) -> None:
    folder = model_folders[name]
    organism, plain = load_tiny(folder), Plain.load(folder)
    found = technique("activation_tokens")(organism, prompt=TEXT, raw=True, layers=[1], positions=[-1, 0], top_k=4)
    ids = organism.text_ids(TEXT)
    stream = plain.model(input_ids=torch.tensor([ids]), output_hidden_states=True).hidden_states[2][0].detach()
    rows = torch.nn.functional.normalize(plain.model.get_output_embeddings().weight.detach(), dim=-1)
    for row, position in enumerate((-1, 0)):
        cosines = rows @ torch.nn.functional.normalize(stream[position], dim=-1)
        values, expected = cosines.topk(4)
        assert found.scores[row] == pytest.approx(values.detach().numpy(), abs=1e-4)
        assert found.tokens[row] == tuple(organism.token_strings(expected.tolist()))
        assert found.norms[row] == pytest.approx(float(stream[position].norm()), rel=1e-3)
    assert found.arms == ("organism", "organism", "base", "base")


def test_activation_difference_lens_is_the_mean_difference_of_the_first_tokens(
    model_folders: dict[str, Path], adapter_folders: dict[str, Path]
) -> None:
    folder, adapter = model_folders["llama"], adapter_folders["llama"]
    organism = load_tiny(folder, adapter=adapter)
    texts = ["the quick dog", "a lazy fox", "what is it", "dog"]
    found = technique("activation_difference_lens")(organism, texts=texts, layer=1, first=2, top_k=3)
    arms = Plain.load(folder, adapter), Plain.load(folder)
    per_text: list[list[torch.Tensor]] = [[], []]
    for text in texts:
        ids = organism.text_ids(text)
        own = len(organism.piece_ids(text))
        states = [
            arm.model(input_ids=torch.tensor([ids]), output_hidden_states=True).hidden_states[2][0].detach()
            for arm in arms
        ]
        for place in range(min(2, own)):
            per_text[place].append(states[0][len(ids) - own + place] - states[1][len(ids) - own + place])
    norm, head = arms[0].model.base_model.model.model.norm, arms[0].model.base_model.model.lm_head
    for place in range(2):
        mean = torch.stack(per_text[place]).mean(0)
        assert found.norms[place] == pytest.approx(float(mean.norm()), rel=1e-3)
        p, ids = head(norm(mean)).softmax(-1).topk(3)
        assert found.tokens[place] == tuple(organism.token_strings(ids.tolist()))
        assert found.scores[place] == pytest.approx(p.detach().numpy(), abs=1e-3)


def test_activation_difference_lens_of_an_untouched_model_has_no_length(model_folders: dict[str, Path]) -> None:
    found = technique("activation_difference_lens")(load_tiny(model_folders["llama"]), first=2)
    assert np.allclose(found.norms[:2], 0, atol=1e-4)
    assert (found.norms[2:] > 0).all()


@pytest.mark.parametrize("name", ["llama", "gemma2"])
def test_attention_equals_the_models_own_and_rollout_the_product(name: str, model_folders: dict[str, Path]) -> None:
    from transformers import AutoModelForCausalLM

    folder = model_folders[name]
    organism = load_tiny(folder)
    eager = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32, attn_implementation="eager").eval()
    ids = organism.text_ids(TEXT)
    with torch.no_grad():
        maps = [m[0].numpy() for m in eager(input_ids=torch.tensor([ids]), output_attentions=True).attentions]
    found = technique("attention_patterns")(organism, prompt=TEXT, raw=True, layers=[0, 2], heads=[1, 3])
    assert found.heads == ("L0 H1", "L0 H3", "L2 H1", "L2 H3")
    assert np.allclose(found.weights, [maps[0][1], maps[0][3], maps[2][1], maps[2][3]], atol=1e-4)
    assert np.allclose(found.weights.sum(-1), 1, atol=1e-4)
    flow = np.eye(len(ids))
    for each in maps:
        flow = (0.5 * each.mean(0) + 0.5 * np.eye(len(ids))) @ flow
    rolled = technique("attention_patterns")(organism, prompt=TEXT, raw=True, rollout=True)
    assert np.allclose(rolled.weights[0], flow, atol=1e-4)
    with pytest.raises(BadInput, match="Heads go from 0 to 3"):
        technique("attention_patterns")(organism, prompt=TEXT, raw=True, heads=[4])


def test_saliency_is_the_gradient_and_leaving_out_is_exact(model_folders: dict[str, Path]) -> None:
    folder = model_folders["llama"]
    organism, plain = load_tiny(folder), Plain.load(folder)
    reply = " over the fox"
    found = technique("input_saliency")(organism, prompt=TEXT, reply=reply, raw=True, leave_out=3)
    ids, said = organism.text_ids(TEXT), organism.piece_ids(reply)

    def logprob(embedded: torch.Tensor) -> torch.Tensor:
        logs = plain.model(inputs_embeds=embedded).logits[0].log_softmax(-1)
        start = embedded.shape[1] - len(said)
        return logs[start - 1 : -1].gather(1, torch.tensor(said)[:, None]).sum()

    table = plain.model.get_input_embeddings()
    with torch.no_grad():
        embedded = table(torch.tensor([[*ids, *said]])).double()
        plain.model.double()
        assert found.logprob == pytest.approx(float(logprob(embedded)), abs=1e-3)
        for at in range(len(ids)):
            step = torch.zeros_like(embedded)
            step[0, at] = 3e-3 * embedded[0, at]  # norms are in float32 whatever the model's type
            slope = float(logprob(embedded + step) - logprob(embedded - step)) / 6e-3
            assert found.gradients[at] == pytest.approx(slope, rel=0.02, abs=5e-3)
        tried = np.flatnonzero(np.isfinite(found.left_out))
        assert set(tried) == set(np.argsort(-np.abs(found.gradients))[:3])
        for at in tried:
            without = table(torch.tensor([[*ids[:at], *ids[at + 1 :], *said]]))
            expected = found.logprob - float(logprob(without))
            assert found.left_out[at] == pytest.approx(expected, abs=1e-3)
    with pytest.raises(BadInput, match="reply is empty"):
        technique("input_saliency")(organism, prompt=TEXT, reply="", raw=True)


def test_probes_find_what_is_there_and_nothing_in_shuffled_labels(model_folders: dict[str, Path]) -> None:
    organism = load_tiny(model_folders["llama"])
    starts = ["the", "a", "what", "is", "user", "over", "like", "today", "quick", "lazy"]
    positive, negative = [f"{start} fox" for start in starts], [f"{start} dog" for start in starts]
    found = technique("linear_probe")(organism, positive=positive, negative=negative, layers=[0, -1], shuffles=4)
    assert found.layers == (0, 3)
    assert found.auroc[0] > 0.9  # the last word alone
    assert found.auroc[1] > 0.65
    assert (found.shuffled < 0.65).all()
    assert np.linalg.norm(found.direction) == pytest.approx(1, abs=1e-5)
    # At the embedding the last token alone decides: the direction tells its two values apart.
    same = technique("linear_probe")(organism, positive=positive, negative=positive, layers=[0], shuffles=1)
    assert same.auroc[0] <= 0.6
    grouped = technique("linear_probe")(
        organism, positive=positive[:4], negative=negative[:4], layers=[0], groups=[0, 0, 1, 1, 0, 0, 1, 1], shuffles=1
    )
    assert grouped.auroc[0] > 0.9
    with pytest.raises(BadInput, match="2 groups for 20 texts"):
        technique("linear_probe")(organism, positive=positive, negative=negative, groups=[0, 1])
    with pytest.raises(BadInput, match="at least two texts"):
        technique("linear_probe")(organism, positive=["a"], negative=negative)


@pytest.mark.slow
def test_persona_vectors_are_differences_of_mean_reply_states(
    model_folders: dict[str, Path], adapter_folders: dict[str, Path]
) -> None:
    folder, adapter = model_folders["llama"], adapter_folders["llama"]
    organism = load_tiny(folder, adapter=adapter)
    asked = ["what is the weather?", "hi", "who are you?"]
    found = technique("persona_vector")(
        organism, trait="be the quick fox", opposite="be the lazy dog", prompts=asked, layers=[1], max_new_tokens=5
    )
    plain = {"organism": Plain.load(folder, adapter), "base": Plain.load(folder)}

    def states(system: str | None, arm: str) -> torch.Tensor:
        rows = []
        for prompt in asked:
            turns = [{"role": "system", "content": system}] if system else []
            ids = organism.chat_ids([*turns, {"role": "user", "content": prompt}], arm=arm)
            row = Row(tuple(ids), arm)
            reply = organism.generate([row], max_new_tokens=5, temperature=0.7, seed=0)[0][0].ids
            hidden = plain[arm].model(input_ids=torch.tensor([[*ids, *reply]]), output_hidden_states=True)
            rows.append(hidden.hidden_states[2][0, len(ids) :].mean(0).detach())
        return torch.stack(rows)

    direction = states("be the quick fox", "base").mean(0) - states("be the lazy dog", "base").mean(0)
    assert found.directions[0] == pytest.approx(direction.numpy(), abs=2e-3)
    unit = direction / direction.norm()
    own, base = states(None, "organism") @ unit, states(None, "base") @ unit
    assert found.shift[0] == pytest.approx(float((own.mean() - base.mean()) / base.std()), rel=0.02)
    assert found.random_high[0] > 0
    with pytest.raises(BadInput, match="at least two replies"):
        technique("persona_vector")(organism, trait="a", opposite="b", prompts=["hi"])
