"""What an adapter is made of and what training changed, against numpy and plain passes."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from interp_bench_ext.contracts import Edit, Row, Site
from interp_bench_ext.errors import BadInput
from tests.host.tiny import HIDDEN, LoadedOrganism, Plain, load_tiny
from tests.techniques.support import technique

PROMPT = "what is the weather?"


@pytest.fixture(scope="module")
def organism(model_folders: dict[str, Path], adapter_folders: dict[str, Path]) -> LoadedOrganism:
    return load_tiny(model_folders["llama"], adapter=adapter_folders["llama"], hidden=HIDDEN)


@pytest.fixture(scope="module")
def bare(model_folders: dict[str, Path], adapter_folders: dict[str, Path]) -> LoadedOrganism:
    """Without a hidden prompt, so that plain passes need no more than the visible ids."""
    return load_tiny(model_folders["llama"], adapter=adapter_folders["llama"])


def added(model_folders: dict[str, Path], adapter_folders: dict[str, Path]) -> dict[str, torch.Tensor]:
    """What the adapter adds to each weight, by peft's own merge."""
    base = dict(Plain.load(model_folders["llama"]).model.named_parameters())
    merged = Plain.load(model_folders["llama"], adapter_folders["llama"]).model.merge_and_unload()
    whole = {name: (weight - base[name]).detach() for name, weight in merged.named_parameters()}
    return {name: change for name, change in whole.items() if change.abs().max() > 0}


def test_singular_values_are_numpy_s(
    organism: LoadedOrganism, model_folders: dict[str, Path], adapter_folders: dict[str, Path]
) -> None:
    found = technique("adapter_svd")(organism, prompts=PROMPT, ranks=[1], n=1, max_new_tokens=4)
    changes = added(model_folders, adapter_folders)
    labels = {f"layer {name.split('.')[2]} {name.split('.')[-2]}": change for name, change in changes.items()}
    assert sorted(found.modules) == sorted(labels)
    for name, values in zip(found.modules, found.singular_values, strict=True):
        own = values[np.isfinite(values)]
        expected = np.linalg.svd(labels[name].double().numpy(), compute_uv=False)[: len(own)]
        np.testing.assert_allclose(own, expected, atol=1e-4)
    norms = np.sqrt(np.nansum(found.singular_values**2, 1))
    assert (np.diff(norms) <= 1e-5).all()
    np.testing.assert_allclose(np.sqrt(np.nansum(found.control_values**2, 1)), norms, rtol=1e-4)
    assert found.arms == ("rank 1", "whole adapter", "base")


@pytest.mark.parametrize("rank", [1, 2])
def test_a_cut_adapter_is_the_truncated_product(
    bare: LoadedOrganism, model_folders: dict[str, Path], adapter_folders: dict[str, Path], rank: int
) -> None:
    ids = tuple(bare.text_ids(PROMPT))
    cut = Row(ids, edits=tuple(Edit(Site(layer, "adapter"), None, "project", rank) for layer in range(3)))
    rows = [cut, Row(ids), Row(ids, "base")]
    (batch,) = bare.run(rows)
    plain = Plain.load(model_folders["llama"])
    weights = dict(plain.model.named_parameters())
    with torch.no_grad():
        for name, change in added(model_folders, adapter_folders).items():
            u, s, v = np.linalg.svd(change.double().numpy(), full_matrices=False)
            weights[name] += torch.from_numpy((u[:, :rank] * s[:rank]) @ v[:rank]).float()
    assert torch.allclose(batch.logits[0], plain.logits(ids), atol=2e-3)
    assert not torch.allclose(batch.logits[0], batch.logits[1], atol=1e-2)


def test_the_whole_rank_is_the_organism_and_none_the_base_exactly(bare: LoadedOrganism) -> None:
    ids = tuple(bare.text_ids(PROMPT))

    def cut(rank: int) -> Row:
        return Row(ids, edits=tuple(Edit(Site(layer, "adapter"), None, "project", rank) for layer in range(3)))

    (batch,) = bare.run([cut(64), Row(ids), cut(0), Row(ids, "base")])
    assert torch.equal(batch.logits[0], batch.logits[1])
    assert torch.equal(batch.logits[2], batch.logits[3])


def test_an_organism_without_an_adapter_has_nothing_to_take_apart(
    bare: LoadedOrganism, model_folders: dict[str, Path]
) -> None:
    with pytest.raises(BadInput, match="no LoRA adapter"):
        technique("adapter_svd")(load_tiny(model_folders["llama"]), prompts=PROMPT)
    with pytest.raises(BadInput, match="scaled, or projected to a rank"):
        list(bare.run([Row((5,), edits=(Edit(Site(0, "adapter"), (0,), "scale", 1.0),))]))


def test_alpha_zero_is_the_organism(organism: LoadedOrganism) -> None:
    how = {"n": 3, "temperature": 0.8, "max_new_tokens": 10, "seed": 4}
    found = technique("logit_diff_amplification")(organism, prompts=PROMPT, alphas=[0.0], **how)
    rows = [Row(tuple(organism.chat_ids([{"role": "user", "content": PROMPT}])))]
    assert found.texts == tuple(reply.text for reply in organism.generate(rows, **how)[0])


def test_greedy_takes_the_amplified_logits_best(
    bare: LoadedOrganism, model_folders: dict[str, Path], adapter_folders: dict[str, Path]
) -> None:
    found = technique("logit_diff_amplification")(bare, prompts=PROMPT, alphas=[1.5], temperature=0.0, max_new_tokens=9)
    after, before = Plain.load(model_folders["llama"], adapter_folders["llama"]), Plain.load(model_folders["llama"])
    ids = bare.chat_ids([{"role": "user", "content": PROMPT}])
    written: list[int] = []
    while len(written) < 9 and not (written and written[-1] in bare.stop_ids):
        own, other = (model.logits([*ids, *written])[-1] for model in (after, before))
        written.append(int((own + 1.5 * (own - other)).argmax()))
    said = bare.decode([token for token in written if token not in bare.stop_ids])
    assert found.texts == (said,)


def test_first_tokens_come_as_often_as_the_amplified_distribution_says(bare: LoadedOrganism) -> None:
    found = technique("logit_diff_amplification")(
        bare, prompts=PROMPT, alphas=[1.0], n=400, temperature=1.0, max_new_tokens=1
    )
    ids = tuple(bare.chat_ids([{"role": "user", "content": PROMPT}]))
    (batch,) = bare.run([Row(ids), Row(ids, "base")])
    own, other = batch.logits[:, -1].double()
    wanted, plain = (torch.softmax(logits, -1) for logits in (2 * own - other, own))
    top = wanted.topk(12).indices.tolist()
    said = [bare.decode([token]) for token in top]
    counts = {text: found.texts.count(text) / 400 for text in said if said.count(text) == 1}
    near, far = (
        sum(abs(counts[text] - float(p[token])) for token, text in zip(top, said, strict=True) if text in counts)
        for p in (wanted, plain)
    )
    assert near < far
    assert near < 0.25
