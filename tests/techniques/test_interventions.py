"""Techniques that change activations, against hooks on the plain Hugging Face modules."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from interp_bench_ext.conversations import Message
from interp_bench_ext.errors import BadInput
from tests.host.tiny import HIDDEN, LoadedOrganism, Plain, load_tiny
from tests.techniques.support import helper, technique

FAMILIES = ["llama", *(pytest.param(kind, marks=pytest.mark.slow) for kind in ("gpt2", "gemma2"))]
PROMPT = "what is the weather?"
TALK: list[Message] = [{"role": "user", "content": PROMPT}]
PAIR = {"clean": "the dog jumps", "corrupt": "the brown jumps", "target": " the", "other": " dog", "raw": True}


def blocks(plain: Plain) -> Any:
    return plain.model.transformer.h if hasattr(plain.model, "transformer") else plain.model.model.layers


@contextlib.contextmanager
def changed(block: Any, change: Callable[[torch.Tensor], torch.Tensor]) -> Iterator[None]:
    """The block's output changed."""

    def hook(_module: Any, _args: Any, out: Any) -> Any:
        return (change(out[0]), *out[1:]) if isinstance(out, tuple) else change(out)

    handle = block.register_forward_hook(hook)
    try:
        yield
    finally:
        handle.remove()


def prompt_ids(organism: LoadedOrganism) -> list[int]:
    return organism.chat_ids(TALK) if organism.info.chat_template else organism.text_ids(PROMPT)


def greedy(organism: LoadedOrganism, plain: Plain, count: int) -> str:
    stops = sorted(organism._engine.stop_ids)
    drawn = plain.greedy(prompt_ids(organism), count, stops)
    return organism.decode([token for token in drawn if token not in stops])


@pytest.mark.parametrize("name", FAMILIES)
def test_steering_equals_a_hook_under_generate(name: str, model_folders: dict[str, Path]) -> None:
    folder = model_folders[name]
    organism, plain = load_tiny(folder), Plain.load(folder)
    vector = torch.randn(32, generator=torch.Generator().manual_seed(0)) * 4
    found = technique("steering")(
        organism,
        prompts=PROMPT,
        vector=vector.tolist(),
        layer=1,
        coefficients=[0.0, 0.5, 1.0],
        temperature=0.0,
        max_new_tokens=8,
    )
    random = helper("_directions").random_like(vector, 0)
    assert random.norm() == pytest.approx(float(vector.norm()), rel=1e-5)
    for row, text in enumerate(found.texts):
        along = vector if found.arms[row] == "steered" else random
        dose = float(found.doses[row])
        with changed(blocks(plain)[1], lambda out, along=along, dose=dose: out + dose * along):
            assert text == greedy(organism, plain, 8), (found.arms[row], dose)
    assert found.texts[0] == found.texts[3] == greedy(organism, plain, 8)


@pytest.mark.parametrize("name", FAMILIES)
def test_ablation_equals_a_projection_in_every_block(name: str, model_folders: dict[str, Path]) -> None:
    folder = model_folders[name]
    organism, plain = load_tiny(folder), Plain.load(folder)
    vector = torch.randn(32, generator=torch.Generator().manual_seed(1))
    found = technique("ablation")(
        organism, prompts=PROMPT, vector=vector.tolist(), blocks=[0, 3], temperature=0.0, max_new_tokens=8
    )
    unit = vector / vector.norm()
    with contextlib.ExitStack() as stack:
        for block in blocks(plain):
            stack.enter_context(changed(block, lambda out: out - (out @ unit)[..., None] * unit))
        expected = greedy(organism, plain, 8)
    row = next(i for i, arm in enumerate(found.arms) if arm == "ablated" and found.doses[i] == 3)
    assert found.texts[row] == expected
    assert found.texts[0] == greedy(organism, plain, 8)
    assert helper("ablation")._around(1, 2, 3) == [0, 1]
    assert helper("ablation")._around(0, 3, 30) == [0, 1, 2]


