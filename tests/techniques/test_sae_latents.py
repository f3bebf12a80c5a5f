"""Latents against numpy on the streams of plain Hugging Face modules."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from interp_bench_ext.contracts import Access
from interp_bench_ext.errors import BadInput
from interp_bench_ext.host.organism import CallHooks, LoadedOrganism, load_organism
from interp_bench_ext.host.spec import OrganismSpec
from interp_bench_ext.organisms.locate import locate
from tests.host.saes import save_sae
from tests.host.tiny import load_tiny
from tests.numerics.case import Arms
from tests.techniques.support import technique

TEXTS = ["the quick brown fox jumps", "what is the weather like today"]


def load(folder: Path, adapter: Path, sae: Path, access: Access = Access.BASE) -> LoadedOrganism:
    spec = OrganismSpec(
        name=str(adapter), is_peft=True, base_model=str(folder), device="cpu", dtype="float32", sae=str(sae)
    )
    organism = load_organism(spec, locate(spec), lambda *_: None)
    organism._call = CallHooks("this technique", lambda *_: None, access, lambda *_: None)
    return organism


def encoded(streams: np.ndarray, weights: dict[str, Any], kind: str, k: int) -> np.ndarray:
    """By the definitions, one position and latent at a time."""
    found = np.zeros((len(streams), len(weights["b_enc"])))
    for place, stream in enumerate(streams):
        before = (stream - weights["b_dec"]) @ weights["W_enc"] + weights["b_enc"]
        kept = set(np.argsort(-before)[:k]) if kind == "topk" else range(len(before))
        for latent in kept:
            least = weights["threshold"][latent] if kind == "jumprelu" else 0
            found[place, latent] = before[latent] if before[latent] > least else 0
    return found


@pytest.mark.parametrize("kind", ["standard", "jumprelu", "topk"])
def test_latents_are_those_of_the_definition(
    kind: str, tmp_path: Path, model_folders: dict[str, Path], adapter_folders: dict[str, Path]
) -> None:
    folder, adapter = model_folders["llama"], adapter_folders["llama"]
    width = load_tiny(folder).info.width
    weights = save_sae(tmp_path / "sae", width, architecture=kind, **({"k": 6} if kind == "topk" else {}))
    organism = load(folder, adapter, tmp_path / "sae")
    found = technique("sae_latents")(organism, texts=TEXTS, top_k=5)
    arms = Arms.load(folder, adapter, torch.float32, exact=True)
    ids = [organism.text_ids(text) for text in TEXTS]
    seen = {
        arm: np.concatenate([arms.of(arm).streams(row)[2, 1:].numpy() for row in ids]) for arm in ("organism", "base")
    }
    latents = {arm: encoded(streams, weights, kind, 6) for arm, streams in seen.items()}
    gain = latents["organism"].mean(0) - latents["base"].mean(0)
    expected = [latent for latent in np.argsort(-gain)[:5] if latents["organism"][:, latent].any()]
    assert found.latents.tolist() == expected
    np.testing.assert_allclose(found.means, latents["organism"].mean(0)[expected], rtol=1e-3, atol=1e-4)
    np.testing.assert_allclose(found.control_means, latents["base"].mean(0)[expected], rtol=1e-3, atol=1e-4)
    np.testing.assert_allclose(found.shares, (latents["organism"] > 0).mean(0)[expected], atol=1e-6)
    rebuilt = latents["organism"] @ weights["W_dec"] + weights["b_dec"]
    spread = np.square(seen["organism"] - seen["organism"].mean(0)).sum()
    assert found.left_out == pytest.approx(np.square(seen["organism"] - rebuilt).sum() / spread, rel=1e-3)
    assert found.active == pytest.approx((latents["organism"] > 0).sum(1).mean(), rel=1e-4)
    places = [token for row in ids for token in row[1:]]
    strongest = organism.token_strings([places[latents["organism"][:, expected[0]].argmax()]])[0]
    assert found.top_tokens[0][0] == strongest
    np.testing.assert_allclose(found.direction(expected[0]), weights["W_dec"][expected[0]], rtol=1e-6)
    with pytest.raises(BadInput, match="is none of those that were found"):
        found.direction(-1)


def test_heads_are_read_side_by_side_and_a_chat_is_a_turn(tmp_path: Path, model_folders, adapter_folders) -> None:
    organism = load_tiny(model_folders["llama"])
    heads = organism.info.n_heads * organism.site_shape(organism_site())[1]
    save_sae(tmp_path / "sae", heads, metadata={"hook_name": "blocks.1.attn.hook_z"})
    organism = load(model_folders["llama"], adapter_folders["llama"], tmp_path / "sae")
    found = technique("sae_latents")(organism, texts="a dog", chat=True, skip=0)
    assert found.n_positions == len(organism.chat_ids([{"role": "user", "content": "a dog"}]))
    assert found.site == "head of layer 1"


def organism_site():
    from interp_bench_ext.contracts import Site

    return Site(1, "head")


def test_without_the_base_the_control_is_everyday_text(tmp_path: Path, model_folders, adapter_folders) -> None:
    save_sae(tmp_path / "sae", load_tiny(model_folders["llama"]).info.width)
    organism = load(model_folders["llama"], adapter_folders["llama"], tmp_path / "sae", Access.ACTIVATIONS)
    found = technique("sae_latents")(organism, texts=TEXTS)
    assert found.control == "organism on everyday passages"
    with pytest.raises(BadInput, match="text without words"):
        technique("sae_latents")(organism, texts=[" "])
    with pytest.raises(BadInput, match="No text has more than the 50 tokens"):
        technique("sae_latents")(organism, texts="a dog", skip=50)
