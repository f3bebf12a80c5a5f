"""First factors of LoRA layers that are given the same, as one product."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from torch.nn.functional import linear

from interp_bench_ext.contracts import Row
from interp_bench_ext.host.adapter_rows import MaskedLora
from tests.host.tiny import load_tiny, save_adapter

IDS = (5, 9, 40, 41, 7, 11)


def logits_of(organism: Any) -> torch.Tensor:
    (batch,) = organism.run([Row(IDS)])
    return torch.as_tensor(batch.logits[0])


@pytest.fixture
def organism(model_folders: dict[str, Path], tmp_path: Path) -> Any:
    folder = model_folders["llama"]
    return load_tiny(folder, adapter=save_adapter(folder, tmp_path / "adapter"))


def layers(organism: Any, name: str) -> list[MaskedLora]:
    named = organism._engine.organism.model.named_modules()
    return [module for path, module in named if path.endswith(name) and isinstance(module, MaskedLora)]


def test_queries_and_values_are_one_product_and_others_their_own(organism: Any) -> None:
    for query, value, down in zip(*(layers(organism, name) for name in ("q_proj", "v_proj", "down_proj")), strict=True):
        assert query.shared is value.shared is not None
        assert down.shared is None
    assert len({id(query.shared) for query in layers(organism, "q_proj")}) == 3


def test_products_are_those_of_each_layer_alone(organism: Any) -> None:
    together = logits_of(organism)
    for layer in layers(organism, "_proj"):
        layer.shared = None
    assert torch.allclose(together, logits_of(organism), atol=1e-5)


def test_a_layer_that_is_given_something_else_has_its_own(organism: Any) -> None:
    query, value = layers(organism, "q_proj")[0], layers(organism, "v_proj")[0]
    ours, others = torch.randn(2, 1, 3, query.down.weight.shape[1])  # type: ignore[union-attr]
    query(ours)
    expected = value.base_layer(others) + value.scaling * linear(
        linear(others, value.down.weight),  # type: ignore[arg-type]
        value.up.weight,  # type: ignore[arg-type]
    )
    assert torch.allclose(value(others), expected, atol=1e-5)


def test_what_was_given_is_let_go_after_the_pass(organism: Any) -> None:
    logits_of(organism)
    for query in layers(organism, "q_proj"):
        assert query.shared is not None
        assert query.shared._given is None


def test_weights_changed_in_place_count(organism: Any) -> None:
    before = logits_of(organism)
    with torch.no_grad():
        layers(organism, "v_proj")[0].down.weight.mul_(3)  # type: ignore[operator]
    assert not torch.allclose(before, logits_of(organism), atol=1e-3)
