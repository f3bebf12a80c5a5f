"""What is read of the vocabulary, against double precision."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from interp_bench_ext.contracts import Reads, Row, Site
from interp_bench_ext.errors import BadInput
from interp_bench_ext.host import vocabulary
from tests.host.test_base_rows import save_tuned
from tests.host.tiny import FAMILIES, LoadedOrganism, load_tiny


def streams(organism: LoadedOrganism) -> torch.Tensor:
    sites = (Site(0, "resid_pre"), *(Site(layer, "resid_post") for layer in range(organism.info.n_layers)))
    (batch,) = organism.run([Row(tuple(organism.text_ids("the quick brown fox")))], Reads(logits=False, sites=sites))
    return torch.stack([batch.sites[site][0] for site in sites])


def check(organism: LoadedOrganism, hidden: torch.Tensor) -> None:
    targets = [7, 300]
    found = organism.read(hidden, top_k=5, targets=targets, reference=hidden[-1])
    logs = organism.unembed(hidden).double().log_softmax(-1)
    top = logs.topk(5)
    assert np.array_equal(found.top_ids, top.indices.numpy())
    assert np.allclose(found.top_logprobs, top.values.numpy(), atol=2e-5)
    assert np.allclose(found.target_logprobs, logs[..., targets].numpy(), atol=2e-5)
    ranks = [1 + (logs > logs[..., target, None]).sum(-1) for target in targets]
    assert np.array_equal(found.target_ranks, torch.stack(ranks, -1).numpy())
    kl = (logs[-1].exp() * (logs[-1] - logs)).sum(-1)
    assert np.allclose(found.kl, kl.numpy(), rtol=1e-5, atol=2e-5)
    assert not found.kl[-1].any()


@pytest.mark.parametrize("tile", [(512, 4096), (3, 50)])
def test_a_reading_is_what_the_whole_logits_say(
    folder: Path, tile: tuple[int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(vocabulary._TILE, "cpu", tile)
    organism = load_tiny(folder)
    check(organism, streams(organism))


@pytest.mark.filterwarnings("ignore")
def test_a_head_under_an_adapter_is_read_too(model_folders: dict[str, Path], tmp_path: Path) -> None:
    adapter = save_tuned(model_folders["qwen2"], tmp_path / "a", target_modules=["q_proj", "lm_head"])
    organism = load_tiny(model_folders["qwen2"], adapter=adapter)
    check(organism, streams(organism))
    matrix = organism.unembedding()
    hidden = streams(organism)[-1]
    expected = organism.unembed(hidden)
    assert torch.allclose(organism._engine.organism.parts.norm(hidden) @ matrix.T, expected, atol=2e-4)


@pytest.mark.parametrize("family", FAMILIES)
def test_contributions_add_up_to_the_logits(family: str, model_folders: dict[str, Path]) -> None:
    organism = load_tiny(model_folders[family])
    parts = [("embed", 0), *((part, layer) for layer in range(3) for part in ("attn_out", "mlp_out"))]
    sites = tuple(Site(layer, part) for part, layer in parts)  # type: ignore[arg-type]
    first, last = Site(0, "resid_pre"), Site(-1, "resid_post")
    row = Row(tuple(organism.text_ids("the quick brown fox")))
    (batch,) = organism.run([row], Reads(sites=(first, last, *sites)))
    final = batch.sites[last][0]
    added = torch.stack([batch.sites[first][0], *(batch.sites[site][0] for site in sites[1:])])
    whole = organism.unembed(final, scale_of=final)
    assert torch.allclose(organism.unembed(added, scale_of=final).sum(0), whole, atol=2e-4)
    head, norm = organism._engine.organism.parts.head, organism._engine.organism.parts.norm
    assert torch.allclose(whole, head(norm(final)) - head(norm(torch.zeros_like(final))), atol=2e-4)


def test_a_target_that_is_no_token_is_refused(model_folders: dict[str, Path]) -> None:
    organism = load_tiny(model_folders["llama"])
    with pytest.raises(BadInput, match="A target is a token id from 0 to"):
        organism.read(torch.zeros(1, 32), targets=[100_000])
