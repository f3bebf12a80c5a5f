from __future__ import annotations

from pathlib import Path

import pytest
import torch

from interp_bench_ext.contracts import Access
from interp_bench_ext.errors import AccessDenied, BadInput
from tests.host.tiny import Plain, load_tiny


def test_weights_are_those_that_the_organism_multiplies_by(
    model_folders: dict[str, Path], adapter_folders: dict[str, Path]
) -> None:
    organism = load_tiny(model_folders["llama"], adapter=adapter_folders["llama"])
    base = dict(Plain.load(model_folders["llama"]).model.named_parameters())
    merged = Plain.load(model_folders["llama"], adapter_folders["llama"]).model.merge_and_unload()
    tuned = dict(merged.named_parameters())
    assert organism.weight_names() == {name: tuple(weight.shape) for name, weight in base.items()}
    factors = organism.adapter()
    changed = [name for name in base if not torch.equal(base[name], tuned[name])]
    assert sorted(factors) == sorted(changed) != []
    for name in (*changed, next(name for name in base if name not in changed)):
        assert torch.allclose(organism.weight(name), tuned[name], atol=1e-6)
        assert torch.equal(organism.weight(name, arm="base"), base[name])
    for name, (down, up) in factors.items():
        assert torch.allclose(up @ down, tuned[name] - base[name], atol=1e-6)


def test_levels_and_unknown_names(model_folders: dict[str, Path]) -> None:
    organism = load_tiny(model_folders["llama"])
    assert organism.adapter() == {}
    with pytest.raises(BadInput, match=r"no weight 'lm_hed.weight'; did you mean"):
        organism.weight("lm_hed.weight")
    capped = load_tiny(model_folders["llama"], access=Access.ACTIVATIONS)
    with pytest.raises(AccessDenied, match="access to weights"):
        capped.weight("lm_head.weight")
    with pytest.raises(AccessDenied, match="access to base"):
        load_tiny(model_folders["llama"], access=Access.WEIGHTS).weight("lm_head.weight", arm="base")