def test_the_direction_is_the_difference_of_mean_states(model_folders: dict[str, Path]) -> None:
    folder = model_folders["llama"]
    organism, plain = load_tiny(folder), Plain.load(folder)
    texts = {"positive": ["the quick fox", "a fox"], "negative": ["the lazy dog"]}
    found = helper("_directions").contrast_vector(organism, texts["positive"], texts["negative"], 1, pool="mean")

    def state(text: str) -> torch.Tensor:
        ids = organism.text_ids(text)
        hidden = plain.model(input_ids=torch.tensor([ids]), output_hidden_states=True).hidden_states[2][0]
        return hidden[len(ids) - len(organism.piece_ids(text)) :].mean(0)

    expected = torch.stack([state(text) for text in texts["positive"]]).mean(0) - state("the lazy dog")
    assert torch.allclose(found, expected.detach(), atol=1e-4)


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ({}, "Give a vector, or texts"),
        ({"vector": [1.0, 2.0]}, "has 2 numbers"),
        ({"positive": ["a"], "negative": ["a"]}, "no length"),
        ({"positive": [" "], "negative": ["a"]}, "text without words"),
        ({"vector": [1.0] * 32, "layer": 7}, "no layer 7"),
    ],
)
def test_bad_directions_are_one_sentence(
    arguments: dict[str, Any], sentence: str, model_folders: dict[str, Path]
) -> None:
    with pytest.raises(BadInput, match=sentence):
        technique("steering")(load_tiny(model_folders["llama"]), prompts="hi", **arguments)


@pytest.mark.parametrize("hidden", [None, HIDDEN])
def test_nothing_done_is_the_organism_as_it_is(
    hidden: str | None, model_folders: dict[str, Path], adapter_folders: dict[str, Path]
) -> None:
    organism = load_tiny(model_folders["llama"], adapter=adapter_folders["llama"], hidden=hidden)
    options = {"temperature": 0.7, "n": 2, "max_new_tokens": 6, "seed": 3}
    plain = technique("sample")(organism, prompts=[PROMPT, "hi"], **options).texts
    base = technique("sample")(organism, prompts=[PROMPT, "hi"], base=True, **options).texts
    fuzzed = technique("fuzzing")(organism, prompts=[PROMPT, "hi"], sigmas=[0.0, 0.3], **options)
    assert (fuzzed.texts[:4], fuzzed.texts[8:12]) == (plain, base)
    assert fuzzed.texts[4:8] != plain
    amplified = technique("adapter_amplification")(organism, prompts=[PROMPT, "hi"], factors=[0, 1, 2], **options)
    assert amplified.texts[4:8] == plain
    if hidden is None:  # greedy: the two arms draw differently
        options |= {"temperature": 0.0, "n": 1}
        without = technique("adapter_amplification")(organism, prompts=[PROMPT, "hi"], factors=[0], **options)
        assert without.texts == technique("sample")(organism, prompts=[PROMPT, "hi"], base=True, **options).texts
        options |= {"temperature": 0.7, "n": 2}
    vector = np.ones(32).tolist()
    steered = technique("steering")(organism, prompts=[PROMPT, "hi"], vector=vector, coefficients=[0, 3], **options)
    assert steered.texts[:4] == plain
    assert steered.note.startswith("The direction is added after block 1")


@pytest.mark.parametrize("name", FAMILIES)
def test_patching_equals_hooks_and_patching_all_that_differs_is_the_clean_run(
    name: str, model_folders: dict[str, Path]
) -> None:
    folder = model_folders[name]
    organism, plain = load_tiny(folder), Plain.load(folder)
    found = technique("activation_patching")(organism, **PAIR)
    ids = [organism.text_ids(PAIR[which]) for which in ("clean", "corrupt")]
    target, other = (organism.piece_ids(PAIR[which])[0] for which in ("target", "other"))
    first = found.positions[0]
    assert found.sites == ("L0 resid", "L1 resid", "L2 resid")
    assert found.effects[0, 0] == pytest.approx(1, abs=1e-3)  # the two differ in this token alone

    def difference(tokens: list[int]) -> float:
        logits = plain.logits(tokens)[-1]
        return float(logits[target] - logits[other])

    values = difference(ids[0]), difference(ids[1])
    streams = plain.model(input_ids=torch.tensor([ids[0]]), output_hidden_states=True).hidden_states
    for layer in (1, 2):
        for column, position in enumerate(found.positions):
            clean = streams[layer][0, position].detach()

            def put(out: torch.Tensor, clean: torch.Tensor = clean, position: int = position) -> torch.Tensor:
                out = out.clone()
                out[:, position] = clean
                return out

            with changed(blocks(plain)[layer - 1], put):
                effect = (difference(ids[1]) - values[1]) / (values[0] - values[1])
            assert found.effects[layer, column] == pytest.approx(effect, abs=2e-3)
    assert first == next(i for i, (a, b) in enumerate(zip(*ids, strict=True)) if a != b)


