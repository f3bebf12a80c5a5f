from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import torch

from interp_bench_ext.host.fixed_cache import FixedCache


def cache_of(rows: int, columns: int, *, heads: int = 2, width: int = 3) -> Any:
    shape = (rows, heads, columns, width)
    layers = [SimpleNamespace(keys=torch.randn(shape), values=torch.randn(shape)) for _ in range(2)]
    return SimpleNamespace(layers=layers)


def test_what_goes_in_is_seen_until_something_else_does() -> None:
    fixed, cache = FixedCache(), cache_of(3, 5)
    before = [layer.keys.clone() for layer in cache.layers]
    assert fixed.resize(cache, 4, 8)
    fixed.load(cache)
    for layer, (keys, values) in zip(cache.layers, fixed.views(3, 5), strict=True):
        layer.keys, layer.values = keys, values
    assert fixed.holds(cache)
    assert all(torch.equal(layer.keys, keys) for layer, keys in zip(cache.layers, before, strict=True))
    fixed.take_out(cache)
    assert not fixed.holds(cache)
    fixed.load(cache_of(4, 8))
    assert all(torch.equal(layer.keys, keys) for layer, keys in zip(cache.layers, before, strict=True))


def test_a_pass_writes_into_its_column() -> None:
    fixed, cache = FixedCache(), cache_of(1, 4)
    fixed.resize(cache, 1, 4)
    fixed.load(cache)
    given = fixed.given()
    given.column.fill_(2)
    one = torch.ones(1, 2, 1, 3)
    keys, values = given.whole.update(one, -one, 1)
    assert torch.equal(keys[:, :, 2:3], one)
    assert torch.equal(values[:, :, 2:3], -one)
    assert torch.equal(keys[:, :, 3], cache.layers[1].keys[:, :, 3])


def test_smaller_buffers_lie_in_the_same_memory_and_larger_ones_do_not() -> None:
    fixed, cache = FixedCache(), cache_of(2, 4)
    assert fixed.resize(cache, 2, 8)
    assert not fixed.resize(cache, 4, 4)
    assert not fixed.resize(cache, 2, 8)
    assert fixed.resize(cache, 4, 8)
    assert fixed.resize(cache_of(2, 4, heads=1), 4, 8)
