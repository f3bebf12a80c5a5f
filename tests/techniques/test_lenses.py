"""Lenses that carry a stream to the last layer's basis, against autograd and the plain lens."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from interp_bench_ext.contracts import Reads, Row, Site
from interp_bench_ext.errors import BadInput
from tests.host.tiny import HIDDEN, LoadedOrganism, Plain, load_tiny
from tests.techniques.support import helper, technique

TEXTS = ("the quick brown fox jumps over the dog", "what is the weather like today in the town")


def last_logits(organism: LoadedOrganism, text: str) -> torch.Tensor:
    (batch,) = organism.run([Row(tuple(organism.text_ids(text)))])
    return batch.logits[0]


def averaged_jacobian(plain: Plain, ids: list[list[int]], layer: int, skip: int) -> torch.Tensor:
    """``[width, width]`` by autograd: what all later places become, summed, and averaged over places and texts."""
    whole = 0
    for row in ids:
        kept: dict[str, torch.Tensor] = {}

        def hook(_module, _args, out, kept=kept):  # noqa: ANN001
            stream = out[0] if isinstance(out, tuple) else out
            kept["stream"] = stream.detach().requires_grad_()
            return (kept["stream"], *out[1:]) if isinstance(out, tuple) else kept["stream"]

        blocks = plain.model.model.layers
        last: dict[str, torch.Tensor] = {}
        handles = [
            blocks[layer].register_forward_hook(hook),
            blocks[-1].register_forward_hook(
                lambda _m, _a, out, last=last: last.update(out=out[0] if isinstance(out, tuple) else out)
            ),
        ]
        plain.model(input_ids=torch.tensor([row]), use_cache=False)
        for handle in handles:
            handle.remove()
        places = range(skip, len(row) - 1)
        summed = last["out"][0, places].sum(0)
        rows = [torch.autograd.grad(each, kept["stream"], retain_graph=True)[0][0, places].mean(0) for each in summed]
        whole = whole + torch.stack(rows) / len(ids)
    return whole


def test_the_jacobian_lens_is_autograd_s_average(model_folders: dict[str, Path]) -> None:
    organism, plain = load_tiny(model_folders["llama"]), Plain.load(model_folders["llama"])
    found = technique("jacobian_lens")(
        organism, prompt="a b c d", raw=True, layers=[0, 1], positions=[-2, -1], texts=TEXTS, skip=2, top_k=5
    )
    ids = organism.text_ids("a b c d")
    sites = [Site(layer, "resid_post") for layer in range(3)]
    (batch,) = organism.run([Row(tuple(ids))], Reads(sites=tuple(sites)))
    for place, layer in enumerate((0, 1)):
        jacobian = averaged_jacobian(plain, [organism.text_ids(text) for text in TEXTS], layer, 2)
        carried = batch.sites[sites[layer]][0, -2:] @ jacobian.mT
        expected = organism.unembed(carried).log_softmax(-1).exp().topk(5, -1)
        np.testing.assert_allclose(found.top_probs[place], expected.values, rtol=0.03)
        kl = batch.logits[0, -2:].log_softmax(-1)
        kl = (kl.exp() * (kl - organism.unembed(carried).log_softmax(-1))).sum(-1)
        np.testing.assert_allclose(found.kl_to_final[place], kl, atol=0.02)
    assert found.layers == (1, 2, 3)
    np.testing.assert_allclose(found.kl_to_final[-1], 0, atol=1e-6)


def test_the_tuned_lens_comes_nearer_to_the_last_layer_than_the_plain_one(model_folders: dict[str, Path]) -> None:
    organism = load_tiny(model_folders["llama"], hidden=HIDDEN)
    found = technique("tuned_lens")(organism, prompt="a b c d e", raw=True, target=" dog", top_k=3)
    assert found.kl_to_final[0].mean() < found.control_kl[0].mean()
    pairs = found.note.split("nats: ")[1].rstrip(".").split("; ")
    tuned, plain = zip(*[[float(x) for x in pair.split(" ", 1)[1].split(" against ")] for pair in pairs], strict=True)
    assert tuned[0] < plain[0]
    assert tuned[-1] == plain[-1] == 0
    logits = last_logits(organism, "a b c d e").softmax(-1)
    np.testing.assert_allclose(found.top_probs[-1, :, 0], logits.max(-1).values, rtol=1e-4)


def test_a_fit_is_ridge_regression() -> None:
    from sklearn.linear_model import Ridge

    torch.manual_seed(0)
    streams, last = torch.randn(60, 8), torch.randn(60, 8)
    fit = helper("tuned_lens")._Fit(streams, last, 0.5)
    centred = (streams - streams.mean(0)).double()
    alpha = 0.5 * float((centred.mT @ centred).diagonal().mean())
    oracle = Ridge(alpha=alpha).fit(streams.double().numpy(), (last - streams).double().numpy())
    expected = streams.double().numpy() + oracle.predict(streams.double().numpy())
    np.testing.assert_allclose(fit.of(streams), expected, atol=1e-5)


@pytest.mark.parametrize(
    ("name", "given", "says"),
    [
        ("tuned_lens", {"texts": ["a", "b"]}, "at least 8, or none"),
        ("tuned_lens", {"texts": [""] * 8}, "no more than one token each|without any token"),
        ("tuned_lens", {"layers": [9]}, "layers go from -3 to 2"),
        ("jacobian_lens", {"texts": ["a"]}, "No text has more than 5 tokens"),
        ("jacobian_lens", {"positions": [99]}, "positions go from"),
        ("jacobian_lens", {"prompt": [{"role": "user", "content": "a"}]}, "With raw the prompt is a text"),
    ],
)
def test_bad_input_is_one_sentence(model_folders: dict[str, Path], name: str, given: dict, says: str) -> None:
    with pytest.raises(BadInput, match=says):
        technique(name)(load_tiny(model_folders["llama"]), **{"prompt": "a b c d e", "raw": True, **given})