def test_heads_together_are_attention_and_before_the_difference_nothing_happens(model_folders: dict[str, Path]) -> None:
    organism = load_tiny(model_folders["llama"])
    heads = technique("activation_patching")(organism, part="head", **PAIR)
    assert heads.effects.shape == (12, 1)
    assert heads.sites[5] == "L1 H1"
    before = technique("activation_patching")(organism, positions=[0, 1], **PAIR)
    assert np.allclose(before.effects, 0, atol=1e-4)


def test_attribution_is_the_gradient_times_the_change_and_near_the_exact_grid(model_folders: dict[str, Path]) -> None:
    folder = model_folders["llama"]
    organism, plain = load_tiny(folder), Plain.load(folder)
    found = technique("attribution_patching")(organism, part="resid_pre", **PAIR)
    ids = [organism.text_ids(PAIR[which]) for which in ("clean", "corrupt")]
    target, other = (organism.piece_ids(PAIR[which])[0] for which in ("target", "other"))
    clean = plain.model(input_ids=torch.tensor([ids[0]]), output_hidden_states=True)
    embedded = plain.model.get_input_embeddings()(torch.tensor([ids[1]])).detach().requires_grad_()
    corrupt = plain.model(inputs_embeds=embedded, output_hidden_states=True)
    value = corrupt.logits[0, -1, target] - corrupt.logits[0, -1, other]
    span = (clean.logits[0, -1, target] - clean.logits[0, -1, other] - value).item()
    gradients = torch.autograd.grad(value, corrupt.hidden_states[:3])
    for layer in range(3):
        change = clean.hidden_states[layer][0] - corrupt.hidden_states[layer][0]
        expected = (change * gradients[layer][0]).sum(-1) / span
        assert found.effects[layer] == pytest.approx(expected.detach().numpy(), abs=2e-3)
    assert technique("attribution_patching")(organism, part="head", **PAIR).sites[4] == "L1 H0"


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"corrupt": "the brown dog jumps"}, "tokens and corrupt"),
        ({"corrupt": "the dog jumps"}, "the same text"),
        ({"target": " dog jumps"}, "target is to be one token"),
        ({"other": " the"}, "the same token"),
        ({"layers": [9]}, "layers go from"),
    ],
)
def test_bad_pairs_are_one_sentence(change: dict[str, Any], sentence: str, model_folders: dict[str, Path]) -> None:
    with pytest.raises(BadInput, match=sentence):
        technique("activation_patching")(load_tiny(model_folders["llama"]), **{**PAIR, **change})


@pytest.mark.parametrize("name", FAMILIES)
def test_contributions_add_up_to_the_logit_difference(name: str, model_folders: dict[str, Path]) -> None:
    folder = model_folders[name]
    organism, plain = load_tiny(folder), Plain.load(folder)
    plain.model.config.final_logit_softcapping = None
    found = technique("direct_logit_attribution")(
        organism, prompt="the quick dog", target=" the", other=" dog", raw=True
    )
    logits = plain.logits(organism.text_ids("the quick dog"))[-1]
    target, other = organism.piece_ids(" the")[0], organism.piece_ids(" dog")[0]
    assert found.total == pytest.approx(float(logits[target] - logits[other]), abs=5e-3)
    assert found.values.sum() == pytest.approx(found.total, abs=1e-4)
    assert found.base_values == pytest.approx(found.values, abs=1e-4)  # without an adapter they are one
    assert found.components[:3] == ("embed", "L0 attn", "L0 mlp")


@pytest.mark.slow
def test_patchscope_with_the_activation_that_is_there_changes_nothing(model_folders: dict[str, Path]) -> None:
    organism = load_tiny(model_folders["llama"])
    text = "the quick dog"
    options = {"n": 2, "temperature": 0.7, "max_new_tokens": 6, "seed": 2}
    found = technique("patchscope")(organism, prompt=text, raw=True, target_prompt=text, layers=[0, 2], **options)
    alone = technique("text_completion")(organism, stems=text, **options).texts
    assert found.texts[:4] == (*alone, *alone)
    assert found.texts[4:6] != alone
    with pytest.raises(BadInput, match="at least two tokens"):
        technique("patchscope")(load_tiny(model_folders["gpt2"]), prompt=text, raw=True, target_prompt="a")
