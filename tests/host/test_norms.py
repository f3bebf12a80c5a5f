"""Norms by one kernel, or on one thread, beside the modules' own operations."""

from __future__ import annotations

import copy
from typing import Any

import pytest
import torch
from torch import nn

from interp_bench_ext.host import norms
from interp_bench_ext.host.norms import fuse
from tests.host.families import build_family


def model_of(family: str, dtype: torch.dtype) -> Any:
    model = build_family(family).eval().to(dtype)
    with torch.no_grad():
        for module in model.modules():
            if "Norm" in type(module).__name__:
                module.weight.uniform_(0.5, 1.5)
    return model


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("family", ["llama", "qwen2", "qwen3", "gemma2", "gemma3_text", "olmo2"])
@torch.no_grad()
def test_logits_are_those_of_the_modules_own_operations(family: str, dtype: torch.dtype) -> None:
    model = model_of(family, dtype)
    own, ids = copy.deepcopy(model), torch.arange(3, 40)[None]
    own_norms = [module for module in model.modules() if type(module).__name__.endswith("RMSNorm")]
    assert fuse(model) == len(own_norms) > 2
    difference = (model(ids).logits - own(ids).logits).float().abs().max()
    assert float(difference) < (1e-4 if dtype == torch.float32 else 0.1) * float(own(ids).logits.float().std())


def test_weights_hooks_and_copies_are_followed() -> None:
    model = model_of("llama", torch.float32)
    fuse(model)
    copied, seen = copy.deepcopy(model), []
    norm, other = model.model.norm, copied.model.norm
    given = torch.randn(2, len(norm.weight))
    norm.register_forward_hook(lambda _module, _given, out: seen.append(out))
    before = norm(given)
    with torch.no_grad():
        norm.weight.mul_(2)
    assert torch.allclose(norm(given), 2 * before)
    assert len(seen) == 2
    assert torch.allclose(other(given), before)


def test_few_numbers_are_normed_on_one_thread_and_many_on_all(monkeypatch: pytest.MonkeyPatch) -> None:
    norm, threads = model_of("llama", torch.float32).model.norm, []
    monkeypatch.setattr(norms, "_WAYS", (lambda module, given: (threads.append(torch.get_num_threads()), given)[1],))
    monkeypatch.setattr(norms, "_same", lambda ours, wanted: True)
    assert fuse(norm) == 1
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        norm(torch.randn(64, 1, len(norm.weight)))
        norm(torch.randn(norms._FEW // len(norm.weight) + 1, len(norm.weight)))
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(before)
    assert threads[1:] == [1, 2]  # the first was the probe's


class _Doubled(nn.Module):
    """Like a norm, and is none."""

    def __init__(self) -> None:
        super().__init__()
        self.weight, self.eps = nn.Parameter(torch.rand(8)), 1e-6

    def forward(self, given: torch.Tensor) -> torch.Tensor:
        return 2 * given * self.weight


class _Gated(nn.RMSNorm):
    def forward(self, given: torch.Tensor, gate: torch.Tensor | None = None) -> torch.Tensor:  # type: ignore[override]
        normed = super().forward(given)
        return normed if gate is None else normed * gate


@pytest.mark.parametrize("module", [_Doubled(), _Gated(8, eps=1e-6), nn.LayerNorm(8), nn.Linear(8, 8)])
def test_what_is_no_such_norm_is_left_as_it_is(module: nn.Module) -> None:
    assert fuse(nn.ModuleList([module])) == 0


def test_its_gradient_is_the_operations_gradient() -> None:
    model = model_of("gemma2", torch.float32)
    own = copy.deepcopy(model)
    fuse(model)
    gradients = []
    for each in (model, own):
        embedded = each.get_input_embeddings()(torch.arange(3, 20)[None]).detach().requires_grad_()
        each(inputs_embeds=embedded).logits[0, -1, 5].backward()
        gradients.append(embedded.grad)
    assert torch.allclose(*gradients, atol=1e-5)
