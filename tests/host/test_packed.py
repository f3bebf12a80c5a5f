"""Products with matrices that are laid out anew, beside torch's own."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import nn

from interp_bench_ext.host.packed import pack, product_with
from tests.host.families import build_family


@torch.no_grad()
def _product(layer: nn.Linear, given: torch.Tensor) -> torch.Tensor:
    """In float64."""
    bias = 0.0 if layer.bias is None else layer.bias.double()
    return given.double() @ layer.weight.double().T + bias


@pytest.mark.parametrize("shape", [(64,), (1, 64), (2, 64), (7, 1, 64), (3, 50, 64), (0, 64)])
@pytest.mark.parametrize("bias", [True, False])
def test_a_layer_gives_what_the_matrix_gives(shape: tuple[int, ...], *, bias: bool) -> None:
    layer, given = nn.Linear(64, 40, bias=bias), torch.randn(shape)
    assert pack([layer]) == 1
    with torch.no_grad():
        found = layer(given)
    assert found.shape == (*shape[:-1], 40)
    assert torch.allclose(found.double(), _product(layer, given), atol=1e-5)


def test_a_column_of_a_longer_pass_may_be_given() -> None:
    layer, given = nn.Linear(64, 40), torch.randn(8, 5, 64)[:, -1:]
    pack([layer])
    with torch.no_grad():
        assert torch.allclose(layer(given).double(), _product(layer, given), atol=1e-5)


def test_a_matrix_that_is_written_into_or_replaced_is_followed() -> None:
    layer, given = nn.Linear(64, 40), torch.randn(8, 64)
    pack([layer])
    with torch.no_grad():
        layer.weight.mul_(2)
        assert torch.allclose(layer(given).double(), _product(layer, given), atol=1e-5)
        layer.weight = nn.Parameter(torch.randn(40, 64))
        assert torch.allclose(layer(given).double(), _product(layer, given), atol=1e-5)


def test_gradients_are_those_of_the_layers_own_product() -> None:
    layer, given = nn.Linear(64, 40), torch.randn(8, 64, requires_grad=True)
    pack([layer])
    layer(given).sum().backward()
    assert given.grad is not None
    assert torch.allclose(given.grad, layer.weight.detach().sum(0).expand(8, -1), atol=1e-5)


@pytest.mark.parametrize("family", ["llama", "gemma2", "phi3"])
@torch.no_grad()
def test_a_models_logits_are_the_same(family: str) -> None:
    model = build_family(family).eval()
    ids = torch.arange(3, 40).reshape(1, -1)
    before = model(ids).logits
    assert pack([model]) == 1
    after = model(ids).logits
    assert torch.allclose(after, before, atol=1e-4)


@pytest.mark.parametrize("layer", [nn.Linear(64, 40, dtype=torch.bfloat16), nn.Linear(64, 40, device="meta")])
def test_what_is_of_another_kind_is_left_as_it_is(layer: Any) -> None:
    assert pack([layer]) == 0


def test_the_share_is_of_matrices_and_not_of_tables_of_tokens() -> None:
    plain, other = nn.Linear(64, 30), nn.Linear(64, 10, dtype=torch.float64)
    assert pack([nn.Sequential(nn.Embedding(9, 64), plain, other)]) == 0.75
    tied = nn.Linear(64, 9)
    tied.weight = (table := nn.Embedding(9, 64)).weight
    assert pack([nn.Sequential(table, tied)]) == 1


def test_layers_with_one_matrix_share_what_is_made_of_it() -> None:
    one, other = nn.Linear(64, 40), nn.Linear(64, 40)
    other.weight = one.weight
    assert pack([nn.Sequential(one), nn.Sequential(other)]) == 1
    copies = [layer.forward.__func__.__closure__ for layer in (one, other)]  # type: ignore[attr-defined]
    assert copies[0][0].cell_contents is copies[1][0].cell_contents


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize(("rows", "dtype"), [(8, torch.float32), (300, torch.float32), (300, torch.bfloat16)])
@torch.no_grad()
def test_a_product_with_a_part_of_a_matrix_is_torchs_own(rows: int, dtype: torch.dtype, *, bias: bool) -> None:
    matrix, given = torch.randn(100, 64).to(dtype), torch.randn(rows, 64).to(dtype)
    added = torch.randn(40).to(dtype) if bias else None
    found = product_with(matrix[30:70], added, rows)(given)
    expected = given.double() @ matrix[30:70].double().T + (added.double() if added is not None else 0.0)
    assert found.dtype == dtype
    assert torch.allclose(found.double(), expected, atol=1e-4 if dtype == torch.float32 else 0.3)
