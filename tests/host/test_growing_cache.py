from __future__ import annotations

import copy

import torch
from transformers.cache_utils import DynamicLayer

from interp_bench_ext.host.growing_cache import GrowingLayer


def columns(number: int, rows: int = 3) -> torch.Tensor:
    return torch.randn((rows, 2, number, 4))


@torch.no_grad()
def test_it_holds_what_transformers_own_layer_holds_whatever_is_done_to_it() -> None:
    ours, theirs = GrowingLayer(), DynamicLayer()
    for number in (5, 1, 1, 3, *[1] * 40):
        keys, values = columns(number), columns(number)
        for found, wanted in zip(ours.update(keys, values), theirs.update(keys, values), strict=True):
            assert torch.equal(found, wanted)
    for layer in (ours, theirs):
        layer.batch_select_indices(torch.tensor([2, 0]))
    for _ in range(3):
        keys, values = columns(1, rows=2), columns(1, rows=2)
        for found, wanted in zip(ours.update(keys, values), theirs.update(keys, values), strict=True):
            assert torch.equal(found, wanted)


@torch.no_grad()
def test_most_steps_write_into_memory_that_is_there() -> None:
    layer = GrowingLayer()
    layer.update(columns(8), columns(8))
    begins = [layer.update(columns(1), columns(1))[0].data_ptr() for _ in range(40)]
    assert len(set(begins)) <= 4


@torch.no_grad()
def test_a_copy_and_what_it_was_copied_from_go_on_apart() -> None:
    layer = GrowingLayer()
    layer.update(columns(4), columns(4))
    layer.update(columns(1), columns(1))
    before = layer.keys.clone()
    other = copy.copy(layer)
    other.keys, other.values = other.keys[:2], other.values[:2]
    found, _ = other.update(torch.ones((2, 2, 1, 4)), torch.ones((2, 2, 1, 4)))
    kept, _ = layer.update(torch.zeros((3, 2, 1, 4)), torch.zeros((3, 2, 1, 4)))
    again, _ = other.update(torch.ones((2, 2, 1, 4)), torch.ones((2, 2, 1, 4)))
    assert torch.equal(kept, torch.cat([before, torch.zeros((3, 2, 1, 4))], -2))
    assert torch.equal(found, torch.cat([before[:2], torch.ones((2, 2, 1, 4))], -2))
    assert torch.equal(again, torch.cat([before[:2], torch.ones((2, 2, 2, 4))], -2))
